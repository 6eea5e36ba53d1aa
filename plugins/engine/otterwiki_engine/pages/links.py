"""The links of a page: where they stand, and what Otterwiki's renderer makes of them.

A link is what the renderer shows as one. Nothing in code, formulas or comments is, a reference is
one only with its definition, and a definition only with a reference.
"""

from __future__ import annotations

import html
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from ..pagenames import PAGE_SUFFIX
from .blocks import Block, Blocks, BlockText, TextTooLong, parse_blocks
from .html_links import html_links
from .inline import Inline, InlineLink, Syntax, read_inline
from .link_syntax import Definition, is_shown, unescaped, url_as_written
from .link_targets import Kind, Target, file_name, page_url, target_of, wiki_link_url
from .markdown_text import Region, TextTooComplex, Work, source_lines
from .settings import PageSettings

__all__ = ["Kind", "Link", "LinkFinder", "Syntax", "find_links", "page_url", "resolve"]

INCLUDE = "include"
_EMBEDDINGS_WITH_ADDRESS = (INCLUDE, "datatable", "imageframe", "image frame", "video")
_MAX_TEXT_CHARACTERS = 200


@dataclass(frozen=True)
class Link:
    """A link of a page.

    ``kind`` is "page", "attachment" or "external" (anything else, the wiki's own tools included).
    ``target`` is the path of the page ("notes/todo"), or that of the attachment with its page's
    before it ("notes/todo/plan.pdf"), in the case that file names have; of an external link it is
    ``url``, the address as it stands in the page's HTML. ``anchor`` is the part behind ``#``.

    The address is ``text[start:end]`` of the page (offsets in characters); with syntax
    "reference" that is in the link's definition, which several links may share. ``line`` is the
    line of the address, from 0. ``text`` is what is shown as the link, cut where it is long.
    ``embedding`` is the name of the embedding whose ``src`` it is.
    """

    kind: Kind
    target: str
    anchor: str | None
    text: str
    line: int
    start: int
    end: int
    syntax: Syntax
    url: str
    embedding: str = ""


def find_links(text: str, page: str, settings: PageSettings) -> list[Link]:
    """The links of page `page` (its path) with the text `text`, in the order they are shown in.

    None of a text that is too long or too complex to be read as Markdown.
    """
    work = Work(text)
    try:
        return list(LinkFinder(parse_blocks(text, work), page, settings, work).find())
    except (TextTooComplex, TextTooLong):
        return []


def resolve(
    address: str,
    syntax: Syntax,
    page: str,
    settings: PageSettings,
    *,
    is_image: bool = False,
    embedding: str = "",
) -> tuple[str, Target]:
    """What a link's `address`, as it is written on page `page`, becomes in the page's HTML, and
    where that leads. `is_image` tells that it is shown in place."""
    if embedding:
        address = address.replace(r"\|", "|")
    if embedding == INCLUDE:
        folder = page.rpartition("/")[0]
        path = f"{folder}/{address}" if folder and not address.startswith("/") else address
        path = path.strip("/").removesuffix(PAGE_SUFFIX)
        # What is included is a page, whatever its name is like.
        return page_url(path), Target("page", file_name(path, settings), None)
    url = _url(address, syntax, page, embedding)
    if not is_shown(url):
        return url, Target("external", url, None)
    target = target_of(url, page, settings)
    if target.kind == "page" and is_image and url:
        target = target._replace(kind="attachment")  # a page can't be shown in place
    return url, target


def _url(address: str, syntax: Syntax, page: str, embedding: str) -> str:
    if syntax == "wikilink":
        return wiki_link_url(address)
    if syntax == "html":
        return html.unescape(address)
    if syntax == "autolink":
        is_mail = "@" in address and ":" not in address.partition("@")[0]
        return url_as_written(f"mailto:{address}" if is_mail else address)
    if embedding == "datatable":
        return page_url(address.lstrip("/") if address.startswith("/") else f"{page}/{address}")
    if embedding:
        return url_as_written(address)
    url = url_as_written(unescaped(address))
    return f"{page_url(page)}/{url}" if url.startswith("./") else url


class LinkFinder:
    """Finds the links of one page; ``read`` is what it read on the way."""

    def __init__(self, blocks: Blocks, page: str, settings: PageSettings, work: Work) -> None:
        self._blocks = blocks
        self._page = page
        self._settings = settings
        self._work = work
        self._line_starts = [line.start for line in source_lines(blocks.lines)]
        self._shows_footnotes = False
        self.read: list[tuple[Region, Inline]] = []

    def find(self) -> Iterator[Link]:
        """The links, in the order they are shown in.

        Raises :class:`~.markdown_text.TextTooComplex`.
        """
        for block in self._blocks.blocks:
            yield from self._in_block(block)
        if self._shows_footnotes:
            for note in self._blocks.footnotes.values():
                yield from self._inline(note)

    def _in_block(self, block: Block) -> Iterator[Link]:
        region = block.region
        if isinstance(block, BlockText) and block.kind == "html":
            yield from self._html(region, 0, len(region.text))
        elif isinstance(block, BlockText) and block.kind == "option":
            if block.embedding in _EMBEDDINGS_WITH_ADDRESS and region.text:
                yield self._at(region, (0, len(region.text)), "embedding", block.embedding)
        else:
            yield from self._inline(region)

    def _inline(self, region: Region) -> Iterator[Link]:
        found = read_inline(
            region.text,
            self._work,
            definitions=self._blocks.definitions,
            footnotes=self._blocks.footnote_numbers,
            link_first=self._settings.wikilink_link_first,
        )
        self.read.append((region, found))
        self._shows_footnotes = self._shows_footnotes or bool(found.footnotes)
        if not found.html:
            yield from (self._link(region, link) for link in found.links)
            return
        links = [self._link(region, link) for link in found.links]
        tags = [link for span in found.html for link in self._html(region, *span)]
        # Both lists are in the order of the text.
        places = [region.position(link.start) for link in found.links]
        merged = [*zip(places, links, strict=True), *((tag.start, tag) for tag in tags)]
        yield from (link for _, link in sorted(merged, key=lambda item: item[0]))

    def _html(self, region: Region, start: int, end: int) -> Iterator[Link]:
        for found in html_links(region.text, start, end):
            yield self._at(region, found[:2], "html", is_image=found.is_image)

    def _link(self, region: Region, link: InlineLink) -> Link:
        label = " ".join(region.text[slice(*link.label)].split())
        return self._at(
            region,
            (link.start, link.end),
            link.syntax,
            text=label[:_MAX_TEXT_CHARACTERS],
            definition=link.definition,
            is_image=link.is_image,
        )

    def _at(
        self,
        region: Region,
        span: tuple[int, int],
        syntax: Syntax,
        embedding: str = "",
        *,
        text: str = "",
        definition: Definition | None = None,
        is_image: bool = False,
    ) -> Link:
        start, end = span
        if definition:
            address, first, last = definition.address, definition.start, definition.end
        else:
            address = region.text[start:end]
            first = region.position(start)
            last = region.position(end - 1) + 1 if end > start else first
        url, target = resolve(
            address,
            syntax,
            self._page,
            self._settings,
            is_image=is_image or bool(embedding),
            embedding=embedding,
        )
        line = bisect_right(self._line_starts, first) - 1
        return Link(
            target.kind, target.path, target.anchor, text, line, first, last, syntax, url, embedding
        )
