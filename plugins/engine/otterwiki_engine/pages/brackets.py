"""Where brackets in a text belong together, and where they lead as links."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping

from .link_syntax import LINK_LABEL, Address, Definition, link_key, read_inline_address
from .markdown_text import Work

_BRACKETS = re.compile(r"\\.|[\[\]]", re.DOTALL)
LABEL = re.compile(LINK_LABEL + r"\]")


class Brackets:
    """The brackets of ``text[start:end]``. Where they are is looked for when it is first asked."""

    def __init__(
        self,
        text: str,
        start: int,
        end: int,
        definitions: Mapping[str, Definition],
        work: Work,
    ) -> None:
        self._text = text
        self._start = start
        self._end = end
        self._definitions = definitions
        self._work = work
        self._pairs: dict[int, int] | None = None
        self._links: tuple[list[int], list[int]] | None = None

    def closing(self, position: int) -> int | None:
        """Where the bracket is that closes the one before `position`, None where none does."""
        return self._all_pairs().get(position)

    def target(
        self, label_start: int, label_end: int, end: int
    ) -> tuple[int, Address | Definition] | None:
        """Where what is in brackets leads, and where reading goes on behind the link.

        `end` is where the text ends that is read now. None where it leads nowhere.
        """
        after = label_end + 1
        name = ""
        if after < end and self._text[after] == "(":
            address = read_inline_address(self._text, after + 1, end, self._work)
            if address:
                return address.next, address
        elif after < end and self._text[after] == "[":
            second = LABEL.match(self._text, after + 1, end)
            if second:
                name, after = second[0][:-1], second.end()
        if not self._definitions:
            return None
        definition = self._definitions.get(link_key(name or self._label(label_start, label_end)))
        return (after, definition) if definition else None

    def holds_link(self, start: int, end: int) -> bool:
        """Whether a link lies between these offsets."""
        if self._links is None:
            self._links = self._link_ranges()
        starts, nearest_ends = self._links
        index = bisect_left(starts, start)
        return index < len(starts) and starts[index] < end and nearest_ends[index] <= end

    def _all_pairs(self) -> dict[int, int]:
        """Where the text within brackets begins -> where it ends."""
        if self._pairs is None:
            self._work.spend(self._end - self._start)
            self._pairs = {}
            open_brackets: list[int] = []
            for found in _BRACKETS.finditer(self._text, self._start, self._end):
                if found[0] == "[":
                    open_brackets.append(found.end())
                elif found[0] == "]" and open_brackets:
                    self._pairs[open_brackets.pop()] = found.start()
        return self._pairs

    def _link_ranges(self) -> tuple[list[int], list[int]]:
        """Where links begin, ascending, and for each the least end of it and all after it."""
        ranges = []
        for label_start, label_end in self._all_pairs().items():
            opener = label_start - 1
            if opener > self._start and self._text[opener - 1] == "!":
                continue
            after = self._range_end(label_start, label_end)
            if after is not None:
                ranges.append((opener, after))
        ranges.sort()
        nearest_ends = [0] * len(ranges)
        nearest = len(self._text) + 1
        for index in reversed(range(len(ranges))):
            nearest = min(nearest, ranges[index][1])
            nearest_ends[index] = nearest
        return [start for start, _ in ranges], nearest_ends

    def _range_end(self, label_start: int, label_end: int) -> int | None:
        """Where the link ends that these brackets are, None where they are none.

        Unlike in :meth:`target`, what looks like an address or a second label has to be one.
        """
        after = label_end + 1
        name = ""
        if after < self._end and self._text[after] == "(":
            address = read_inline_address(self._text, after + 1, self._end, self._work)
            return address.next if address else None
        if after < self._end and self._text[after] == "[":
            second = LABEL.match(self._text, after + 1, self._end)
            if second is None:
                return None
            name, after = second[0][:-1], second.end()
        if not self._definitions:
            return None
        key = link_key(name or self._label(label_start, label_end))
        return after if key in self._definitions else None

    def _label(self, start: int, end: int) -> str:
        self._work.spend(end - start)
        return self._text[start:end]
