"""Looking for things in one text over and over, in time that does not grow with their square."""

from __future__ import annotations

import re
from bisect import bisect_left

from .markdown_text import Work

_BACKTICKS = re.compile(r"`+")
_SPECIAL_ENDS = {"<!--": "-->", "<?": "?>", "<![CDATA": "]]>"}


class TextLookup:
    """Finds things in `text`. What was found, or found missing, is not looked for again."""

    def __init__(self, text: str, work: Work) -> None:
        self.text = text
        self.work = work
        self._backticks: dict[int, list[int]] | None = None
        self._nowhere: dict[str, int] = {}
        self._bracket = (0, -1)  # from where on it was looked for, and where it is

    def code_end(self, start: int, length: int, end: int) -> int | None:
        """Where the next run of exactly `length` backticks behind `start` begins."""
        if self._backticks is None:
            self._backticks = {}
            for run in _BACKTICKS.finditer(self.text):
                self._backticks.setdefault(len(run[0]), []).append(run.start())
        places = self._backticks.get(length, [])
        index = bisect_left(places, start + 1)
        if index < len(places) and places[index] + length <= end:
            return places[index]
        return None

    def find(self, what: str, start: int, end: int) -> int:
        """As str.find; what is not there is not looked for again."""
        if start >= self._nowhere.get(what, len(self.text) + 1):
            return -1
        position = self.text.find(what, start)
        if position < 0:
            self._nowhere[what] = start
        elif position > end - len(what):
            self.work.spend(position - start)
            return -1
        return position

    def next_bracket(self, start: int) -> int:
        """Where the first closing bracket at or behind `start` is; the text's end for none."""
        since, position = self._bracket
        if not since <= start <= position:
            position = self.text.find("]", start)
            position = len(self.text) if position < 0 else position
            self._bracket = (start, position)
        return position

    def struck_until(self, start: int, end: int) -> int | None:
        """Where the ``~~`` is that ends what is struck out from `start` on."""
        text = self.text
        close = text.find("~~", start, end)
        while close != -1:
            behind = close + 2
            if behind < end and text[behind] == "~" and not text.startswith("~~", behind, end):
                close = text.find("~~", close + 1, end)
                continue
            if close > start and not text[close - 1].isspace() and text[close - 1] != "~":
                return close
            if (
                close >= start + 2
                and text[close - 1] == "~"
                and text[close - 2] == "\\"
                and not _is_escaped(text, close - 2, start)
            ):
                return close
            close = text.find("~~", close + 1, end)
        return None

    def special_end(self, opener: str, start: int, end: int) -> int | None:
        """Where a comment or declaration ends that has its text from `start` on."""
        if opener == "<!--":
            # It ends with the first pair of hyphens in it, or is none.
            hyphens = self.find("--", start + 1, end)
            if hyphens < 0 or self.text.startswith("--", start):
                return None
            return hyphens + 3 if self.text.startswith("-->", hyphens, end) else None
        closer = _SPECIAL_ENDS.get(opener, ">")
        close = self.find(closer, start + 1, end)
        return close + len(closer) if close > start else None


def _is_escaped(text: str, position: int, first: int) -> bool:
    """Whether an odd number of backslashes stands before `position`, from `first` on."""
    begin = position
    while begin > first and text[begin - 1] == "\\":
        begin -= 1
    return (position - begin) % 2 == 1
