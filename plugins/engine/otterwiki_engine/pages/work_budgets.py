"""How much reading of pages one call may ask for.

Counted, not measured, so that a batch is too much on every machine or on none. A line costs more
than its characters: each is looked at by the rules of Markdown.
"""

from __future__ import annotations

from collections import deque

from .errors import BadValue

#: Characters of a batch, and of a change that is made alone, with those that lines count for.
MOST_CHARACTERS = 20_000_000
CHARACTERS_A_LINE = 50
_REMEMBERED = 4  # texts in a row that are read once; as many as :mod:`.tools` keeps


class WorkBudget:
    """What is left of `characters` for reading pages. For one thread at a time."""

    def __init__(self, field: str, advice: str, characters: int) -> None:
        self._field = field
        self._advice = advice
        self._left = characters
        self._recent: deque[str] = deque(maxlen=_REMEMBERED)

    def spend(self, text: str) -> None:
        """Count a page's text that is about to be read, unless it was just now.

        Raises :class:`BadValue` when all is used up.
        """
        if text in self._recent:
            return
        self._recent.append(text)
        self._left -= len(text) + CHARACTERS_A_LINE * (text.count("\n") + text.count("\r"))
        if self._left < 0:
            raise BadValue(self._field, f"it takes more work than is done at once; {self._advice}")
