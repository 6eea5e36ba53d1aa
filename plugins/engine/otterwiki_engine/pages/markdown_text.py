"""Where pieces of a page's text come from, and how much work reading it may take.

Markdown is read from texts that are made of parts of a page: lines without their quote marks,
cells of a table. A :class:`Region` is such a text that knows, for each of its characters, where in
the page it stands.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")


class TextTooComplex(Exception):
    """Reading the text's Markdown would take far longer than its length justifies."""


class Work:
    """How many characters may still be looked at, above the once or twice that all texts need.

    Counted, not measured, so that a text is too complex on every machine or on none.
    """

    def __init__(self, text: str) -> None:
        self._left = 1_000_000 + 4 * len(text)

    def spend(self, characters: int) -> None:
        """Count; raises :class:`TextTooComplex` when all is used up."""
        self._left -= characters
        if self._left < 0:
            raise TextTooComplex


class SourceLine(NamedTuple):
    """A line without its end, and the offset of its first character in the page."""

    text: str
    start: int


class Region(NamedTuple):
    """Text that is read as one: a paragraph, a heading, a cell, a block of HTML.

    ``breaks`` are (offset in ``text``, offset in the page) wherever the two stop going together.
    """

    text: str
    breaks: tuple[tuple[int, int], ...]

    def position(self, offset: int) -> int:
        """Where in the page the character at `offset` stands, or stood if it is the end."""
        index = bisect_right(self.breaks, (offset, 1 << 60)) - 1
        local, absolute = self.breaks[index]
        return absolute + offset - local


def split_lines(text: str) -> tuple[str, ...]:
    r"""The lines of `text` with their ends, which are \r\n, \n or \r and nothing else.

    Joined they are `text` again.
    """
    return tuple(_LINE.findall(text))


def source_lines(lines: tuple[str, ...]) -> list[SourceLine]:
    """`lines` (with their ends) as a page's."""
    found = []
    start = 0
    for line in lines:
        found.append(SourceLine(line.rstrip("\r\n"), start))
        start += len(line)
    return found


def region_of(page: str, spans: list[tuple[int, int]]) -> Region:
    """The parts of `page` between these offsets, as lines of one text without blanks around it."""
    parts = [page[start:end] for start, end in spans]
    breaks = []
    local = 0
    for (start, _end), part in zip(spans, parts, strict=True):
        breaks.append((local, start))
        local += len(part) + 1
    return Region("\n".join(parts).rstrip(" \t\f"), tuple(breaks))
