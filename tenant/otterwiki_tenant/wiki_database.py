"""One wiki's ``wiki.db``: Otterwiki's own tables (preferences, drafts), one file a wiki."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from otterwiki_engine.sized_cache import SizedCache

from .errors import StartupRefused, Unavailable
from .preferences import settings_of

BUSY_TIMEOUT_SECONDS = 5.0
_SETTLED_AFTER_SECONDS = 1.0
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


class _Fingerprint(NamedTuple):
    """Which state of a database file and its write-ahead log this is, without opening either."""

    file: tuple[int, ...]
    log: tuple[int, ...] | None

    @classmethod
    def of(cls, path: Path) -> _Fingerprint:
        """As the files are now; raises OSError where there is no database."""
        try:
            log = os.stat(f"{path}-wal")
        except FileNotFoundError:
            log = None
        return cls(_identity(os.stat(path)), _identity(log) if log and log.st_size else None)

    def is_settled(self, now: float) -> bool:
        """Whether a change that comes after `now` is sure to show: file systems count in ticks,
        so one that comes right after another may bear the same time."""
        newest = max(times for part in (self.file, self.log or ()) for times in part[-2:])
        return newest < (now - _SETTLED_AFTER_SECONDS) * 1e9


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@dataclass(frozen=True)
class _Known:
    """What was read of a database in the state `fingerprint`."""

    fingerprint: _Fingerprint
    tables: frozenset[str]
    settings: Mapping[str, object]


#: What is known of the databases this process has read, by path: they are opened at most of the
#: requests to begin with, in a farm of many wikis, and hardly ever have changed.
_known: SizedCache[str, _Known] = SizedCache(8 * 1024 * 1024)
_KNOWN_BYTES = 2500


class WikiDatabase:
    """A wiki's database file: an engine for Otterwiki's session, and its settings, always current.

    `tables` is Otterwiki's metadata; the file and every table it lacks are made. Safe for threads
    and beside other processes. Nothing is open before :attr:`engine` is used. `clock` gives the
    system's time in seconds. Raises :class:`Unavailable` if the file can't be used.
    """

    def __init__(
        self, path: Path, tables: Tables | None, clock: Callable[[], float] = time.time
    ) -> None:
        if tables is None:
            raise StartupRefused("Otterwiki is not loaded in this process: its tables are unknown")
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        if not self._is_known_to_have(tables):
            self._create_tables(tables)

    @property
    def engine(self) -> Engine:
        """Where Otterwiki's session gets its connections."""
        with self._lock:
            if self._engine is None:
                self._engine = create_engine(
                    "sqlite://",
                    creator=self._connect,
                    poolclass=QueuePool,
                    pool_size=_POOL_SIZE,
                    max_overflow=_POOL_OVERFLOW,
                    hide_parameters=True,
                )
            return self._engine

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def _is_known_to_have(self, tables: Tables) -> bool:
        known = _known.get(str(self.path))
        if known is None or not self.path.exists():
            return False
        with _typed_errors(self.path):
            is_same = known.fingerprint == _Fingerprint.of(self.path)
        return is_same and known.tables.issuperset(tables.tables)

    def _create_tables(self, tables: Tables) -> None:
        """One process makes the tables; another one that comes at the same time waits and looks."""
        with _typed_errors(self.path):
            if self._table_names().issuperset(tables.tables):
                return  # the common case needs no write lock

        def connect() -> sqlite3.Connection:
            connection = self._connect()
            connection.isolation_level = None
            return connection

        engine = create_engine("sqlite://", creator=connect, hide_parameters=True)

        @event.listens_for(engine, "begin")
        def begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        try:
            with _typed_errors(self.path), engine.begin() as connection:
                tables.create_all(connection)
        finally:
            engine.dispose()

    def _table_names(self) -> frozenset[str]:
        with closing(self._connect()) as connection:
            return frozenset(name for (name,) in connection.execute(_TABLE_NAMES))

    def settings(self) -> Mapping[str, object]:
        """What the wiki's Preferences rows say now, even if another process just changed them.

        They are read again once file or log have changed, and while that is less than a second ago.
        Raises :class:`Unavailable` if the file can't be read.
        """
        with _typed_errors(self.path):
            fingerprint = _Fingerprint.of(self.path)
            known = _known.get(str(self.path))
            if known is not None and known.fingerprint == fingerprint:
                return known.settings
            now = self._clock()
            with closing(self._connect()) as connection:
                settings = settings_of(connection.execute(_PREFERENCES).fetchall())
                tables = frozenset(name for (name,) in connection.execute(_TABLE_NAMES))
            read = _Known(fingerprint, tables, MappingProxyType(settings))
            if fingerprint.is_settled(now) and fingerprint == _Fingerprint.of(self.path):
                _known.put(str(self.path), read, _KNOWN_BYTES)
            return read.settings

    def close(self) -> None:
        """Give back idle connections; those in use are closed when they are returned."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()
