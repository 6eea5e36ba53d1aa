"""The chain of contents behind a file, through renames and merges, for blame."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
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


def versions_from(
    connection: sqlite3.Connection, path: str, number: int, stop_at: Collection[str] = ()
) -> list[Version]:
    """The version of `path` made by commit `number` and all that led to it, newest first.

    Versions of this very path made by the commits `stop_at` (full ids) are named, but not what
    led to them. Empty where commit `number` did not leave a file there.
    """
    last = {(stop, path) for stop in index_store.numbers_of(connection, stop_at)}
    histories: dict[str, _PathHistory] = {}
    found: dict[tuple[int, str], _Found] = {}
    pending = [(number, path)]
    while pending:
        key = pending.pop()
        if key in found:
            continue
        number, path = key
        rows = _history(connection, histories, path).rows(number)
        blob_id = rows[0].blob_id if rows else None
        if blob_id is None:
            continue
        version = found[key] = _Found(path, blob_id)
        if key in last:
            continue
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


class _PathHistory:
    """Changes of one path, by commit and by the content they made; read as far as needed."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._unread = index_store.changes_of_path(connection, path, 1 << 62)
        self._next = next(self._unread, None)
        self._rows: dict[int, list[PathRow]] = {}
        self._by_blob: dict[str, list[int]] = {}

    def rows(self, number: int) -> list[PathRow]:
        """What commit `number` changed, one row per parent."""
        while self._next is not None and self._next.seq >= number:
            self._read_one(self._next)
        return self._rows.get(number, [])

    def newest(self, blob_id: str, before: int) -> int | None:
        """The newest commit numbered below `before` that made `blob_id`.

        The content decides, not the number alone: a newer commit may be on another branch.
        """
        for number in self._by_blob.get(blob_id, ()):
            if number < before:
                return number
        while self._next is not None:
            row = self._next
            self._read_one(row)
            if row.blob_id == blob_id and row.seq < before:
                return row.seq
        return None

    def _read_one(self, row: PathRow) -> None:
        self._rows.setdefault(row.seq, []).append(row)
        if row.blob_id is not None:
            self._by_blob.setdefault(row.blob_id, []).append(row.seq)
        self._next = next(self._unread, None)


def _history(
    connection: sqlite3.Connection, histories: dict[str, _PathHistory], path: str
) -> _PathHistory:
    if path not in histories:
        histories[path] = _PathHistory(connection, path)
    return histories[path]
