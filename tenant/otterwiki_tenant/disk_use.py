"""How much room repositories take on the disk, measured as seldom as a limit allows.

A measurement looks at every object file, so it is not made on each save. Each process remembers
its last one of a repository for a minute, adds what it wrote itself since, and believes the sum as
long as it stays below nine tenths of the limit. Above that every question is a measurement.

So what other processes write is seen a minute late at most, and only while there is room: to get
past a limit unnoticed, they would have to write a tenth of it within that minute. Asked under the
wiki's lock, the answer near the limit is exact.
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

    def is_far_from(self, limit_bytes: int, git_dir: Path, growth_bytes: int) -> bool:
        """Whether the repository may grow by `growth_bytes` without coming near the limit.

        Believes what is remembered; if it answers yes, the growth is remembered too.
        """
        with self._lock:
            known = self._known.get(git_dir)
        if known is None or self._now() - known.measured_at >= REMEMBERED_SECONDS:
            known = _Known(self._measure(git_dir), self._now())
        grown = known.size_bytes + growth_bytes
        is_far = grown <= limit_bytes * _CAREFUL_FROM
        self._remember(git_dir, _Known(grown, known.measured_at) if is_far else known)
        return is_far

    def measured(self, git_dir: Path) -> int:
        """The size in bytes as it is now."""
        return self._measure(git_dir)

    def _remember(self, git_dir: Path, known: _Known) -> None:
        with self._lock:
            self._known[git_dir] = known
            self._known.move_to_end(git_dir)
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)


def size_of_objects(git_dir: Path) -> int:
    """Bytes in the object files of a repository: loose, packed, and left by killed writers.

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
                        total += entry.stat(follow_symlinks=False).st_size
                    except FileNotFoundError:
                        continue
        except FileNotFoundError:
            continue
    return total
