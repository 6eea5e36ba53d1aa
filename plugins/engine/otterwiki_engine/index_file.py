"""index.db as a file: opened, shared and replaced without ever mixing two of its generations.

Everything in it is derived, so anybody may delete it at any moment, also while other processes
have it open, and a damaged one is thrown away. SQLite names a database's write-ahead log after
the database's path, and whoever closes a database last deletes the log *by name*: a process that
still has the deleted file open would delete the log of its successor. Therefore ``index.db`` is a
symbolic link to a file with a name of its own (``index-<random>.db``), a generation. Each
generation has its own log, a new one takes over by replacing the link in one step, and the link's
target tells every process at its next use whether the file it has open is still the one.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from .errors import RepositoryBusy, RepositoryGone

BUSY_TIMEOUT_SECONDS = 60.0  # another process may be building the index of a long history
_MOST_IDLE_CONNECTIONS = 3
_Identity = tuple[int, int]  # device and inode of the generation

# Errors that say "no room" or "your mistake"; all others say that the file is no good.
_NOT_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_MISUSE,
    }
)


class _NotAGeneration(sqlite3.OperationalError):
    """Something else lies there: another version's index, or a file that is not a link."""


_opened: weakref.WeakSet[IndexFile] = weakref.WeakSet()
_inherited: list[sqlite3.Connection] = []  # SQLite forbids a child to use or close these


class IndexFile:
    """Connections to the database at `path` with tables made by `schema`. Safe for threads.

    `version` numbers the schema; a file of another version is replaced by an empty one.
    """

    def __init__(self, path: Path, schema: str, version: int) -> None:
        self._path = path
        self._schema = schema
        self._version = version
        #: for callers: whoever does long work on the file in this process, one thread at a time
        self.turn = threading.Lock()
        #: the same for the tables of pages, which take longer and hold nobody else up
        self.page_turn = threading.Lock()
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._identity: _Identity | None = None
        self._closed = False
        _opened.add(self)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a read transaction: one consistent state, blocking nobody."""
        with self._transaction("BEGIN", BUSY_TIMEOUT_SECONDS) as connection:
            yield connection

    @contextmanager
    def writing(self, *, timeout_seconds: float | None = None) -> Iterator[sqlite3.Connection]:
        """A connection inside the one write transaction there can be; rolled back on an error.

        Waits `timeout_seconds` (None: a minute) for another writer, then raises what
        :func:`is_busy` knows.
        """
        wait = BUSY_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
        with self._transaction("BEGIN IMMEDIATE", wait) as connection:
            yield connection

    def recover(self, error: sqlite3.Error) -> None:
        """Replace the file by an empty one if `error` says it is damaged; else raise.

        Being locked out becomes :class:`RepositoryBusy`; a full disk and the like pass through.
        """
        code = getattr(error, "sqlite_errorcode", None)
        if code is None and not isinstance(error, sqlite3.OperationalError):
            raise error  # the sqlite3 module itself complains: a mistake of the caller
        if is_busy(error):
            raise RepositoryBusy(f"{self._path} is locked by another process") from error
        if (code or sqlite3.SQLITE_ERROR) & 0xFF in _NOT_DAMAGE:
            raise error
        with self._lock:
            damaged = self._identity
            self._forget_connections()
        self._create(replacing=damaged)

    def replace(self) -> None:
        """Put an empty file in the place of this one; who has the old one open can finish."""
        found = self._find()
        with self._lock:
            self._forget_connections()
        self._create(replacing=found)

    def close(self) -> None:
        """Close what is idle; connections in use are closed when they are given back."""
        with self._lock:
            self._closed = True
            self._forget_connections()

    # ------------------------------------------------------------------ connections

    @contextmanager
    def _transaction(self, begin: str, timeout_seconds: float) -> Iterator[sqlite3.Connection]:
        connection, identity = self._take()
        try:
            if begin != "BEGIN":
                connection.execute(f"PRAGMA busy_timeout={int(timeout_seconds * 1000)}")
            connection.execute(begin)
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.close()  # rolls back
            raise
        self._give_back(connection, identity)

    def _take(self) -> tuple[sqlite3.Connection, _Identity]:
        identity = self._find()
        while identity is None:
            self._create(replacing=None)
            identity = self._find()
        with self._lock:
            if identity != self._identity:
                self._forget_connections()
                self._identity = identity
            if self._idle:
                return self._idle.pop(), identity
        return self._open(), identity

    def _give_back(self, connection: sqlite3.Connection, identity: _Identity) -> None:
        with self._lock:
            current = identity == self._identity and not self._closed
            if current and len(self._idle) < _MOST_IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()

    def _find(self) -> _Identity | None:
        """Which file stands behind the link now; None where there is none."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> sqlite3.Connection:
        target = self._path.parent / os.path.basename(os.path.realpath(self._path))
        connection = _connect(target, "rw")
        try:
            connection.execute("PRAGMA synchronous=NORMAL")  # derived: a lost commit is redone
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != self._version or target == self._path:
                raise _NotAGeneration(f"{target} is not an index of version {self._version}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _forget_connections(self) -> None:
        """Close what is idle. The lock is held."""
        for connection in self._idle:
            connection.close()
        self._idle = []
        self._identity = None

    # ------------------------------------------------------------------ generations

    def _create(self, replacing: _Identity | None) -> None:
        """Put an empty generation in place, unless somebody else was faster.

        `replacing` is the generation found damaged; None where there was none.
        """
        with self._alone():
            found = self._find()
            if found is not None and found != replacing:
                return
            name = f"index-{secrets.token_hex(8)}"
            generation = self._path.with_name(f"{name}.db")
            with closing(_connect(generation, "rwc")) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(self._schema)
                connection.execute(f"PRAGMA user_version={int(self._version)}")
            link = self._path.with_name(f"{name}.link")
            os.symlink(generation.name, link)
            os.replace(link, self._path)
            # Older generations, and what a killed process left; who has one open can finish.
            for path in self._path.parent.glob("index-*"):
                if not path.name.startswith(generation.name):
                    path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else makes a generation meanwhile. The kernel ends it when a process dies."""
        try:
            descriptor = os.open(
                self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except FileNotFoundError:
            raise RepositoryGone(f"{self._path.parent} does not exist (any more)") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _after_fork_in_child(self) -> None:
        _inherited.extend(self._idle)
        self.turn = threading.Lock()
        self.page_turn = threading.Lock()
        self._lock = threading.Lock()
        self._idle = []
        self._identity = None


def is_busy(error: sqlite3.Error) -> bool:
    """Whether `error` says that another writer was at work for too long."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # a connection is used by one thread at a time
    )


def _forget_inherited() -> None:
    for file in list(_opened):
        file._after_fork_in_child()


os.register_at_fork(after_in_child=_forget_inherited)
