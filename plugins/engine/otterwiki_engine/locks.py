"""The two kinds of lock a write takes.

:class:`WikiLock` is ours: an flock, which the kernel releases when its process dies.
:class:`GitLock` is git's: a file ``<name>.lock`` that keeps real git commands out. Such a file
outlives a killed process, so ours can be told apart: it is made as a hard link to a file of our
own, and whoever holds the :class:`WikiLock` may remove a leftover with that inode, because every
maker of such links held the WikiLock too and is gone. A lock made by git itself is never touched.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from .durability import fsync_directory, make_directories
from .errors import RepositoryBusy, RepositoryGone

WIKI_LOCK_TIMEOUT_SECONDS = 30.0
GIT_LOCK_TIMEOUT_SECONDS = 5.0
_LINGER_SECONDS = 0.025  # longer than git takes from reading the index to locking it
_FIRST_PAUSE_SECONDS = 0.0005
_LONGEST_PAUSE_SECONDS = 0.02


class _Waiting:
    """Pauses that grow, until a deadline."""

    def __init__(self, timeout_seconds: float) -> None:
        self._deadline = time.monotonic() + timeout_seconds
        self._pause_seconds = _FIRST_PAUSE_SECONDS

    def pause(self) -> bool:
        """Sleep a little; False when the deadline has passed."""
        if time.monotonic() >= self._deadline:
            return False
        time.sleep(self._pause_seconds)
        self._pause_seconds = min(self._pause_seconds * 1.5, _LONGEST_PAUSE_SECONDS)
        return True


class WikiLock:
    """Exclusive write access to one wiki, across threads and processes. Not reentrant."""

    def __init__(self, path: Path, timeout_seconds: float = WIKI_LOCK_TIMEOUT_SECONDS) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds
        self._fd: int | None = None

    def __enter__(self) -> WikiLock:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            fd = os.open(self._path, flags, 0o600)
        except FileNotFoundError:
            raise RepositoryGone(f"{self._path.parent} does not exist (any more)") from None
        try:
            waiting = _Waiting(self._timeout_seconds)
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not waiting.pause():
                        raise RepositoryBusy(
                            f"another writer held {self._path} for more than"
                            f" {self._timeout_seconds:.0f} s; try again"
                        ) from None
            self._check_still_there(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return self

    def _check_still_there(self, fd: int) -> None:
        """The wiki may have been deleted, and even made anew, while we waited."""
        held = os.fstat(fd)
        try:
            found = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != (held.st_dev, held.st_ino):
            raise RepositoryGone(f"{self._path.parent} was removed while waiting for its lock")

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)  # closing releases the flock
            self._fd = None


class GitLock:
    """git's lock of one file (a ref or the index), to be held inside a :class:`WikiLock`.

    `target` is the file that is locked, `own` a private file on the same file system whose inode
    marks the lock as ours. :meth:`replace` (or :meth:`publish`) puts new content in the target's
    place; leaving the context without it changes nothing.
    """

    def __init__(
        self, target: Path, own: Path, timeout_seconds: float = GIT_LOCK_TIMEOUT_SECONDS
    ) -> None:
        self._target = target
        self._lock = target.with_name(target.name + ".lock")
        self._own = own
        self._timeout_seconds = timeout_seconds
        self._kept = False
        self._published_at: float | None = None

    def __enter__(self) -> GitLock:
        self._own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_leftover()
        make_directories(self._target.parent)
        os.close(os.open(self._own, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
        waiting = _Waiting(self._timeout_seconds)
        while True:
            try:
                os.link(self._own, self._lock)
                return self
            except FileExistsError:
                if not waiting.pause():
                    self._own.unlink()
                    raise RepositoryBusy(
                        f"{self._lock} exists: another git process is at work in this repository."
                        " If none is running, remove that file"
                    ) from None
            except BaseException:
                self._own.unlink()
                raise

    def _remove_leftover(self) -> None:
        """Remove what a killed holder of the WikiLock left behind, and only that."""
        try:
            own = os.lstat(self._own)
        except FileNotFoundError:
            return
        try:
            lock = os.lstat(self._lock)
        except FileNotFoundError:
            lock = None
        if lock is not None and (lock.st_dev, lock.st_ino) == (own.st_dev, own.st_ino):
            self._lock.unlink()
        self._own.unlink()

    def clear(self) -> None:
        """Remove what a killed holder left behind, without taking the lock."""
        self._remove_leftover()

    def replace(self, content: bytes) -> None:
        """Make `content` the target's new content, durably."""
        with open(self._own, "r+b") as file:
            file.write(content)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        os.rename(self._lock, self._target)
        fsync_directory(self._target.parent)

    def publish(self, content: bytes) -> None:
        """As :meth:`replace`, but the lock stays until the context ends, and a moment longer.

        ``git commit`` reads the index before it locks it. One that read the old index and got the
        lock right after us would write the old one back; finding the lock taken, it gives up.
        """
        aside = self._own.with_name(self._own.name + ".new")
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(aside, self._target)
        fsync_directory(self._target.parent)
        self._published_at = time.monotonic()

    def keep(self) -> None:
        """Leave the lock in place on exit; the next holder of the WikiLock takes it over."""
        self._kept = True

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._kept:
            return
        if self._published_at is not None:
            passed_seconds = time.monotonic() - self._published_at
            time.sleep(max(0.0, _LINGER_SECONDS - passed_seconds))
        self._remove_leftover()
