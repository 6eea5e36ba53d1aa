"""Commits of one wiki in memory. A commit never changes, so nothing here is ever stale."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from . import index_store
from .history_records import CommitRecord

_MOST_KEPT = 20_000


class RecordCache:
    """Commit records by id, and the whole history by its head. Safe for threads."""

    def __init__(self) -> None:
        self._kept: dict[str, CommitRecord] = {}
        self._whole: tuple[str | None, tuple[CommitRecord, ...]] = (None, ())

    def some(
        self, connection: sqlite3.Connection, revisions: Collection[str]
    ) -> dict[str, CommitRecord]:
        """The commits with these ids, by id; unknown ones are left out."""
        kept = self._kept
        found = {revision: kept[revision] for revision in revisions if revision in kept}
        missing = [revision for revision in revisions if revision not in found]
        if missing:
            read = index_store.records(connection, missing)
            new = {record.revision: record for record in read}
            found.update(new)
            self._keep(new)
        return found

    def in_order(
        self, connection: sqlite3.Connection, revisions: Sequence[str]
    ) -> list[CommitRecord]:
        """The commits with these ids, all of which the index has, in the same order."""
        found = self.some(connection, revisions)
        return [found[revision] for revision in revisions]

    def whole(self, connection: sqlite3.Connection) -> tuple[CommitRecord, ...]:
        """Every commit, newest first."""
        head, _, count = index_store.standing(connection)
        known_head, known = self._whole
        if known_head == head:
            return known
        if known_head and index_store.number_of(connection, known_head) == len(known):
            newer = index_store.revisions(connection, count - len(known), 0)
            found = (*self.in_order(connection, newer), *known)
        else:
            found = tuple(index_store.all_records(connection))
            self._keep({record.revision: record for record in found})
        if count <= _MOST_KEPT:
            self._whole = (head, found)
        return found

    def _keep(self, new: dict[str, CommitRecord]) -> None:
        """Remember commits; all are forgotten when there are too many."""
        kept = self._kept if len(self._kept) + len(new) <= _MOST_KEPT else {}
        if len(new) <= _MOST_KEPT:
            self._kept = {**kept, **new}
