"""A longest common subsequence of two texts, within a budget of steps.

Myers' greedy search (1986) finds the fewest edits in time that grows with their number. Where that
takes too long, the texts are split at lines that are unique in both, and what then still takes too
long counts as having nothing in common.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

_DEEPEST_SPLIT = 16
_FEW_EDITS = 24
_STRIDE = 32  # lines compared at once: slices are compared at C's speed


class Block(NamedTuple):
    """`length` unchanged lines, at ``old_at`` in the old text and at ``new_at`` in the new one."""

    old_at: int
    new_at: int
    length: int


def common_blocks(old: Sequence[bytes], new: Sequence[bytes], most_steps: int) -> list[Block]:
    """What `old` and `new` have in common, ascending in both; blocks may touch."""
    search = _Search(old, new, most_steps)
    blocks = search.shortest(0, len(old), 0, len(new), _FEW_EDITS)
    return _without_strangers(old, new, most_steps) if blocks is None else blocks


def _without_strangers(old: Sequence[bytes], new: Sequence[bytes], most_steps: int) -> list[Block]:
    """What two quite different texts have in common.

    A line that the other side does not have at all can't be kept: the search goes on without it.
    """
    in_old, in_new = set(old), set(new)
    old_kept = [index for index, line in enumerate(old) if line in in_new]
    new_kept = [index for index, line in enumerate(new) if line in in_old]
    numbers: dict[bytes, int] = {}
    search = _Search(
        [numbers.setdefault(old[index], len(numbers)) for index in old_kept],
        [numbers.setdefault(new[index], len(numbers)) for index in new_kept],
        most_steps,
    )
    return [
        Block(old_kept[old_at + step], new_kept[new_at + step], 1)
        for old_at, new_at, length in search.between(0, len(old_kept), 0, len(new_kept), 0)
        for step in range(length)
    ]


class _Search:
    """A longest common subsequence of two sequences, within a budget of steps."""

    def __init__(self, old: Sequence[object], new: Sequence[object], most_steps: int) -> None:
        self._old = old
        self._new = new
        self._steps_left = most_steps

    def between(
        self, old_start: int, old_end: int, new_start: int, new_end: int, depth: int
    ) -> list[Block]:
        """What two stretches have in common: the most there can be, or what the budget allows."""
        if old_start == old_end or new_start == new_end or depth > _DEEPEST_SPLIT:
            return []
        most_edits = old_end - old_start + new_end - new_start
        found = self.shortest(old_start, old_end, new_start, new_end, most_edits)
        if found is not None:
            return found
        result: list[Block] = []
        anchors = self._anchors(old_start, old_end, new_start, new_end)
        for old_at, new_at in anchors:
            result += self.between(old_start, old_at, new_start, new_at, depth + 1)
            result.append(Block(old_at, new_at, 1))
            old_start, new_start = old_at + 1, new_at + 1
        if anchors:
            result += self.between(old_start, old_end, new_start, new_end, depth + 1)
        return result

    def shortest(
        self, old_start: int, old_end: int, new_start: int, new_end: int, most_edits: int
    ) -> list[Block] | None:
        """Myers' greedy search for the fewest edits.

        None when it takes more than `most_edits`, or more than half of the budget that is left.
        """
        old, new = self._old[old_start:old_end], self._new[new_start:new_end]
        old_size, new_size = len(old), len(new)
        budget = self._steps_left // 2
        furthest = {1: 0}  # by diagonal (old position minus new position)
        trail: list[dict[int, int]] = []
        for edits in range(most_edits + 1):
            reached: dict[int, int] = {}
            lowest = max(-edits, -new_size + (edits + new_size) % 2)
            for diagonal in range(lowest, min(edits, old_size) + 1, 2):
                down = furthest.get(diagonal + 1, -1)
                right = furthest.get(diagonal - 1, -2) + 1
                start = x = down if right <= down else right
                y = x - diagonal
                if x < old_size and y < new_size and old[x] == new[y]:
                    while x < old_size and old[x : x + _STRIDE] == new[y : y + _STRIDE]:
                        x += _STRIDE
                        y += _STRIDE
                    if x > old_size:
                        x, y = old_size, new_size
                    while x < old_size and y < new_size and old[x] == new[y]:
                        x += 1
                        y += 1
                budget -= 1 + (x - start) // _STRIDE
                reached[diagonal] = x
                if x >= old_size and y >= new_size:
                    trail.append(reached)
                    self._steps_left -= self._steps_left // 2 - budget
                    return _retrace(trail, old_size, new_size, old_start, new_start)
            trail.append(reached)
            furthest = reached
            if budget < 0:
                self._steps_left //= 2
                return None
        return None

    def _anchors(
        self, old_start: int, old_end: int, new_start: int, new_end: int
    ) -> list[tuple[int, int]]:
        """Lines that are unique on both sides, those of them that keep their order."""
        old_counts = Counter(self._old[old_start:old_end])
        new_counts = Counter(self._new[new_start:new_end])
        new_at = {
            line: position
            for position, line in enumerate(self._new[new_start:new_end], new_start)
            if new_counts[line] == 1 and old_counts[line] == 1
        }
        candidates = [
            (position, new_at[line])
            for position, line in enumerate(self._old[old_start:old_end], old_start)
            if line in new_at
        ]
        # The longest ascending run of new positions, by patience sorting.
        tops: list[int] = []
        piles: list[int] = []
        before: list[int] = []
        for index, (_, position) in enumerate(candidates):
            pile = bisect_left(tops, position)
            before.append(piles[pile - 1] if pile else -1)
            if pile == len(tops):
                tops.append(position)
                piles.append(index)
            else:
                tops[pile], piles[pile] = position, index
        chain: list[tuple[int, int]] = []
        index = piles[-1] if piles else -1
        while index >= 0:
            chain.append(candidates[index])
            index = before[index]
        chain.reverse()
        return chain


def _retrace(
    trail: list[dict[int, int]], x: int, y: int, old_start: int, new_start: int
) -> list[Block]:
    """The unchanged blocks along the path the search found, from its end to its beginning."""
    found: list[Block] = []
    for edits in range(len(trail) - 1, -1, -1):
        if edits:
            furthest = trail[edits - 1]
            diagonal = x - y
            down = furthest.get(diagonal + 1, -1)
            right = furthest.get(diagonal - 1, -2) + 1
            from_x = down if right <= down else right
            from_y = from_x - diagonal
            before = (from_x, from_y - 1) if right <= down else (from_x - 1, from_y)
        else:
            from_x, from_y, before = 0, 0, (0, 0)
        if x > from_x:
            found.append(Block(old_start + from_x, new_start + from_y, x - from_x))
        x, y = before
    found.reverse()
    return found
