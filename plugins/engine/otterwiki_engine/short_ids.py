"""How many digits name a commit: six, as Otterwiki shows, or more where two commits share those.

In a wiki of two thousand commits, two that begin with the same six digits are likely; a link with
too few digits names neither of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from . import index_store

SHORTEST = 6


class ShortIds:
    """Which beginnings are taken twice, remembered by the history they were found in."""

    def __init__(self) -> None:
        self._known: tuple[str | None, int, frozenset[str]] = (None, 0, frozenset())

    def of(self, connection: sqlite3.Connection, revisions: Collection[str]) -> dict[str, str]:
        """The shortest beginning, of six digits or more, that names only it now, by full id."""
        shared = self._shared(connection)
        return {
            revision: shorten(connection, revision)
            if revision[:SHORTEST] in shared
            else revision[:SHORTEST]
            for revision in revisions
        }

    def _shared(self, connection: sqlite3.Connection) -> frozenset[str]:
        """Beginnings of six digits that name more than one commit."""
        head, _, count = index_store.standing(connection)
        known_head, known_count, shared = self._known
        if head == known_head:
            return shared
        if known_head and index_store.number_of(connection, known_head) == known_count:
            newer = index_store.revisions(connection, count - known_count, 0)
            prefixes = {revision[:SHORTEST] for revision in newer}
            shared |= {
                prefix
                for prefix in prefixes
                if len(index_store.with_prefix(connection, prefix, 2)) > 1
            }
        else:
            shared = index_store.shared_prefixes(connection, SHORTEST)
        self._known = (head, count, shared)
        return shared


def shorten(connection: sqlite3.Connection, revision: str) -> str:
    """The shortest beginning of a full id, of six digits or more, that names only it now."""
    length = SHORTEST
    while length < len(revision):
        if len(index_store.with_prefix(connection, revision[:length], 2)) < 2:
            break
        length += 1
    return revision[:length]
