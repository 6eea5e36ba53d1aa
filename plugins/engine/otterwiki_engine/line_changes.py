"""Which lines differ between two texts: the fewest that can be, in readable places.

The same answer as git's in all but ambiguous cases: as many lines as can be are kept, then each
changed run is slid, where it can be, next to a change of the other side or below a blank line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .common_lines import common_blocks

MOST_STEPS = 400_000


class Change(NamedTuple):
    """Lines ``old_start:old_end`` of the old text became ``new_start:new_end`` of the new one."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def split_lines(content: bytes) -> list[bytes]:
    """Lines with their ends; only LF ends a line, as git has it."""
    if b"\r" not in content:
        return content.splitlines(keepends=True)
    lines = content.split(b"\n")
    last = lines.pop()
    found = [line + b"\n" for line in lines]
    if last:
        found.append(last)
    return found


def line_changes(
    old: Sequence[bytes], new: Sequence[bytes], most_steps: int = MOST_STEPS
) -> list[Change]:
    """The changed runs, in order, with at least one unchanged line between any two.

    `most_steps` bounds the work; a million take about half a second.
    """
    start = _common_prefix(old, new)
    end = _common_suffix(old, new, start)
    old_end, new_end = len(old) - end, len(new) - end
    if start == old_end and start == new_end:
        return []
    if start in (old_end, new_end):
        runs = [Change(start, old_end, start, new_end)]
    else:
        runs = _search(old[start:old_end], new[start:new_end], start, most_steps)
    return _slide(old, new, runs)


def _common_prefix(old: Sequence[bytes], new: Sequence[bytes]) -> int:
    """How many lines both begin with. By halving, because slices are compared at C's speed."""
    low, high = 0, min(len(old), len(new))
    if old[:high] == new[:high]:
        return high
    while low + 1 < high:
        middle = (low + high) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _common_suffix(old: Sequence[bytes], new: Sequence[bytes], start: int) -> int:
    """How many lines both end with, not counting the first `start`."""
    low, high = 0, min(len(old), len(new)) - start
    old_size, new_size = len(old), len(new)
    while low < high:
        middle = (low + high + 1) // 2
        if old[old_size - middle : old_size - low] == new[new_size - middle : new_size - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _search(
    old: Sequence[bytes], new: Sequence[bytes], offset: int, most_steps: int
) -> list[Change]:
    """Changed runs of two texts without common beginning or end, shifted by `offset`."""
    found: list[Change] = []
    old_next = new_next = offset
    for old_at, new_at, length in [*common_blocks(old, new, most_steps), (len(old), len(new), 0)]:
        old_start, new_start = offset + old_at, offset + new_at
        if old_start > old_next or new_start > new_next:
            found.append(Change(old_next, old_start, new_next, new_start))
        old_next, new_next = old_start + length, new_start + length
    return found


# ---------------------------------------------------------------------- readable places


def _slide(old: Sequence[bytes], new: Sequence[bytes], runs: list[Change]) -> list[Change]:
    """Move runs that repeat their surroundings to where a reader expects them."""
    old_changed, new_changed = bytearray(len(old) + 1), bytearray(len(new) + 1)
    for run in runs:
        old_changed[run.old_start : run.old_end] = b"\1" * (run.old_end - run.old_start)
        new_changed[run.new_start : run.new_end] = b"\1" * (run.new_end - run.new_start)
    moved = _slide_side(old, old_changed, new_changed, runs)
    if moved:
        runs = _runs(old_changed, new_changed)
    mirrored = [Change(run.new_start, run.new_end, run.old_start, run.old_end) for run in runs]
    if _slide_side(new, new_changed, old_changed, mirrored) or moved:
        runs = _runs(old_changed, new_changed)
    return runs


def _runs(old_changed: bytearray, new_changed: bytearray) -> list[Change]:
    """Changed runs from one flag per line on each side (and one more, never set)."""
    found: list[Change] = []
    old_at = new_at = 0
    old_size, new_size = len(old_changed) - 1, len(new_changed) - 1
    while True:
        old_next, new_next = old_changed.find(1, old_at), new_changed.find(1, new_at)
        old_same = (old_next if old_next >= 0 else old_size) - old_at
        new_same = (new_next if new_next >= 0 else new_size) - new_at
        if old_next < 0 and new_next < 0:
            return found
        old_at += min(old_same, new_same)
        new_at += min(old_same, new_same)
        old_end, new_end = old_changed.find(0, old_at), new_changed.find(0, new_at)
        found.append(Change(old_at, old_end, new_at, new_end))
        old_at, new_at = old_end, new_end


class _Group:
    """A run of changed lines on one side (``start:end``), or the empty place between two lines."""

    def __init__(self, changed: bytearray, start: int, end: int) -> None:
        self._changed = changed
        self.start = start
        self.end = end

    def step_up(self) -> None:
        """To the group before the unchanged line above."""
        self.end = self.start - 1
        self.start = self._changed.rfind(0, 0, self.end) + 1

    def step_down(self) -> None:
        """To the group after the unchanged line below."""
        self.start = self.end + 1
        self.end = self._changed.find(0, self.start)

    def slide_up(self, lines: Sequence[bytes]) -> bool:
        """Take in the line above in exchange for the last one, where the two are the same."""
        if self.start == 0 or lines[self.start - 1] != lines[self.end - 1]:
            return False
        self.start -= 1
        self.end -= 1
        self._changed[self.start] = 1
        self._changed[self.end] = 0
        self.start = self._changed.rfind(0, 0, self.start) + 1
        return True

    def slide_down(self, lines: Sequence[bytes]) -> bool:
        """Take in the line below in exchange for the first one, where the two are the same."""
        if self.end >= len(lines) or lines[self.start] != lines[self.end]:
            return False
        self._changed[self.start] = 0
        self._changed[self.end] = 1
        self.start += 1
        self.end = self._changed.find(0, self.end)
        return True


def _slide_side(
    lines: Sequence[bytes], changed: bytearray, other_changed: bytearray, runs: list[Change]
) -> bool:
    """Slide the runs of one side; its lines are the "old" ones of `runs`. True if any moved."""
    moved = False
    reached = 0
    for run in runs:
        if run.old_start == run.old_end or run.old_start < reached:
            continue  # nothing changed on this side, or taken in by the run before
        group = _Group(changed, run.old_start, run.old_end)
        other = _Group(other_changed, run.new_start, run.new_end)
        _place(lines, group, other)
        moved = moved or (group.start, group.end) != (run.old_start, run.old_end)
        reached = group.end
    return moved


def _place(lines: Sequence[bytes], group: _Group, other: _Group) -> None:
    """Find one run's place; `other` is what stands beside it on the other side."""
    size = -1
    while size != group.end - group.start:  # as long as it grows by touching its neighbours
        size = group.end - group.start
        beside: int | None = None
        while group.slide_up(lines):
            other.step_up()
        highest = group.end
        below_blank: int | None = None
        while True:
            if other.end > other.start:
                beside = group.end
            if group.start and not lines[group.start - 1].strip():
                below_blank = group.end
            if not group.slide_down(lines):
                break
            other.step_down()
    wanted = beside if beside is not None else below_blank
    if wanted is None or wanted < highest:
        return
    while group.end > wanted:
        group.slide_up(lines)
        other.step_up()
