"""How much room repositories take on the disk, measured as seldom as a limit allows.

A measurement looks at every object file, so it is not made on each save. Each process remembers
its last one of a repository for a minute, adds what it was asked for since, and believes the sum as
long as it stays below nine tenths of the limit. Above that every question is a measurement, one.

So the limit is a soft one for a farm of several processes. What another process writes is seen a
minute late at most, and only while there is room: N processes that each believe to be below nine
tenths can together write up to N times the room that was left, once, within that minute. Asked
under the wiki's lock, the answer near the limit is that of the disk; only the commit's own trees
are not in it, a few blocks.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REMEMBERED_SECONDS = 60.0
_CAREFUL_FROM = 0.9  # of the limit
_MOST_REMEMBERED = 1024  # repositories
_STAT_BLOCK_BYTES = 512  # the unit of st_blocks, whatever the disk's own is


@dataclass(frozen=True)
class _Known:
    size_bytes: int
    measured_at: float


class DiskUse:
    """What this process knows of the sizes of repositories. Safe for threads.

    `measure` returns the bytes a git directory takes, `now` a number of seconds that only grows.
    """

    def __init__(
        self,
        *,
        measure: Callable[[Path], int] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._measure = measure or size_of_objects
        self._now = now
        self._known: OrderedDict[Path, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def size_if_near(self, limit_bytes: int, git_dir: Path, growth_bytes: int) -> int | None:
        """The size as it is now, if growing by `growth_bytes` comes near the limit; else None.

        "Far" believes what is remembered. Either way the growth is remembered as if it were
        written, so that what a process writes counts for it at once.
        """
        with self._lock:
            known = self._known.get(git_dir)
        now = self._now()
        is_fresh = known is None or now - known.measured_at >= REMEMBERED_SECONDS
        if known is None or is_fresh:
            known = _Known(self._measure(git_dir), now)
        is_far = known.size_bytes + growth_bytes <= limit_bytes * _CAREFUL_FROM
        if not is_far and not is_fresh:
            known = _Known(self._measure(git_dir), now)
        self._remember(git_dir, _Known(known.size_bytes + growth_bytes, known.measured_at))
        return None if is_far else known.size_bytes

    def _remember(self, git_dir: Path, known: _Known) -> None:
        with self._lock:
            self._known[git_dir] = known
            self._known.move_to_end(git_dir)
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)


def size_of_objects(git_dir: Path) -> int:
    """Room that the object files of a repository take: loose, packed, left by killed writers.

    A file takes whole blocks of the disk, so that of a short page takes far more than its length.
    Files that vanish meanwhile (git repacks) are not counted; they are in the new pack.
    """
    total = 0
    folders = [str(git_dir / "objects")]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                        continue
                    try:
                        about = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    total += max(about.st_size, about.st_blocks * _STAT_BLOCK_BYTES)
        except FileNotFoundError:
            continue
    return total
