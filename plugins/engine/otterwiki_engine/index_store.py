"""The history part of index.db: its tables, and all SQL about them.

``commits`` numbers the history: ``seq`` 1 is the oldest commit, and a commit's number is above
those of all its ancestors. ``changes`` has a row for each file a commit touched; a commit with
several parents only has rows for files that differ from all of them, one row per parent. ``kind``
is A (added), M (modified), D (deleted), R (renamed, under its new name) or X (the old name of a
renamed file). ``standing`` says which commit all this stands at.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from .commit_objects import ParsedCommit
from .history_records import CommitRecord

SCHEMA = """
CREATE TABLE standing (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    head TEXT,                    -- the history of this commit is complete
    target TEXT                   -- while commits are being added: the head they lead to
);
INSERT INTO standing (id) VALUES (1);
CREATE TABLE commits (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    parents TEXT NOT NULL,        -- full ids, separated by spaces
    author_name TEXT NOT NULL,
    author_email TEXT NOT NULL,
    author_time INTEGER NOT NULL, -- seconds since 1970
    author_offset INTEGER NOT NULL, -- seconds east of UTC
    commit_time INTEGER NOT NULL, -- seconds since 1970, the committer's
    message TEXT NOT NULL
);
CREATE INDEX merges ON commits (seq) WHERE parents LIKE '% %';
CREATE TABLE changes (
    path TEXT NOT NULL,
    seq INTEGER NOT NULL,
    parent INTEGER NOT NULL,      -- which parent this is a change against, from 0
    kind TEXT NOT NULL,
    old_path TEXT,                -- R only
    blob_id TEXT,
    old_blob_id TEXT,
    PRIMARY KEY (path, seq, parent)
) WITHOUT ROWID;
CREATE INDEX changes_by_commit ON changes (seq);
"""

_RecordRow = tuple[int, str, str, str, str, int, int, str]


class Standing(NamedTuple):
    """Which commit the index stands at, and how many commits it holds."""

    head: str | None
    target: str | None
    commits: int


class ChangeRow(NamedTuple):
    """One file touched by one commit, against one parent. See the module's head."""

    path: str
    parent: int
    kind: str
    old_path: str | None
    blob_id: str | None
    old_blob_id: str | None


class PathRow(NamedTuple):
    """A change together with the number of its commit."""

    seq: int
    kind: str
    old_path: str | None
    blob_id: str | None
    old_blob_id: str | None


# ---------------------------------------------------------------------- standing


def standing(connection: sqlite3.Connection) -> Standing:
    """Where the index stands."""
    row = connection.execute(
        "SELECT head, target, (SELECT coalesce(max(seq), 0) FROM commits) FROM standing"
    ).fetchone()
    return Standing(*row)


def set_standing(connection: sqlite3.Connection, head: str | None, target: str | None) -> None:
    """Record where the index stands."""
    connection.execute("UPDATE standing SET head = ?, target = ?", (head, target))


def clear(connection: sqlite3.Connection) -> None:
    """Empty the index (history was rewritten)."""
    connection.execute("DELETE FROM commits")
    connection.execute("DELETE FROM changes")
    set_standing(connection, None, None)


# ---------------------------------------------------------------------- writing


def has_commit(connection: sqlite3.Connection, revision: str | None) -> bool:
    """Whether commit `revision` is in the index; None ("no commit yet") is part of any history."""
    if revision is None:
        return True
    found = connection.execute("SELECT 1 FROM commits WHERE id = ?", (revision,)).fetchone()
    return found is not None


def known_of(connection: sqlite3.Connection, revisions: Collection[str]) -> list[str]:
    """Those of `revisions` that are in the index, in no particular order."""
    rows = connection.execute(
        "SELECT id FROM commits WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(revisions)),),
    )
    return [revision for (revision,) in rows]


def add_commit(
    connection: sqlite3.Connection, seq: int, commit: ParsedCommit, changes: Iterable[ChangeRow]
) -> None:
    """Insert one commit as number `seq`, with the files it touched."""
    connection.execute(
        "INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            seq,
            commit.revision,
            " ".join(commit.parents),
            commit.author_name,
            commit.author_email,
            commit.author_time,
            commit.author_offset_seconds,
            commit.commit_time,
            commit.message,
        ),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(row[0], seq, *row[1:]) for row in changes],
    )


def order_facts(connection: sqlite3.Connection) -> Iterator[tuple[int, str, tuple[str, ...], int]]:
    """(seq, id, parents, commit time) of every commit."""
    for seq, revision, parents, time in connection.execute(
        "SELECT seq, id, parents, commit_time FROM commits"
    ):
        yield seq, revision, tuple(parents.split()), time


def renumber(connection: sqlite3.Connection, new_numbers: Mapping[int, int]) -> None:
    """Give commits new numbers, by old number."""
    connection.execute("CREATE TEMP TABLE renumbered (old INTEGER PRIMARY KEY, new INTEGER)")
    connection.executemany("INSERT INTO renumbered VALUES (?, ?)", new_numbers.items())
    # By way of negative numbers, so that no two rows ever have the same one.
    connection.execute(
        "UPDATE commits SET seq = -(SELECT new FROM renumbered WHERE old = seq)"
        " WHERE seq IN (SELECT old FROM renumbered)"
    )
    connection.execute(
        "UPDATE changes SET seq = -(SELECT new FROM renumbered WHERE old = seq)"
        " WHERE seq IN (SELECT old FROM renumbered)"
    )
    connection.execute("UPDATE commits SET seq = -seq WHERE seq < 0")
    connection.execute("UPDATE changes SET seq = -seq WHERE seq < 0")
    connection.execute("DROP TABLE renumbered")


# ---------------------------------------------------------------------- commits


@lru_cache(maxsize=256)
def _zone(offset_seconds: int) -> timezone:
    return timezone(timedelta(seconds=offset_seconds)) if offset_seconds else UTC


def _record(row: _RecordRow, files: Sequence[str]) -> CommitRecord:
    _seq, revision, parents, name, email, time, offset, message = row
    parent_ids = tuple(parents.split())
    return CommitRecord(
        revision,
        name,
        email,
        datetime.fromtimestamp(time, _zone(offset)),
        message,
        tuple(files) if len(parent_ids) < 2 else (),
        parent_ids,
    )


def all_records(connection: sqlite3.Connection) -> Iterator[CommitRecord]:
    """Every commit, newest first."""
    files: dict[int, list[str]] = {}
    for seq, path in connection.execute(
        "SELECT seq, path FROM changes WHERE kind <> 'X' ORDER BY path"
    ):
        files.setdefault(seq, []).append(path)
    for row in connection.execute(
        "SELECT seq, id, parents, author_name, author_email, author_time, author_offset, message"
        " FROM commits ORDER BY seq DESC"
    ):
        yield _record(row, files.get(row[0], ()))


def records(connection: sqlite3.Connection, revisions: Collection[str]) -> Iterator[CommitRecord]:
    """The commits with these ids, in no particular order; unknown ids are passed over."""
    wanted = json.dumps(list(revisions))
    rows = connection.execute(
        "SELECT seq, id, parents, author_name, author_email, author_time, author_offset, message"
        " FROM commits WHERE id IN (SELECT value FROM json_each(?))",
        (wanted,),
    ).fetchall()
    files: dict[int, list[str]] = {}
    for seq, path in connection.execute(
        "SELECT seq, path FROM changes WHERE kind <> 'X'"
        " AND seq IN (SELECT value FROM json_each(?)) ORDER BY seq, path",
        (json.dumps([row[0] for row in rows]),),
    ):
        files.setdefault(seq, []).append(path)
    for row in rows:
        yield _record(row, files.get(row[0], ()))


def revisions(connection: sqlite3.Connection, limit: int, offset: int) -> list[str]:
    """Ids of all commits, newest first; `limit` -1 means no limit."""
    rows = connection.execute(
        "SELECT id FROM commits ORDER BY seq DESC LIMIT ? OFFSET ?", (limit, offset)
    )
    return [revision for (revision,) in rows]


def revisions_of(connection: sqlite3.Connection, numbers: Sequence[int]) -> list[str]:
    """Ids of the commits with these numbers, in the same order."""
    found = dict(
        connection.execute(
            "SELECT seq, id FROM commits WHERE seq IN (SELECT value FROM json_each(?))",
            (json.dumps(numbers),),
        )
    )
    return [found[number] for number in numbers]


def numbers_of(connection: sqlite3.Connection, revisions: Collection[str]) -> list[int]:
    """Numbers of the commits with these ids; unknown ids are passed over."""
    rows = connection.execute(
        "SELECT seq FROM commits WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(revisions)),),
    )
    return [seq for (seq,) in rows]


def number_of(connection: sqlite3.Connection, revision: str) -> int | None:
    """The number of a commit by its full id, None where it is not in the index."""
    row = connection.execute("SELECT seq FROM commits WHERE id = ?", (revision,)).fetchone()
    return row[0] if row else None


def with_prefix(connection: sqlite3.Connection, prefix: str, limit: int) -> list[str]:
    """Up to `limit` (-1: all) ids that begin with `prefix` (hexadecimal digits)."""
    rows = connection.execute(
        "SELECT id FROM commits WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (prefix, prefix + "g", limit),
    )
    return [revision for (revision,) in rows]


def shared_prefixes(connection: sqlite3.Connection, length: int) -> frozenset[str]:
    """Beginnings of `length` digits that more than one commit has."""
    rows = connection.execute(
        "SELECT substr(id, 1, ?1) FROM commits GROUP BY substr(id, 1, ?1) HAVING count(*) > 1",
        (length,),
    )
    return frozenset(prefix for (prefix,) in rows)


def last_merge(connection: sqlite3.Connection) -> int:
    """Number of the newest commit with several parents, 0 where there is none."""
    row = connection.execute(
        "SELECT seq FROM commits WHERE parents LIKE '% %' ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    return row[0] if row else 0


# ---------------------------------------------------------------------- changes of a path


def has_path(connection: sqlite3.Connection, path: str) -> bool:
    """Whether any commit ever touched a file of exactly this name."""
    found = connection.execute("SELECT 1 FROM changes WHERE path = ? LIMIT 1", (path,)).fetchone()
    return found is not None


def changes_of_path(connection: sqlite3.Connection, path: str, before: int) -> Iterator[PathRow]:
    """Changes of a file by commits numbered below `before`, newest first."""
    for row in connection.execute(
        "SELECT seq, kind, old_path, blob_id, old_blob_id FROM changes"
        " WHERE path = ? AND seq < ? ORDER BY seq DESC, parent",
        (path, before),
    ):
        yield PathRow(*row)


def numbers_below(connection: sqlite3.Connection, directory: str, before: int) -> Iterator[int]:
    """Numbers below `before` of commits that touched anything in `directory`, newest first.

    The root ("") is every commit's.
    """
    if not directory:
        rows = connection.execute(
            "SELECT seq FROM commits WHERE seq < ? ORDER BY seq DESC", (before,)
        )
        yield from (seq for (seq,) in rows)
        return
    for (seq,) in connection.execute(
        "SELECT DISTINCT seq FROM changes WHERE path >= ? AND path < ? AND seq < ?"
        " ORDER BY seq DESC",
        (f"{directory}/", f"{directory}0", before),  # "0" is the character after "/"
    ):
        yield seq
