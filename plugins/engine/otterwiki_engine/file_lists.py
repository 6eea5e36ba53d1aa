"""The files of revisions in memory, for the whole process: opening a wiki again reads no tree.

A commit never changes, so nothing here is ever stale.
"""

from __future__ import annotations

from .sized_cache import SizedCache
from .snapshot import Entry, Snapshot

SIZE_BYTES = 32 * 1024 * 1024
_FILE_BYTES = 350  # path, entry, its place in a dictionary and a list

Files = tuple[str | None, dict[str, Entry], list[str]]


class FileLists:
    """Tree id, entries and sorted paths by (repository, revision). Safe for threads."""

    def __init__(self) -> None:
        self._kept: SizedCache[tuple[str, str], Files] = SizedCache(SIZE_BYTES)

    def get(self, repository: str, revision: str) -> Files | None:
        """What a :class:`Snapshot` of that revision is made of, or None when it is not kept."""
        return self._kept.get((repository, revision))

    def put(self, repository: str, snapshot: Snapshot) -> None:
        """Keep the files of `snapshot`, which is that of a commit."""
        if snapshot.revision and self._kept.get((repository, snapshot.revision)) is None:
            files = snapshot.tree_id, snapshot.entries, snapshot.sorted_paths
            key = repository, snapshot.revision
            self._kept.put(key, files, _FILE_BYTES * len(snapshot.entries))

    def clear(self) -> None:
        """Drop all of them."""
        self._kept.clear()


#: The process's lists.
file_lists = FileLists()
