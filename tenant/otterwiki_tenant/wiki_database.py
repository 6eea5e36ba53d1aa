"""One wiki's ``wiki.db``: Otterwiki's own tables (preferences, drafts), one file a wiki."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import MetaData, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from .errors import StartupRefused, Unavailable
from .preferences import settings_of

BUSY_TIMEOUT_SECONDS = 5.0
_POOL_SIZE = 2
_POOL_OVERFLOW = 30  # more threads than that in one process is not how the farm is run
Tables = MetaData  # Otterwiki's own, by the name other modules use
_TABLE_NAMES = "SELECT name FROM sqlite_master WHERE type = 'table'"
_PREFERENCES = "SELECT name, value FROM preferences"


@contextmanager
def _typed_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise Unavailable(f"{path} can't be read: {error}") from error


class WikiDatabase:
    """A wiki's database file: an engine for Otterwiki's session, and its settings, always current.

    `tables` is Otterwiki's metadata; the file and every table it lacks are made. Safe for threads
    and beside other processes. Raises :class:`Unavailable` if the file can't be used.
    """

    def __init__(self, path: Path, tables: Tables | None) -> None:
        if tables is None:
            raise StartupRefused("Otterwiki is not loaded in this process: its tables are unknown")
        self.path = path
        self._create_tables(tables)
        self.engine = create_engine(
            "sqlite://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW,
            hide_parameters=True,
        )
        self._lock = threading.Lock()
        self._watcher: sqlite3.Connection | None = None
        self._watched: tuple[int, int] | None = None
        self._version: int | None = None
        self._settings: Mapping[str, object] = MappingProxyType({})

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def _create_tables(self, tables: Tables) -> None:
        """One process makes the tables; another one that comes at the same time waits and looks."""

        def connect() -> sqlite3.Connection:
            connection = self._connect()
            connection.isolation_level = None
            return connection

        engine = create_engine("sqlite://", creator=connect, hide_parameters=True)

        @event.listens_for(engine, "begin")
        def begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        try:
            with _typed_errors(self.path):
                if not self._has(tables):  # the common case needs no write lock
                    with engine.begin() as connection:
                        tables.create_all(connection)
        finally:
            engine.dispose()

    def _has(self, tables: Tables) -> bool:
        connection = self._connect()
        try:
            found = {name for (name,) in connection.execute(_TABLE_NAMES)}
        finally:
            connection.close()
        return set(tables.tables) <= found

    def settings(self) -> Mapping[str, object]:
        """What the wiki's Preferences rows say now, even if another process just changed them.

        ``PRAGMA data_version`` on a connection that never writes changes with every commit of any
        other connection, in this process or another: rows are read again only then. Raises
        :class:`Unavailable` if the file can't be read.
        """
        with self._lock, _typed_errors(self.path):
            watcher = self._watch()
            version = watcher.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                rows = watcher.execute(_PREFERENCES).fetchall()
                self._settings = MappingProxyType(settings_of(rows))
                self._version = version
            return self._settings

    def _watch(self) -> sqlite3.Connection:
        """The watching connection; a restored file is another file, and is watched anew."""
        file = os.stat(self.path)
        if self._watcher is None or self._watched != (file.st_dev, file.st_ino):
            self._stop_watching()
            self._watcher = self._connect()
            self._watched = (file.st_dev, file.st_ino)
        return self._watcher

    def _stop_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
        self._watcher = self._watched = self._version = None

    def close(self) -> None:
        """Give back idle connections; those in use are closed when they are returned."""
        with self._lock:
            self._stop_watching()
        self.engine.dispose()
