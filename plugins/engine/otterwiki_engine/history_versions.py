"""The chain of contents behind a file, through renames and merges, for blame."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from . import index_store
from .history_records import Version
from .index_store import PathRow


@dataclass
class _Found:
    """A version while the search is on; `sources` are keys of others."""

    path: str
    blob_id: str
    sources: list[tuple[int, str]] = field(default_factory=list)


def versions_from(connection: sqlite3.Connection, path: str, number: int) -> list[Version]:
    """The version of `path` made by commit `number` and all that led to it, newest first.

    Empty where that commit did not leave a file there.
    """
    histories: dict[str, _PathHistory] = {}
    found: dict[tuple[int, str], _Found] = {}
    pending = [(number, path)]
    while pending:
        key = pending.pop()
        if key in found:
            continue
        number, path = key
        rows = _history(connection, histories, path).rows.get(number, [])
        blob_id = rows[0].blob_id if rows else None
        if blob_id is None:
            continue
        version = found[key] = _Found(path, blob_id)
        for row in rows:
            if row.old_blob_id is None:
                continue
            old_path = row.old_path or path
            source = _history(connection, histories, old_path).newest(row.old_blob_id, number)
            if source is not None:
                version.sources.append((source, old_path))
                pending.append((source, old_path))
    order = sorted(found, reverse=True)
    positions = {key: position for position, key in enumerate(order)}
    revisions = index_store.revisions_of(connection, [number for number, _ in order])
    return [
        Version(
            revision,
            found[key].path,
            found[key].blob_id,
            tuple(positions[source] for source in dict.fromkeys(found[key].sources)),
        )
        for key, revision in zip(order, revisions, strict=True)
    ]


def newest_version(connection: sqlite3.Connection, path: str, number: int) -> list[Version]:
    """Only the version of `path` made by commit `number`; empty as for :func:`versions_from`."""
    row = next(index_store.changes_of_path(connection, path, number + 1), None)
    if row is None or row.seq != number or row.blob_id is None:
        return []
    (revision,) = index_store.revisions_of(connection, [number])
    return [Version(revision, path, row.blob_id, ())]


class _PathHistory:
    """All changes of one path, by commit and by the content they made."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self.rows: dict[int, list[PathRow]] = {}
        self._by_blob: dict[str, list[int]] = {}
        for row in index_store.changes_of_path(connection, path, 1 << 62):
            self.rows.setdefault(row.seq, []).append(row)
            if row.blob_id is not None:
                self._by_blob.setdefault(row.blob_id, []).append(row.seq)

    def newest(self, blob_id: str, before: int) -> int | None:
        """The newest commit numbered below `before` that made `blob_id`.

        The content decides, not the number alone: a newer commit may be on another branch.
        """
        numbers = self._by_blob.get(blob_id, ())
        return next((number for number in numbers if number < before), None)


def _history(
    connection: sqlite3.Connection, histories: dict[str, _PathHistory], path: str
) -> _PathHistory:
    if path not in histories:
        histories[path] = _PathHistory(connection, path)
    return histories[path]
