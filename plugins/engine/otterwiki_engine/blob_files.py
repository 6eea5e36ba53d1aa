"""Committed blobs as real files, for what must have a path: sendfile, ``open``, ``os.stat``.

A file lies below the wiki's ``files_dir`` at ``<first 2 digits>/<blob id>``, is complete from the
moment it has that name and never changes. The folder is a cache: it may be emptied at any moment,
is kept below a size, and what is found there is checked against its name before this process first
uses it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path

from .wiki import Wiki

MOST_BYTES = 256 * 1024 * 1024  # of one wiki's copies; history may unpack to far more than this
_REMEMBERED = 16_384  # files known to be intact, for the whole process
_CHUNK_BYTES = 1 << 20


class _Checked:
    """Paths whose content this process has compared with their name. Bounded, thread-safe."""

    def __init__(self) -> None:
        self._paths: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, path: Path) -> bool:
        with self._lock:
            return str(path) in self._paths

    def add(self, path: Path) -> None:
        with self._lock:
            self._paths[str(path)] = None
            while len(self._paths) > _REMEMBERED:
                self._paths.popitem(last=False)


_checked = _Checked()
_written_bytes: dict[Path, int] = {}  # by folder, since this process last looked into it


def _is_intact(path: Path, blob_id: str) -> bool:
    """Whether the file at `path` hashes to its name, as git hashes a blob."""
    digest = hashlib.sha1(usedforsecurity=False) if len(blob_id) == 40 else hashlib.sha256()
    try:
        with path.open("rb") as file:
            digest.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        return False
    return digest.hexdigest() == blob_id


def blob_file(wiki: Wiki, blob_id: str) -> Path:
    """Path of an immutable file with the content of `blob_id` of `wiki`; made where it is missing.

    The file may be deleted again by anyone at any time: whoever opens it asks anew when it is
    gone. Raises what :meth:`Repository.blob` raises, and OSError when there is no room.
    """
    path = wiki.files_dir / blob_id[:2] / blob_id
    if path in _checked and path.exists():
        return path
    if not _is_intact(path, blob_id):
        content = wiki.repository.blob(blob_id)
        for attempts_left in reversed(range(3)):
            try:
                _write(path, content)
                break
            except FileNotFoundError:  # somebody emptied the cache between two steps
                if not attempts_left:
                    raise
        _make_room(wiki.files_dir, path, len(content))
    _checked.add(path)
    return path


def _make_room(folder: Path, written: Path, size_bytes: int) -> None:
    """Drop the oldest copies in `folder` where there are too many; never the one just `written`."""
    since = _written_bytes.get(folder, 0) + size_bytes
    if since < MOST_BYTES // 8:
        _written_bytes[folder] = since
        return
    _written_bytes.pop(folder, None)
    found = []
    for inner, _, names in os.walk(folder):
        for path in (Path(inner, name) for name in names):
            with contextlib.suppress(FileNotFoundError):  # another process makes room as well
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
    used_bytes = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if used_bytes <= MOST_BYTES:
            return
        if path != written:
            path.unlink(missing_ok=True)
            used_bytes -= size


def _write(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, over whatever lay there."""
    # The folder above these two is the wiki's own: a deleted wiki must not come back to life.
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
