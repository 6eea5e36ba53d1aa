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
from pathlib import Path

from .locks import fsync_directory

_COMPRESSION_LEVEL = 1  # git gc repacks; a save should not wait for the last per cent


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
    for item in objects:
        directory = objects_dir / item.id[:2]
        path = directory / item.id[2:]
        if _freshen(path):
            directories.add(directory)
            continue
        if not directory.is_dir():
            directory.mkdir(exist_ok=True)
            directories.add(objects_dir)
        temporary = directory / f"tmp_obj_{secrets.token_hex(8)}"
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
            with os.fdopen(fd, "wb") as file:
                file.write(zlib.compress(item.framed, _COMPRESSION_LEVEL))
                file.flush()
                os.fsync(fd)
            os.rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        directories.add(directory)
    for directory in directories:
        fsync_directory(directory)


def _freshen(path: Path) -> bool:
    """True when the object is there already; then it is durable and safe from pruning too.

    An old unreferenced object is a candidate for ``git gc --prune``: a new modification time
    keeps it until the new commit refers to it.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        os.utime(fd)
        os.fsync(fd)
    finally:
        os.close(fd)
    return True
