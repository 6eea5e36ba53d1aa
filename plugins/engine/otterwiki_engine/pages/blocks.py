"""The blocks of a page: headings, and every text in which a link may stand, with their places.

markdown-it-py finds the blocks; :mod:`.block_rules` adds those that Otterwiki's renderer knows
besides, and takes back what it does not know. What is shown as it is (code, formulas, comments'
insides, front matter) gives no region.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .block_rules import install_rules
from .block_state import CONTAINER, Container, PageState
from .front_matter import front_matter_lines
from .link_syntax import Definition
from .markdown_text import Region, SourceLine, Work, region_of, source_lines, split_lines

MAX_NESTING = 40  # of lists, items and quotes; what lies deeper is not looked at
MAX_CONTAINERS = 10  # boxes within boxes
#: Longer texts are not read as Markdown. A page of the size that is allowed has far fewer lines.
MAX_CHARACTERS = 4_000_000
MAX_LINES = 50_000


class TextTooLong(Exception):
    """The text is longer than :data:`MAX_CHARACTERS` or has more lines than :data:`MAX_LINES`."""


@dataclass(frozen=True)
class BlockHeading:
    """A heading: its first line and the first line after it, from 0.

    ``top_level`` tells that it stands in no list, quote or box.
    """

    level: int
    line: int
    body_line: int
    top_level: bool
    region: Region


@dataclass(frozen=True)
class BlockText:
    """A text with links: ``kind`` "html" for a block of HTML, "option" for the ``src`` of an
    embedding, whose name is ``embedding``."""

    kind: Literal["text", "html", "option"]
    region: Region
    embedding: str = ""


Block = BlockHeading | BlockText


@dataclass(frozen=True)
class Blocks:
    """A page's blocks in the order they are shown in.

    ``definitions`` are the links defined by ``[name]: address``, by :func:`.link_syntax.link_key`;
    ``footnotes`` the notes by key, which are shown, all of them, once one is referred to.
    """

    text: str
    lines: tuple[str, ...]
    front_matter_end: int
    blocks: tuple[Block, ...]
    definitions: dict[str, Definition]
    footnotes: dict[str, Region] = field(default_factory=dict)

    @cached_property
    def footnote_numbers(self) -> dict[str, int]:
        """Which number a note is shown with, by key."""
        return {key: number for number, key in enumerate(self.footnotes, 1)}


def _parser(*, underlined_headings: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING})
    install_rules(parser, underlined_headings=underlined_headings)
    return parser


_PARSER = _parser(underlined_headings=True)
_BOX_PARSER = _parser(underlined_headings=False)


def parse_blocks(text: str, work: Work | None = None) -> Blocks:
    """The blocks of page `text`.

    Raises :class:`TextTooLong` and :class:`~.markdown_text.TextTooComplex`.
    """
    if len(text) > MAX_CHARACTERS:
        raise TextTooLong
    lines = split_lines(text)
    if len(lines) > MAX_LINES:
        raise TextTooLong
    work = work or Work(text)
    source = source_lines(lines)
    end = front_matter_lines(lines)
    for number in range(end):
        # The line that ends it may hold text behind its hyphens.
        skipped = 3 if number == end - 1 else len(source[number].text)
        source[number] = SourceLine(source[number].text[skipped:], source[number].start + skipped)
    state = PageState(text, work)
    blocks = tuple(_blocks(source, state, _PARSER, 0, first_line=end))
    footnotes = {key: _note(text, note) for key, note in state.footnotes.items()}
    return Blocks(text, lines, end, blocks, state.definitions, footnotes)


def _note(text: str, note: SourceLine) -> Region:
    begin = note.start + len(note.text) - len(note.text.lstrip())
    return region_of(text, [(begin, note.start + len(note.text))])


def _blocks(
    lines: list[SourceLine],
    state: PageState,
    parser: MarkdownIt,
    depth: int,
    *,
    first_line: int = 0,
) -> Iterator[Block]:
    if not lines or depth > MAX_CONTAINERS:
        return
    tokens: list[Token] = []
    state.begin(lines, first_line=first_line)
    parser.block.parse(state.source, parser, state.env, tokens)
    heading: Token | None = None
    for token in tokens:
        if token.type == "heading_open":
            heading = token
        elif token.type == "inline":
            region = token.meta.get("region") or region_of(state.text, token.meta["spans"])
            if heading is None:
                if region.text:
                    yield BlockText("text", region)
                continue
            first, after = heading.map or [0, 0]
            yield BlockHeading(
                int(heading.tag[1]), first, after, depth == 0 and heading.level == 0, region
            )
            heading = None
        elif token.type == "html_block":
            yield BlockText("html", region_of(state.text, token.meta["spans"]))
        elif token.type == CONTAINER:
            container: Container = token.meta["container"]
            for option in container.options:
                yield BlockText("option", region_of(state.text, [option]), container.name)
            inside = _PARSER if container.underlined_headings else _BOX_PARSER
            for content in container.contents:
                yield from _blocks(content, state, inside, depth + 1)
