"""A small derived database of a wiki that may be deleted, truncated or overwritten at any moment.

What can't be read is made anew. A connection lives for one call only: calls are rare (what was
found is kept in memory), and so no file of a wiki stays open, and no process keeps writing into a
file that was deleted.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_BUSY_TIMEOUT_SECONDS = 1.0
#: Codes that say the file is not what it should be, rather than that it can't be used just now.
_DAMAGED = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class DerivedStore:
    """The database at `path`. Texts come out as bytes: whoever reads them checks what they are."""

    #: Makes the tables where they are missing.
    schema = ""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _read(self, query: Callable[[sqlite3.Connection], _Result]) -> _Result | None:
        """The answer of `query`; None where there is no file, or it can't be used."""
        return self._run(query) if self._path.exists() else None

    def _run(self, action: Callable[[sqlite3.Connection], _Result]) -> _Result | None:
        """`action` in a transaction; None when the file can't be used, which costs only time."""
        for attempts_left in (1, 0):
            try:
                with self._connected() as connection:
                    return action(connection)
            except sqlite3.Error as error:
                remake = attempts_left and error.sqlite_errorcode & 0xFF in _DAMAGED
                outcome = "made anew" if remake else "not used"
                _log.warning("derived file %s: path=%s error=%s", outcome, self._path, error)
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
            connection.executescript(self.schema)
            with connection:
                yield connection

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
