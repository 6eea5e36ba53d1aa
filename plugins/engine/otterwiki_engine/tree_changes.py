"""Which files differ between two trees.

Written for speed on wikis: a tree is compared as a dictionary, and trees read a moment ago are
kept.
"""

from __future__ import annotations

import stat
import zlib
from collections import OrderedDict
from typing import NamedTuple

from dulwich.objects import ObjectID, parse_tree

from .errors import RepositoryDamaged
from .repository import Repository

_KEPT_TREES = 64
_ID_BYTES = 20
_KINDS = {1: b"commit", 2: b"tree", 3: b"blob"}

RawTree = dict[bytes, tuple[int, bytes]]


class FileState(NamedTuple):
    """A file in a tree: raw path, git's mode, id (40 hex digits, ASCII)."""

    path: bytes
    mode: int
    blob_id: bytes


class FileChange(NamedTuple):
    """A file that differs: ``old`` is None for a new file, ``new`` for a deleted one.

    ``similarity_percent`` is set on renames, where the two paths differ.
    """

    old: FileState | None
    new: FileState | None
    similarity_percent: int | None = None

    @property
    def path(self) -> bytes:
        """The path it has, or had before it was deleted."""
        state = self.new or self.old
        if state is None:
            raise ValueError("a change of nothing")
        return state.path


class ObjectReader:
    """Trees, blobs and commits of one repository. For one thread at a time.

    With `files_only`, symbolic links and submodules are not there, as in a snapshot.
    """

    def __init__(self, repository: Repository, *, files_only: bool = False) -> None:
        self._repository = repository
        self.git_dir = repository.git_dir
        self._objects_dir = str(repository.git_dir / "objects")
        self._files_only = files_only
        self._trees: OrderedDict[bytes, RawTree] = OrderedDict()

    def raw(self, object_id: bytes, kind: bytes) -> bytes:
        """Content of the object; raises :class:`RepositoryDamaged` where it is missing."""
        loose = self._loose(object_id.decode("ascii", "replace"))
        if loose is not None:
            header, _, content = loose.partition(b"\0")
            found = header.partition(b" ")[0]
        else:
            try:
                with self._repository.reading() as store:
                    number, content = store.get_raw(ObjectID(object_id))
            except (KeyError, ValueError):
                raise RepositoryDamaged(f"object {object_id!r} is missing") from None
            found = _KINDS.get(number, b"")
        if found != kind:
            raise RepositoryDamaged(f"object {object_id!r} has the wrong type")
        return content

    def _loose(self, object_id: str) -> bytes | None:
        """An object of its own file, as what was just committed is: five times faster than dulwich,
        which parses every tree it reads.
        """
        try:
            with open(f"{self._objects_dir}/{object_id[:2]}/{object_id[2:]}", "rb") as file:
                return zlib.decompress(file.read())
        except FileNotFoundError:
            return None
        except zlib.error:
            raise RepositoryDamaged(f"object {object_id} can't be read") from None

    def blob(self, blob_id: bytes) -> bytes:
        """Content of a blob, past the process's cache (old versions would only fill it up)."""
        return self.raw(blob_id, b"blob")

    def tree(self, tree_id: bytes | None) -> RawTree:
        """Entries of a tree by raw name: (mode, id)."""
        if tree_id is None:
            return {}
        known = self._trees.get(tree_id)
        if known is not None:
            self._trees.move_to_end(tree_id)
            return known
        parsed = {
            name: (mode, entry_id)
            for name, mode, entry_id in parse_tree(self.raw(tree_id, b"tree"), _ID_BYTES)
            if not self._files_only or stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        }
        self._trees[tree_id] = parsed
        if len(self._trees) > _KEPT_TREES:
            self._trees.popitem(last=False)
        return parsed


def tree_changes(
    reader: ObjectReader, old_tree: bytes | None, new_tree: bytes | None
) -> list[FileChange]:
    """Files that differ between two trees (None: an empty one), sorted by raw path."""
    found: list[FileChange] = []
    pending: list[tuple[bytes, bytes | None, bytes | None]] = [(b"", old_tree, new_tree)]
    while pending:
        prefix, old_id, new_id = pending.pop()
        if old_id == new_id:
            continue
        old, new = reader.tree(old_id), reader.tree(new_id)
        for name, entry in new.items():
            before = old.get(name)
            if before != entry:
                _compare(prefix + name, before, entry, found, pending)
        for name, entry in old.items():
            if name not in new:
                _compare(prefix + name, entry, None, found, pending)
    found.sort(key=lambda change: (change.path, change.new is not None))
    return found


def _compare(
    path: bytes,
    old: tuple[int, bytes] | None,
    new: tuple[int, bytes] | None,
    found: list[FileChange],
    pending: list[tuple[bytes, bytes | None, bytes | None]],
) -> None:
    """Note what changed at `path`, with directories left for later."""
    old_file = old_tree = new_file = new_tree = None
    if old is not None:
        if stat.S_ISDIR(old[0]):
            old_tree = old[1]
        else:
            old_file = FileState(path, *old)
    if new is not None:
        if stat.S_ISDIR(new[0]):
            new_tree = new[1]
        else:
            new_file = FileState(path, *new)
    if old_tree or new_tree:
        pending.append((path + b"/", old_tree, new_tree))
    if old_file and new_file and stat.S_IFMT(old_file.mode) != stat.S_IFMT(new_file.mode):
        found += (FileChange(old_file, None), FileChange(None, new_file))  # a file became a link
    elif old_file or new_file:
        found.append(FileChange(old_file, new_file))
