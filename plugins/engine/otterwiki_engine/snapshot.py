"""One commit's tree, for reading.

Symbolic links, submodules and paths that :mod:`.paths` refuses are not part of a snapshot: they
are never served, whoever put them into the repository (security checklist F2, F3).
"""

from __future__ import annotations

import stat
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .errors import NotFound


class Entry(NamedTuple):
    """A file of a tree: git's mode (0o100644 or 0o100755) and its blob's id."""

    mode: int
    blob_id: str


class RawEntry(NamedTuple):
    """What a tree object really holds, links and bad names included."""

    mode: int
    id: str

    @property
    def is_directory(self) -> bool:
        """Whether the entry is a tree."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether the entry is an ordinary file (not a link, not a submodule)."""
        return stat.S_ISREG(self.mode)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The files of one commit; ``revision`` is its full id, None while there is no commit."""

    revision: str | None
    tree_id: str | None
    entries: dict[str, Entry]
    _sorted: list[str]
    _read_blob: Callable[[str], bytes]

    @property
    def sorted_paths(self) -> list[str]:
        """Full paths of all files, sorted by code point; must not be changed."""
        return self._sorted

    def get(self, path: str) -> Entry | None:
        """The file at `path`, or None."""
        return self.entries.get(path)

    def exists(self, path: str) -> bool:
        """Whether `path` is a file or a directory; the root ("") is one."""
        return path in self.entries or self.is_dir(path)

    def is_dir(self, path: str) -> bool:
        """Whether files lie below `path`."""
        prefix = path.strip("/")
        if not prefix:
            return True
        prefix += "/"
        position = bisect_left(self._sorted, prefix)
        return position < len(self._sorted) and self._sorted[position].startswith(prefix)

    def read(self, path: str) -> bytes:
        """Content of the file at `path`; raises :class:`NotFound`."""
        entry = self.entries.get(path)
        if entry is None:
            raise NotFound(f"{path} not found")
        return self._read_blob(entry.blob_id)

    def files(self, prefix: str = "") -> list[str]:
        """Full paths of all files below directory `prefix`, sorted by code point."""
        prefix = prefix.strip("/")
        if not prefix:
            return list(self._sorted)
        prefix += "/"
        first = bisect_left(self._sorted, prefix)
        # "0" is the character after "/": everything below the directory sorts before it.
        return self._sorted[first : bisect_left(self._sorted, prefix[:-1] + "0")]

    def changed(self, revision: str, tree_id: str, changes: Mapping[str, Entry | None]) -> Snapshot:
        """The snapshot of the commit that differs from this one by `changes` (None: deleted)."""
        entries = dict(self.entries)
        names = list(self._sorted)
        for path, entry in changes.items():
            known = path in entries
            if entry is not None:
                entries[path] = entry
                if not known:
                    insort(names, path)
            elif known:
                del entries[path]
                del names[bisect_left(names, path)]
        return Snapshot(revision, tree_id, entries, names, self._read_blob)

    def directories(self, prefix: str = "") -> list[str]:
        """Full paths of all directories below directory `prefix`, sorted."""
        root = prefix.strip("/")
        found: set[str] = set()
        for path in self.files(prefix):
            directory = path.rpartition("/")[0]
            while directory and directory != root and directory not in found:
                found.add(directory)
                directory = directory.rpartition("/")[0]
        return sorted(found)
