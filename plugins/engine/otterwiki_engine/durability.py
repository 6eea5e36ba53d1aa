"""Forcing files and directories to disk, several at once.

A file system journals all that is waiting in one go, so calls made at the same time cost about as
much as one of them; made one after another, a save's ten calls cost ten.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

_THREADS = 4
_OPEN_AT_ONCE = 64

_lock = threading.Lock()
_pool: tuple[int, ThreadPoolExecutor] | None = None


def _threads() -> ThreadPoolExecutor:
    """This process's threads: those of a parent do not exist in a forked child."""
    global _pool
    with _lock:
        if _pool is None or _pool[0] != os.getpid():
            _pool = (os.getpid(), ThreadPoolExecutor(_THREADS, "fsync"))
        return _pool[1]


def fsync_all(descriptors: Sequence[int]) -> None:
    """Return when all open files (or directories) are durable; raises OSError if one is not."""
    if len(descriptors) == 1:
        os.fsync(descriptors[0])
    else:
        for _ in _threads().map(os.fsync, descriptors):
            pass


def fsync_directories(paths: Iterable[Path]) -> None:
    """Make the names in these directories durable."""
    waiting = iter(paths)
    while batch := list(islice(waiting, _OPEN_AT_ONCE)):
        descriptors: list[int] = []
        try:
            for path in batch:
                descriptors.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            fsync_all(descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


def fsync_directory(path: Path) -> None:
    """Make the names in directory `path` durable."""
    fsync_directories([path])


def make_directories(path: Path) -> None:
    """Make directory `path` and those above it where they are missing, durably."""
    if path.is_dir():
        return
    missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
    fsync_directories({folder.parent for folder in missing})
