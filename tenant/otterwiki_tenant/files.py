"""Small, durable steps on folders that the farm's creation and deletion of wikis are made of."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otterwiki_engine.durability import fsync_directory

from .errors import FarmBusy

LOCK_TIMEOUT_SECONDS = 60.0
_PAUSE_SECONDS = 0.01


def fsync_tree(root: Path) -> None:
    """Make every file and folder below `root`, and `root` itself, durable."""
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                _fsync(path)
        fsync_directory(Path(folder))


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes) -> None:
    """Write a small file and make it and its name durable."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fsync_directory(path.parent)


def rename_durably(source: Path, target: Path) -> None:
    """Rename a folder within one file system and make the new name durable."""
    source.rename(target)
    fsync_directory(target.parent)
    if source.parent != target.parent:
        fsync_directory(source.parent)


def remove_durably(path: Path) -> None:
    """Remove a file or a whole folder; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    fsync_directory(path.parent)


@contextmanager
def exclusive(path: Path, timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
    """Hold the flock of file `path`, which is never removed; not reentrant.

    The kernel releases it when the process dies. Raises :class:`FarmBusy` after the timeout.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise FarmBusy(
                        "Another process is creating or deleting a wiki. Try again in a minute."
                    ) from None
                time.sleep(_PAUSE_SECONDS)
        yield
    finally:
        os.close(descriptor)
