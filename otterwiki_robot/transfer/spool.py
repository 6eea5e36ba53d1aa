"""Where the files of a form go while they arrive: one file on disk for all of them.

Werkzeug would keep each small file in memory and open one more for each large one; a folder of
some thousand notes would take hundreds of megabytes, or more files than a process may open.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import IO


class Spool:
    """A file without a name in `folder`, which holds every part one after the other."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._end = 0

    def part(self) -> Part:
        """A new, empty part. Parts are written one at a time, each whole, then read in any order.

        Only the newest part can be written to.
        """
        return Part(self, self._end)

    def write_at(self, position: int, data: bytes) -> None:
        """Write `data` at a position in the file."""
        self._file.seek(position)
        self._file.write(data)
        self._end = max(self._end, position + len(data))

    def read_at(self, position: int, size: int) -> bytes:
        """Read up to `size` bytes at a position in the file."""
        self._file.seek(position)
        return self._file.read(size)

    def close(self) -> None:
        """Give the room back."""
        self._file.close()


class Part(io.RawIOBase):
    """One file of a form: a stretch of the spool. Closing it leaves the spool open."""

    def __init__(self, spool: Spool, start: int, size_bytes: int = 0) -> None:
        self._spool = spool
        self._start = start
        self._position = 0
        self.size_bytes = size_bytes

    def reader(self) -> Part:
        """The same bytes, to be read from their start."""
        return Part(self._spool, self._start, self.size_bytes)

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        raw = bytes(data)
        self._spool.write_at(self._start + self._position, raw)
        self._position += len(raw)
        self.size_bytes = max(self.size_bytes, self._position)
        return len(raw)

    def read(self, size: int = -1) -> bytes:
        left = max(0, self.size_bytes - self._position)
        chunk = self._spool.read_at(
            self._start + self._position, left if size < 0 else min(size, left)
        )
        self._position += len(chunk)
        return chunk

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        if base + offset < 0:
            raise ValueError("there is nothing before the start")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
