"""The derived file ``headings.db`` of a wiki: tables of contents by content.

Like every cache it may be deleted, truncated or overwritten at any moment; what can't be read is
made anew. A connection lives for one call only: calls are rare (once per changed page), and so no
file of a wiki stays open, and no process keeps writing into a file that was deleted.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_BUSY_TIMEOUT_SECONDS = 1.0
#: Codes that say the file is not what it should be, rather than that it can't be used just now.
_DAMAGED = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS headings (
        flavour TEXT NOT NULL,
        blob_id TEXT NOT NULL,
        toc TEXT NOT NULL,
        PRIMARY KEY (flavour, blob_id)
    ) WITHOUT ROWID
"""

Toc = list[Any]


class HeadingsStore:
    """Tables of contents by (flavour, blob id). `flavour` stands for the settings of the render."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, flavour: str, blob_ids: Collection[str]) -> dict[str, Toc]:
        """What is known of `blob_ids`, in one query."""

        def query(connection: sqlite3.Connection) -> list[tuple[bytes, bytes]]:
            rows = connection.execute(
                "SELECT blob_id, toc FROM headings WHERE flavour = ?"
                " AND blob_id IN (SELECT value FROM json_each(?))",
                (flavour, json.dumps(list(blob_ids))),
            )
            return list(rows)

        if not self._path.exists():
            return {}
        found = {}
        for blob_id, text in self._run(query) or []:
            toc = _parsed(text)
            if toc is not None:
                found[blob_id.decode("ascii", "replace")] = toc
        return found

    def write(self, flavour: str, tocs: Mapping[str, Toc]) -> None:
        """Keep `tocs` (blob id -> table of contents) in one transaction."""
        rows = [(flavour, blob_id, json.dumps(toc)) for blob_id, toc in tocs.items()]

        def insert(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO headings VALUES (?, ?, ?)", rows)

        self._run(insert)

    def prune(self, flavour: str, wanted: Collection[str], *, spare: int) -> int:
        """Drop what is not in `wanted` once more than `spare` rows are superfluous.

        Returns the number of rows dropped.
        """

        def delete(connection: sqlite3.Connection) -> int:
            (count,) = connection.execute("SELECT count(*) FROM headings").fetchone()
            if count <= len(wanted) + spare:
                return 0
            return connection.execute(
                "DELETE FROM headings WHERE flavour <> ?"
                " OR blob_id NOT IN (SELECT value FROM json_each(?))",
                (flavour, json.dumps(list(wanted))),
            ).rowcount

        return self._run(delete) or 0

    def _run(self, action: Callable[[sqlite3.Connection], _Result]) -> _Result | None:
        """`action` in a transaction; None when the file can't be used, which costs only time."""
        for attempts_left in (1, 0):
            try:
                with self._connected() as connection:
                    return action(connection)
            except sqlite3.Error as error:
                remake = attempts_left and error.sqlite_errorcode & 0xFF in _DAMAGED
                outcome = "made anew" if remake else "not used"
                _log.warning("headings cache %s: path=%s error=%s", outcome, self._path, error)
                if not remake:
                    return None
                self._remove()
        return None

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_SECONDS)) as connection:
            # Losing the last writes at a power cut is nothing here; damage is found and remade.
            connection.text_factory = bytes
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_SCHEMA)
            with connection:
                yield connection

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def _parsed(text: bytes) -> Toc | None:
    """A row's table of contents in the renderer's form, None when it is not one."""
    try:
        toc = [tuple(heading) for heading in json.loads(text)]
    except (ValueError, TypeError):
        return None
    return toc if all(len(heading) == 5 for heading in toc) else None
