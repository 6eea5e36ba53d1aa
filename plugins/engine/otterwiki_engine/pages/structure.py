"""The outline of a page: its headings and what lies under each, by line.

Headings are those a Markdown parser finds (CommonMark: ``#`` and underlined ones, none in code),
and only those that stand by themselves cut a page into sections: one in a list, a quote or a box
belongs to the section around it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .blocks import BlockHeading, Blocks, TextTooLong, parse_blocks
from .front_matter import front_matter_lines
from .inline import read_inline
from .link_targets import slugify
from .markdown_text import TextTooComplex, Work, split_lines
from .plain_text import heading_text


@dataclass(frozen=True)
class Heading:
    """A heading; ``level`` 1 to 6, ``text`` without Markdown.

    ``line`` is its first line, from 0, and ``body_line`` the first one after it (an underlined
    heading has two lines or more). ``anchor`` is what Otterwiki's renderer gives it as id.
    """

    level: int
    text: str
    line: int
    body_line: int
    anchor: str


@dataclass(frozen=True)
class Section:
    """A heading and all up to the next one of its level or above.

    ``path`` are the texts of the enclosing headings, its own last. The section is the lines
    ``start_line`` (the heading's) to ``end_line``, which is not part of it.
    """

    heading: Heading
    path: tuple[str, ...]
    start_line: int
    end_line: int


@dataclass(frozen=True)
class Structure:
    r"""A page's outline.

    ``lines`` have their ends (\r\n, \n or \r); joined they are the page. ``front_matter_end`` is
    the first line behind the front matter, 0 where there is none. ``title`` is the text of the
    first heading, None where there is none. ``problem`` says why a page without an outline has
    none: it is too long or too complex.
    """

    lines: tuple[str, ...]
    front_matter_end: int
    sections: tuple[Section, ...]
    title: str | None
    problem: str | None = None


def parse_structure(text: str, *, wikilink_link_first: bool = False) -> Structure:
    """The outline of page `text`. Takes time in proportion to its length, and raises nothing.

    `wikilink_link_first` tells which part of a wiki link in a heading is shown
    (:class:`.settings.PageSettings`).
    """
    work = Work(text)
    try:
        return structure_of(parse_blocks(text, work), work, link_first=wikilink_link_first)
    except (TextTooLong, TextTooComplex) as error:
        lines = split_lines(text)
        return Structure(lines, front_matter_lines(lines), (), None, problem_with(error))


def problem_with(error: TextTooLong | TextTooComplex) -> str:
    """Why a text was not read as Markdown, in words for its author."""
    if isinstance(error, TextTooLong):
        return "the page is too long to be read as Markdown"
    return "the page is too complex to be read as Markdown"


def structure_of(blocks: Blocks, work: Work, *, link_first: bool = False) -> Structure:
    """As :func:`parse_structure`, for a page whose blocks are known.

    Raises :class:`~.markdown_text.TextTooComplex`.
    """
    headings = _headings(blocks, work, link_first)
    ends = _ends([heading.level for heading in headings], [heading.line for heading in headings])
    sections = []
    path: list[tuple[int, str]] = []
    for heading, end in zip(headings, ends, strict=True):
        while path and path[-1][0] >= heading.level:
            path.pop()
        path.append((heading.level, heading.text))
        last = len(blocks.lines) if end is None else end
        sections.append(Section(heading, tuple(text for _, text in path), heading.line, last))
    title = headings[0].text if headings else None
    return Structure(blocks.lines, blocks.front_matter_end, tuple(sections), title)


def _headings(blocks: Blocks, work: Work, link_first: bool) -> list[Heading]:
    """Headings that cut sections. All others count where anchors are numbered."""
    found = []
    anchors: dict[str, int] = {}
    for block in blocks.blocks:
        if not isinstance(block, BlockHeading):
            continue
        inline = read_inline(
            block.region.text,
            work,
            definitions=blocks.definitions,
            footnotes=blocks.footnote_numbers,
            link_first=link_first,
        )
        text = heading_text(inline.pieces)
        anchor = slugify(text)
        if anchor in anchors:
            anchors[anchor] += 1
            anchor = f"{anchor}-{anchors[anchor]}"
        else:
            anchors[anchor] = 0
        if block.top_level:
            found.append(Heading(block.level, text, block.line, block.body_line, anchor))
    return found


def _ends(levels: list[int], lines: list[int]) -> list[int | None]:
    """For each heading the line of the next one of its level or above, None for the end."""
    ends: list[int | None] = [None] * len(levels)
    unfinished: list[int] = []
    for index, level in enumerate(levels):
        while unfinished and levels[unfinished[-1]] >= level:
            ends[unfinished.pop()] = lines[index]
        unfinished.append(index)
    return ends
