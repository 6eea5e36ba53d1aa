"""What two sequences have in common, in bounded time, behind the interface of difflib.

``difflib.SequenceMatcher`` takes cubic time on text that repeats itself: two pages of 10 KB, or two
lines of 4 KB, occupy a worker for a minute, and merging does so under the wiki's lock.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from difflib import Match, SequenceMatcher
from itertools import takewhile
from types import ModuleType
from typing import Any

from .common_lines import Block, common_blocks
from .line_changes import MOST_STEPS

_FEWEST_STEPS = 2000
_STEPS_PER_ITEM = 20


class BoundedMatcher(SequenceMatcher[Any]):
    """Finds as much in common as there is, or what can be found in about a second.

    What it does not find counts as different: more conflicts in a merge, never a wrong one.
    """

    a: Sequence[Any]
    b: Sequence[Any]

    def _common(self) -> list[Block]:
        return common_blocks(self.a, self.b, MOST_STEPS)

    def get_matching_blocks(self) -> list[Match]:
        """As difflib's: ascending, none touching the next, and an empty one at the end."""
        found: list[Match] = []
        for old_at, new_at, length in self._common():
            last = found[-1] if found else None
            if last and (last.a + last.size, last.b + last.size) == (old_at, new_at):
                found[-1] = Match(last.a, last.b, last.size + length)
            elif length:
                found.append(Match(old_at, new_at, length))
        return [*found, Match(len(self.a), len(self.b), 0)]


class QuickMatcher(BoundedMatcher):
    """One that may be used thousands of times for one page: its time grows with the texts."""

    def _common(self) -> list[Block]:
        """What both end with and begin with is kept whole, the longer of the two first: so what was
        put in stands where difflib would have it.
        """
        most_steps = _FEWEST_STEPS + _STEPS_PER_ITEM * (len(self.a) + len(self.b))
        shorter = min(len(self.a), len(self.b))
        start = _common_start(self.a, self.b)
        end = _common_start(self.a[::-1], self.b[::-1])
        if start < end:
            start = min(start, shorter - end)
        end = min(end, shorter - start)
        old_end, new_end = len(self.a) - end, len(self.b) - end
        between = common_blocks(self.a[start:old_end], self.b[start:new_end], most_steps)
        return [
            Block(0, 0, start),
            *(Block(start + old_at, start + new_at, length) for old_at, new_at, length in between),
            Block(old_end, new_end, end),
        ]


def _common_start(left: Sequence[Any], right: Sequence[Any]) -> int:
    pairs = zip(left, right, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def bounded_difflib() -> ModuleType:
    """A copy of the module difflib in which all functions use :class:`QuickMatcher`."""
    spec = importlib.util.find_spec("difflib")
    if spec is None or spec.loader is None:
        raise ImportError("the standard library has no difflib")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module)["SequenceMatcher"] = QuickMatcher
    return module
