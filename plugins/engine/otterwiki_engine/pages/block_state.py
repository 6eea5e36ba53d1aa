"""What the rules for blocks share while one page is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from markdown_it.rules_block import StateBlock

from .link_syntax import Definition
from .markdown_text import SourceLine, Work
from .tables import wiki_link_bars

CONTAINER = "container"
PAGE = "page"


@dataclass
class Container:
    """A box: the texts inside, each read by itself, and the ``src`` of an embedding."""

    contents: list[list[SourceLine]]
    underlined_headings: bool = True
    name: str = ""
    options: list[tuple[int, int]] = field(default_factory=list)


Rule = Callable[[StateBlock, int, int, bool], bool]
#: The number of the line behind a block, and what is in it.
Found = tuple[int, Container | None] | None


class PageState:
    """What the rules know of the page, and what they found that has no place of its own."""

    def __init__(self, text: str, work: Work) -> None:
        self.text = text
        self.work = work
        self.definitions: dict[str, Definition] = {}
        self.footnotes: dict[str, SourceLine] = {}
        self.lines: list[SourceLine] = []
        self.source = ""
        self.shifts: list[int] = []
        self.never_closed: dict[str, int] = {}
        self.no_definition: set[int] = set()
        self.no_table_before = 0
        self.env: dict[str, Any] = {}
        self._bars: list[int] | None = None

    @property
    def wiki_link_bars(self) -> list[int]:
        """Offsets in the page of the bars that divide wiki links."""
        if self._bars is None:
            self._bars = wiki_link_bars(self.text)
        return self._bars

    def begin(self, lines: list[SourceLine], *, first_line: int = 0) -> None:
        """Go on with these lines: the page's, or those inside a box.

        What is before `first_line` was front matter.
        """
        self.lines = lines
        self.shifts = []
        self.never_closed = {}
        self.no_table_before = 0
        # The renderer goes on as if in a paragraph behind a few blocks.
        self.no_definition = {first_line} if first_line else set()
        offset = 0
        for line in lines:
            self.shifts.append(line.start - offset)
            offset += len(line.text) + 1
        self.source = "\n".join(line.text for line in lines) + "\n"
        self.env = {PAGE: self}

    def match_from(self, line: int, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What `pattern` finds on line `line`, behind the blanks before its text."""
        begin = self.lines[line].start - self.shifts[line]
        text = self.lines[line].text
        return pattern.match(self.source, begin + len(text) - len(text.lstrip(" ")))
