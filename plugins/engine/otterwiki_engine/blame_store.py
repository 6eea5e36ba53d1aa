"""The part of index.db that keeps worked out blames, and all SQL about it."""

from __future__ import annotations

import sqlite3

SCHEMA = """
CREATE TABLE blame (
    path TEXT NOT NULL,
    revision TEXT NOT NULL,       -- the commit that last changed the file
    data TEXT NOT NULL,           -- as the blame module writes it
    PRIMARY KEY (path, revision)
);
"""
_KEPT_PER_PATH = 8


def clear(connection: sqlite3.Connection) -> None:
    """Forget everything (history was rewritten)."""
    connection.execute("DELETE FROM blame")


def kept_blames(connection: sqlite3.Connection, path: str) -> dict[str, str]:
    """What :func:`keep_blame` kept for `path`, by revision."""
    return dict(connection.execute("SELECT revision, data FROM blame WHERE path = ?", (path,)))


def keep_blame(connection: sqlite3.Connection, path: str, revision: str, data: str) -> None:
    """Keep the answer for one version of a file; only a few per file are kept."""
    connection.execute("INSERT OR REPLACE INTO blame VALUES (?, ?, ?)", (path, revision, data))
    connection.execute(
        "DELETE FROM blame WHERE path = ? AND rowid NOT IN"
        " (SELECT rowid FROM blame WHERE path = ? ORDER BY rowid DESC LIMIT ?)",
        (path, path, _KEPT_PER_PATH),
    )
