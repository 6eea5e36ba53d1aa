"""What the index keeps of a page, worked out from its content alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .blocks import Blocks, BlockText, TextTooLong, parse_blocks
from .front_matter import category_of, read_front_matter, tags_of, title_of
from .inline import Inline
from .links import Link, LinkFinder
from .markdown_text import Region, TextTooComplex, Work, split_lines
from .settings import PageSettings
from .structure import Heading, problem_with, structure_of
from .words import indexable

#: Changes when the same page gives other rows: an index made before is old then.
CONTENTS_VERSION = 2
#: Links and headings kept of one page; a page of the size that is allowed can have more.
MAX_LINKS = 10_000
MAX_HEADINGS = 5_000
_MAX_ADDRESS_CHARACTERS = 1_000
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^>]*>", re.DOTALL)
_WORD = re.compile(r"\w+(?:['’-]\w+)*")


@dataclass(frozen=True)
class PageContents:
    """A page as the index has it.

    ``heading`` is the text of its first heading; ``title`` that of its front matter where it has
    no heading of the first level (Otterwiki then shows it as one), else ``heading``; both None
    where there is none. ``body`` has the lines of the page's text, without front matter and
    addresses; ``addresses`` are those of its links. ``problem`` says why it was taken as plain
    text: headings and links are not known then.
    """

    path: str
    blob_id: str
    size_bytes: int
    title: str | None
    heading: str | None
    category: str | None
    tags: tuple[str, ...]
    front_matter: dict[str, Any]
    front_matter_problem: str | None
    word_count: int
    headings: tuple[Heading, ...]
    links: tuple[Link, ...]
    body: str
    addresses: str
    problem: str | None


def read_contents(path: str, blob_id: str, content: bytes, settings: PageSettings) -> PageContents:
    """What the index keeps of page `path`. Takes time in proportion to its size; never raises."""
    text = content.decode("utf-8", "replace")
    lines = split_lines(text)
    front = read_front_matter(lines)
    headings: tuple[Heading, ...] = ()
    links: tuple[Link, ...] = ()
    problem = None
    work = Work(text)
    try:
        blocks = parse_blocks(text, work)
        sections = structure_of(blocks, work, link_first=settings.wikilink_link_first).sections
        headings = tuple(section.heading for section in sections[:MAX_HEADINGS])
        finder = LinkFinder(blocks, path, settings, work)
        links = tuple(islice(finder.find(), MAX_LINKS))
        shown = _without(text, _hidden(blocks, finder.read))
    except (TextTooComplex, TextTooLong) as error:
        headings, links, shown = (), (), text
        problem = problem_with(error)
    heading = headings[0].text if headings else None
    has_main_heading = any(found.level == 1 for found in headings)
    body_lines = [line.rstrip("\r\n") for line in split_lines(shown)]
    body_lines[: front.end_line] = [""] * front.end_line
    body = "\n".join(body_lines)
    return PageContents(
        path=path,
        blob_id=blob_id,
        size_bytes=len(content),
        title=(None if has_main_heading else title_of(front.values)) or heading or None,
        heading=heading or None,
        category=category_of(front.values),
        tags=tags_of(front.values),
        front_matter=dict(front.values),
        front_matter_problem=front.problem,
        word_count=len(_WORD.findall(body)),
        headings=headings,
        links=links,
        body=indexable(body),
        addresses=indexable(" ".join(_addresses(links))),
        problem=problem,
    )


def _hidden(blocks: Blocks, read: list[tuple[Region, Inline]]) -> Iterator[tuple[int, int]]:
    """Offsets of what a reader does not see: addresses of links, their brackets, HTML tags."""
    for region, found in read:
        for link in found.links:
            yield region.position(link.whole[0]), region.position(link.label[0])
            yield region.position(link.label[1]), region.position(link.whole[1] - 1) + 1
        for start, end in found.html:
            yield region.position(start), region.position(end - 1) + 1
    for block in blocks.blocks:
        if isinstance(block, BlockText) and block.kind == "html":
            for tag in _TAG.finditer(block.region.text):
                yield block.region.position(tag.start()), block.region.position(tag.end() - 1) + 1


def _without(text: str, hidden: Iterator[tuple[int, int]]) -> str:
    """`text` without these parts, but with all its lines."""
    parts = []
    position = 0
    for start, end in sorted(hidden):
        if start < position:  # inside a part that is taken away already
            start = position
        if end > start:
            parts += [text[position:start], "\n" * len(re.findall(r"\r\n?|\n", text[start:end]))]
            position = end
    return "".join([*parts, text[position:]])


def _addresses(links: tuple[Link, ...]) -> Iterator[str]:
    """Where the links lead, each once."""
    seen = set()
    for link in links:
        target = link.target if link.kind != "external" else link.url
        if target not in seen:
            seen.add(target)
            yield unicodedata.normalize("NFC", target[:_MAX_ADDRESS_CHARACTERS])
