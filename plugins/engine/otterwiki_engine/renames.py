"""Which deleted and new files of a commit are one file that moved, as ``git diff -M`` has it.

dulwich's RenameDetector also reports copies, which would let a page's history run on into the page
it was copied from.
"""

from __future__ import annotations

import re
import stat
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .tree_changes import FileChange, FileState, ObjectReader

RENAME_THRESHOLD_PERCENT = 50
_SAME_NAME_THRESHOLD_PERCENT = 75  # enough for a file moved to another folder
_MOST_COMPARISONS = 40_000  # pairs whose contents are compared in one commit
_MOST_CHUNKS_COMPARED = 3_000_000  # in all these pairs; a million take about half a second
_MOST_BYTES_COMPARED = 16 * 1024 * 1024  # contents in memory at once
_MOST_SIMILAR_BYTES = 4 * 1024 * 1024  # larger files are renames only when nothing changed
_BINARY_SNIFF_BYTES = 8000
_CHUNK = re.compile(rb"[^\n]{0,63}\n|[^\n]{1,64}")


def with_renames(reader: ObjectReader, changes: list[FileChange]) -> list[FileChange]:
    """`changes` with pairs of a deleted and a new file joined where the content moved.

    Identical content first, then files that kept their name and most of their content, then the
    most similar pairs. Where thousands of files moved, the last step is left out, and where very
    much text would have to be compared, the rest of it.
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
        self._chunks_left = _MOST_CHUNKS_COMPARED
        self._bytes_left = _MOST_BYTES_COMPARED
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
        self._chunks_left -= len(one.chunks)
        if self._chunks_left < 0:
            return 0
        common = sum(
            min(count, other.chunks[chunk]) * len(chunk)
            for chunk, count in one.chunks.items()
            if chunk in other.chunks
        )
        return common * 100 // largest

    def _content(self, blob_id: bytes) -> _Content | None:
        if blob_id not in self._contents:
            self._contents[blob_id] = self._read(blob_id) if self._bytes_left > 0 else None
        return self._contents[blob_id]

    def _read(self, blob_id: bytes) -> _Content | None:
        data = self._reader.blob(blob_id)
        if len(data) > _MOST_SIMILAR_BYTES:
            return None
        self._bytes_left -= len(data)
        return _Content(len(data), Counter(_chunks(data)))


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
