"""Which commits a fetch brings: what the wants lead to, without what the client has.

A shallow clone ends at commits whose parents it does not have. Such an end is of the client's
repository (`client_shallow`) or asked for by ``--depth`` (`new_shallow`).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .objects import ObjectReader

_WANTED, _HAD = 1, 2
_LATEST_HAVES = 4


@dataclass(frozen=True)
class Reach:
    """How far down `depth` generations lead from the wants."""

    ends: frozenset[bytes]  # commits whose parents are not sent
    inside: frozenset[bytes]  # commits whose parents are sent, or that have none


@dataclass(frozen=True)
class Missing:
    """Commits to send, parents before children; `had` are some that the client has, and with them
    all of their files: those right below, and the latest."""

    commits: tuple[bytes, ...]
    had: tuple[bytes, ...]


class Ancestors:
    """The commits that `tip` leads to, itself among them; empty for None.

    One walk answers for all that is asked, and goes only as far as it must. A commit that `tip`
    does not lead to is not in it, whether the repository has it or not.
    """

    def __init__(self, reader: ObjectReader, tip: bytes | None) -> None:
        self._reader = reader
        self._todo = deque[bytes]() if tip is None else deque([tip])
        self._seen = set(self._todo)

    def __contains__(self, commit_id: bytes, /) -> bool:
        if commit_id in self._seen:
            return True
        if not self._todo or not self._reader.is_commit(commit_id):
            return False
        while self._todo:
            new = set(self._reader.commit(self._todo[0]).parents) - self._seen
            self._todo.popleft()
            self._todo += new
            self._seen |= new
            if commit_id in new:
                return True
        return False


def is_ancestor(reader: ObjectReader, ancestor: bytes, tip: bytes) -> bool:
    """Whether `ancestor` is `tip`, or leads to it."""
    return ancestor in Ancestors(reader, tip)


def reach(reader: ObjectReader, wants: Iterable[bytes], depth: int) -> Reach:
    """The commits within `depth` generations of the wants, which are the first."""
    level, seen = list(dict.fromkeys(wants)), set[bytes]()
    ends, inside = set[bytes](), set[bytes]()
    for generation in range(1, depth + 1):
        if not level:
            break
        seen.update(level)
        below = list[bytes]()
        for commit_id in level:
            parents = reader.commit(commit_id).parents
            if generation == depth and parents:
                ends.add(commit_id)
                continue
            inside.add(commit_id)
            below += [parent for parent in parents if parent not in seen]
        level = list(dict.fromkeys(below))
    return Reach(frozenset(ends), frozenset(inside))


def missing(
    reader: ObjectReader,
    wants: Iterable[bytes],
    haves: Iterable[bytes],
    *,
    client_shallow: Collection[bytes] = (),
    new_shallow: Collection[bytes] | None = None,
) -> Missing:
    """What `wants` lead to that a client with `haves` does not have.

    Without `new_shallow` (no depth was asked for) the client's own ends are kept. Too many commits
    may be named where commit times run backwards, never too few.
    """
    ends = client_shallow if new_shallow is None else new_shallow
    walk = _Walk(reader)
    haves = list(haves)
    for have in haves:
        walk.mark(have, _HAD)
    for want in wants:
        walk.mark(want, _WANTED)
    # A client's own end hides commits that it does not have below those it has: all are looked at.
    while walk.open_wants or (walk.pending and client_shallow):
        commit_id = walk.next()
        state, passed = walk.marks[commit_id], 0
        if state & _WANTED and commit_id not in ends:
            passed |= _WANTED
        if state & _HAD and commit_id not in client_shallow:
            passed |= _HAD
        for parent in reader.commit(commit_id).parents:
            walk.mark(parent, passed)
    sent = {commit_id for commit_id, state in walk.marks.items() if state == _WANTED}
    latest = sorted(haves, key=lambda have: reader.commit(have).time)[-_LATEST_HAVES:]
    ordered, below = _in_order(reader, sent, ends)
    had = [commit_id for commit_id in below if walk.marks.get(commit_id, 0) & _HAD]
    return Missing(tuple(ordered), tuple(dict.fromkeys([*had, *latest])))


class _Walk:
    """Commits still to be looked at, the latest first, and what is known of each.

    `open_wants` counts those of them that are wanted and, so far, not known to be had.
    """

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._queue: list[tuple[int, bytes]] = []
        self.marks: dict[bytes, int] = {}
        self.pending: set[bytes] = set()
        self.open_wants = 0

    def mark(self, commit_id: bytes, bits: int) -> None:
        """Note something of a commit; if it is new, the commit is to be looked at (again)."""
        old = self.marks.get(commit_id, 0)
        new = old | bits
        if new == old:
            return
        self.marks[commit_id] = new
        if commit_id in self.pending:
            self.open_wants -= old == _WANTED
        else:
            self.pending.add(commit_id)
            heapq.heappush(self._queue, (-self._reader.commit(commit_id).time, commit_id))
        self.open_wants += new == _WANTED

    def next(self) -> bytes:
        """The latest of the pending commits, which is pending no more."""
        _, commit_id = heapq.heappop(self._queue)
        self.pending.remove(commit_id)
        self.open_wants -= self.marks[commit_id] == _WANTED
        return commit_id


def _in_order(
    reader: ObjectReader, sent: set[bytes], ends: Collection[bytes]
) -> tuple[list[bytes], list[bytes]]:
    """`sent`, every commit after its parents; and their parents that are not among them."""
    ordered, placed, below = list[bytes](), set[bytes](), dict[bytes, None]()
    for start in sorted(sent, key=lambda commit_id: (reader.commit(commit_id).time, commit_id)):
        todo = [start]
        while todo:
            commit_id = todo[-1]
            parents = () if commit_id in ends else reader.commit(commit_id).parents
            waiting = [parent for parent in parents if parent in sent and parent not in placed]
            if commit_id not in placed and waiting:
                todo += waiting
                continue
            todo.pop()
            if commit_id not in placed:
                placed.add(commit_id)
                ordered.append(commit_id)
                below.update((parent, None) for parent in parents if parent not in sent)
    return ordered, list(below)
