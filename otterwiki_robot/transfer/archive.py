"""The files of a zip file that somebody uploaded, read where they lie: nothing is unpacked to disk.

An archive that tries to leave its folder, or to be larger than it says, is refused as a whole.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, cast

from .checks import Limits
from .errors import Problem, TransferRefused
from .files import FileSet, SourceFile, composed, without_hidden, without_outer_folder

_MOST_LISTED_BYTES = 4 << 20
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DRIVE = re.compile(r"[A-Za-z]:")


def read_archive(stream: IO[bytes], name: str, limits: Limits) -> FileSet:
    """The files of the zip file `stream`, which must stay open while they are read.

    At most `limits.files` files and `limits.repository_bytes` bytes when unpacked; a file can't
    give more than it announces. Hidden files, links and the folder around everything are taken
    off. Raises :class:`TransferRefused`.
    """
    archive = _opened(stream)
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > limits.files:
        raise TransferRefused(
            f"the zip file has {len(entries)} files; {limits.files} can be imported"
        )
    total = sum(entry.file_size for entry in entries)
    if total > limits.repository_bytes:
        raise TransferRefused(
            f"the zip file unpacks to {total // 1_000_000} MB; one wiki may hold"
            f" {limits.repository_bytes // 1_000_000} MB"
        )
    files: list[SourceFile] = []
    refused: list[Problem] = []
    links: list[Problem] = []
    seen: set[str] = set()
    for entry in entries:
        path = _name_of(entry)
        reason = _refusal(entry, path) or ("is in the zip file twice" if path in seen else None)
        seen.add(path)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if reason:
            refused.append(Problem(path, reason))
        elif kind == stat.S_IFLNK:
            links.append(Problem(path, "is a symbolic link"))
        elif kind not in (0, stat.S_IFREG):
            links.append(Problem(path, "is neither a file nor a folder"))
        else:
            files.append(SourceFile(path, entry.file_size, partial(_open_entry, archive, entry)))
    if refused:
        raise TransferRefused("the zip file can't be imported", tuple(refused))
    kept, hidden = without_hidden(composed(files))
    kept, outer = without_outer_folder(kept)
    return FileSet(name, tuple(kept), tuple(hidden + links), outer)


def _open_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    with _damage_refused(_name_of(entry)):
        return cast(IO[bytes], _Entry(archive.open(entry), _name_of(entry)))


@contextmanager
def _damage_refused(name: str) -> Iterator[None]:
    """What zipfile says of a damaged entry becomes a refusal."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError):
        raise TransferRefused(f"{name} is damaged in the zip file") from None


class _Entry(io.RawIOBase):
    """An entry while it is unpacked; zipfile gives no more bytes than the entry announces."""

    def __init__(self, unpacked: IO[bytes], name: str) -> None:
        self._unpacked = unpacked
        self._name = name

    def read(self, size: int = -1) -> bytes:
        with _damage_refused(self._name):
            return self._unpacked.read(size)

    def close(self) -> None:
        self._unpacked.close()
        super().close()


def _opened(stream: IO[bytes]) -> zipfile.ZipFile:
    bounded = _Bounded(stream)
    try:
        archive = zipfile.ZipFile(cast(IO[bytes], bounded))
    except (
        zipfile.BadZipFile, struct.error, EOFError, NotImplementedError, ValueError, OSError
    ):  # fmt: skip
        raise TransferRefused("that is not a zip file, or it is damaged") from None
    bounded.is_listed = True
    return archive


def _name_of(entry: zipfile.ZipInfo) -> str:
    """The entry's path. Many programs write UTF-8 without saying so; old ones write cp437."""
    name = entry.orig_filename
    if entry.flag_bits & _UTF8_FLAG:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _refusal(entry: zipfile.ZipInfo, path: str) -> str | None:
    """Why an honest program would not have written this entry, or None."""
    if "\0" in path:
        return "has a NUL character in its name"
    if path.startswith(("/", "\\")) or _DRIVE.match(path):
        return "names a place outside of the zip file"
    if ".." in re.split(r"[/\\]", path):
        return "leads out of the folder it is in"
    if entry.flag_bits & _ENCRYPTED_FLAGS:
        return "is locked with a password; make a zip file without one"
    if entry.compress_type not in _METHODS:
        return "is compressed in a way that is not read here; use plain zip compression"
    return None


class _Bounded:
    """A file that gives only so much at once until the entries are listed: zipfile reads their
    list in one go, and a list of millions is refused before it fills the memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.is_listed = False

    def read(self, size: int = -1) -> bytes:
        if self.is_listed or 0 <= size <= _MOST_LISTED_BYTES:
            return self._stream.read(size)
        chunk = self._stream.read(_MOST_LISTED_BYTES + 1)
        if len(chunk) > _MOST_LISTED_BYTES:
            raise TransferRefused("the zip file lists far more files than can be imported")
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()
