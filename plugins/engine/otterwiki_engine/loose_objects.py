"""Writing git objects so that they survive a power cut.

dulwich's own writer leaves a lock file beside the object when its process is killed, which blocks
saving the same text for ever, and does not make the directory entry durable; hence this module.
"""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha1
from itertools import islice
from pathlib import Path

from .durability import fsync_all, fsync_directories

_COMPRESSION_LEVEL = 1  # git gc repacks; a save should not wait for the last per cent
_OPEN_AT_ONCE = 64  # a process may have 1,024 open files, and others need some too


@dataclass(frozen=True)
class NewObject:
    """A git object to be written: its id (40 hex) and the bytes git hashes (header included)."""

    id: str
    framed: bytes


def new_object(kind: bytes, content: bytes) -> NewObject:
    """The object of `kind` (``b"blob"``, ``b"tree"``, ``b"commit"``) that holds `content`."""
    framed = b"%s %d\0%s" % (kind, len(content), content)
    return NewObject(id=sha1(framed, usedforsecurity=False).hexdigest(), framed=framed)


def write_objects(objects_dir: Path, objects: Iterable[NewObject]) -> None:
    """Write all `objects` below `objects_dir`, durable on return. Order does not matter.

    Until something refers to them they are invisible; an interrupted call leaves at most
    unreferenced objects and ``tmp_obj_*`` files, which git's own housekeeping removes.
    """
    directories: set[Path] = set()
    waiting = iter(objects)
    while batch := list(islice(waiting, _OPEN_AT_ONCE)):
        _write_batch(objects_dir, batch, directories)
    fsync_directories(directories)


def _write_batch(objects_dir: Path, objects: list[NewObject], directories: set[Path]) -> None:
    """Write `objects` durably but for their names; adds where these are to `directories`."""
    open_files: list[int] = []
    pending: dict[Path, Path] = {}  # temporary file -> its final name
    try:
        for item in objects:
            directory = objects_dir / item.id[:2]
            path = directory / item.id[2:]
            directories.add(directory)
            existing = _freshened(path, item.framed)
            if existing is not None:
                open_files.append(existing)
                continue
            if not directory.is_dir():
                directory.mkdir(exist_ok=True)
                directories.add(objects_dir)
            temporary = directory / f"tmp_obj_{secrets.token_hex(8)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            open_files.append(os.open(temporary, flags, 0o444))
            pending[temporary] = path
            _write_all(open_files[-1], zlib.compress(item.framed, _COMPRESSION_LEVEL))
        fsync_all(open_files)
        for temporary, path in list(pending.items()):
            os.rename(temporary, path)
            del pending[temporary]
    finally:
        for descriptor in open_files:
            os.close(descriptor)
        for temporary in pending:
            temporary.unlink(missing_ok=True)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _freshened(path: Path, framed: bytes) -> int | None:
    """An open descriptor of the object where it is there already and intact, else None.

    An old unreferenced object is a candidate for ``git gc --prune``: a new modification time
    keeps it until the new commit refers to it. Whoever wrote it may not have made it durable: a
    power cut leaves git's own objects empty. One of another user's can't be freshened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, PermissionError):
        return None
    try:
        with open(descriptor, "rb", closefd=False) as file:
            if zlib.decompress(file.read()) == framed:
                os.utime(descriptor)
                return descriptor
    except (zlib.error, PermissionError):
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
