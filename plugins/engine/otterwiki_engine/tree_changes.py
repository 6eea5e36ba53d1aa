"""Which files differ between two trees, and which of them were renamed, as ``git diff -M`` has it.

Written for speed on wikis: a tree is compared as a dictionary, and trees read a moment ago are
kept. dulwich's RenameDetector also reports copies, which would let a page's history run on into
the page it was copied from.
"""

from __future__ import annotations

import re
import stat
import zlib
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dulwich.objects import ObjectID, parse_tree

from .errors import RepositoryDamaged
from .repository import Repository

RENAME_THRESHOLD_PERCENT = 50
_SAME_NAME_THRESHOLD_PERCENT = 75  # enough for a file moved to another folder
_MOST_COMPARISONS = 40_000  # pairs whose contents are compared in one commit
_MOST_SIMILAR_BYTES = 4 * 1024 * 1024  # larger files are renames only when nothing changed
_KEPT_TREES = 64
_ID_BYTES = 20
_KINDS = {1: b"commit", 2: b"tree", 3: b"blob"}
_BINARY_SNIFF_BYTES = 8000
_CHUNK = re.compile(rb"[^\n]{0,63}\n|[^\n]{1,64}")

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


# ---------------------------------------------------------------------- renames


def with_renames(reader: ObjectReader, changes: list[FileChange]) -> list[FileChange]:
    """`changes` with pairs of a deleted and a new file joined where the content moved.

    Identical content first, then files that kept their name and most of their content, then the
    most similar pairs. Where thousands of files moved, the last step is left out.
    """
    added = [c.new for c in changes if c.old is None and c.new and stat.S_ISREG(c.new.mode)]
    deleted = [c.old for c in changes if c.new is None and c.old and stat.S_ISREG(c.old.mode)]
    if not added or not deleted:
        return changes
    pairing = _Pairing(reader, added, deleted)
    pairing.same_content()
    pairing.same_name()
    pairing.similar_content()
    if not pairing.renames:
        return changes
    gone = {change.old for change in pairing.renames}
    come = {change.new for change in pairing.renames}
    kept = [
        change
        for change in changes
        if not (change.new is None and change.old in gone)
        and not (change.old is None and change.new in come)
    ]
    return sorted(
        [*kept, *pairing.renames], key=lambda change: (change.path, change.new is not None)
    )


def _base_name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]


class _Pairing:
    """The search for renames in one commit."""

    def __init__(
        self, reader: ObjectReader, added: Sequence[FileState], deleted: Sequence[FileState]
    ) -> None:
        self._reader = reader
        self._added = dict.fromkeys(added)
        self._deleted = dict.fromkeys(deleted)
        self._contents: dict[bytes, _Content | None] = {}
        self.renames: list[FileChange] = []

    def same_content(self) -> None:
        """Pair files with the same blob, those with the same name first."""
        by_blob: dict[bytes, list[FileState]] = defaultdict(list)
        for old in self._deleted:
            by_blob[old.blob_id].append(old)
        for new in list(self._added):
            candidates = by_blob.get(new.blob_id)
            if candidates:
                name = _base_name(new.path)
                old = next((c for c in candidates if _base_name(c.path) == name), candidates[0])
                candidates.remove(old)
                self._pair(old, new, 100)

    def same_name(self) -> None:
        """Pair files whose base name is unique on both sides and whose content is close."""
        old_by_name = _unique_names(self._deleted)
        for name, new in _unique_names(self._added).items():
            old = old_by_name.get(name)
            if old is not None:
                score = self._similarity(old, new)
                if score >= _SAME_NAME_THRESHOLD_PERCENT:
                    self._pair(old, new, score)

    def similar_content(self) -> None:
        """Pair the rest, the most similar first."""
        if len(self._added) * len(self._deleted) > _MOST_COMPARISONS:
            return
        candidates = []
        for old in self._deleted:
            for new in self._added:
                score = self._similarity(old, new)
                if score >= RENAME_THRESHOLD_PERCENT:
                    other_name = _base_name(old.path) != _base_name(new.path)
                    candidates.append((-score, other_name, old, new))
        for score, _, old, new in sorted(candidates):
            if old in self._deleted and new in self._added:
                self._pair(old, new, -score)

    def _pair(self, old: FileState, new: FileState, similarity_percent: int) -> None:
        del self._deleted[old], self._added[new]
        self.renames.append(FileChange(old, new, similarity_percent))

    def _similarity(self, old: FileState, new: FileState) -> int:
        """Per cent of the larger file that is in the smaller one too; 0 when it can't be told."""
        one, other = self._content(old.blob_id), self._content(new.blob_id)
        if one is None or other is None:
            return 0
        largest = max(one.size_bytes, other.size_bytes)
        smallest = min(one.size_bytes, other.size_bytes)
        if not smallest or smallest * 100 < largest * RENAME_THRESHOLD_PERCENT:
            return 0
        if len(one.chunks) > len(other.chunks):
            one, other = other, one
        common = sum(
            min(count, other.chunks[chunk]) * len(chunk)
            for chunk, count in one.chunks.items()
            if chunk in other.chunks
        )
        return common * 100 // largest

    def _content(self, blob_id: bytes) -> _Content | None:
        if blob_id not in self._contents:
            data = self._reader.blob(blob_id)
            self._contents[blob_id] = (
                _Content(len(data), Counter(_chunks(data)))
                if len(data) <= _MOST_SIMILAR_BYTES
                else None
            )
        return self._contents[blob_id]


class _Content(NamedTuple):
    """A blob for comparing: its size, and how often each line (or 64 bytes of one) is in it."""

    size_bytes: int
    chunks: Counter[bytes]


def is_binary(content: bytes) -> bool:
    """Whether git would call it binary: a NUL among the first 8,000 bytes."""
    return b"\0" in content[:_BINARY_SNIFF_BYTES]


def _chunks(data: bytes) -> Iterator[bytes]:
    if not is_binary(data):
        data = data.replace(b"\r\n", b"\n")
    return (match[0] for match in _CHUNK.finditer(data))


def _unique_names(states: Iterable[FileState]) -> dict[bytes, FileState]:
    """Files by base name, without those that share theirs."""
    found: dict[bytes, list[FileState]] = defaultdict(list)
    for state in states:
        found[_base_name(state.path)].append(state)
    return {name: group[0] for name, group in found.items() if len(group) == 1}
