"""Counters of requests in one SQLite file that all processes share: a storage for `limits`.

The file is derived. It may be deleted or damaged at any moment, then counting starts anew. Its keys
are digests, so it holds no addresses and no names. Each count is one statement that takes SQLite's
write lock before it looks: of two processes at the last free place exactly one gets it.

It is never synced to the disk, and its journal is in memory. With a log beside it (WAL) a count
takes the same time, and whoever deletes files would have three to delete at once.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from limits.errors import StorageError
from limits.storage.base import SlidingWindowCounterSupport, Storage

FILE_NAME = "rate-limits.db"
BUSY_TIMEOUT_SECONDS = 1.0
_PRUNE_EVERY_SECONDS = 60.0
_KEY_BYTES = 16
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS counters (key BLOB NOT NULL, window INTEGER NOT NULL,"
    " count INTEGER NOT NULL, expires REAL NOT NULL, PRIMARY KEY (key, window)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS counters_by_end ON counters (expires)",
)
_COUNT_OF = "coalesce((SELECT count FROM counters WHERE key = :key AND window = {}), 0)"
_ACQUIRE = f"""
    INSERT INTO counters (key, window, count, expires)
    SELECT :key, :window, :amount, :expires
    WHERE CAST({_COUNT_OF.format(":window - 1")} * :weight + {_COUNT_OF.format(":window")}
               AS INTEGER) + :amount <= :limit
    ON CONFLICT (key, window) DO UPDATE SET count = count + excluded.count
    RETURNING count
"""
_INCREMENT = """
    INSERT INTO counters (key, window, count, expires) VALUES (:key, 0, :amount, :expires)
    ON CONFLICT (key, window) DO UPDATE SET
        count = CASE WHEN expires <= :now THEN excluded.count ELSE count + excluded.count END,
        expires = CASE WHEN expires <= :now THEN excluded.expires ELSE expires END
    RETURNING count
"""
#: Primary result codes of a file that is no database of ours (any more): it is replaced.
_DAMAGED = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_stores: weakref.WeakSet[RateStore] = weakref.WeakSet()
#: Connections of a process this one was forked from, which may be in the middle of a statement.
_inherited: list[sqlite3.Connection] = []


class RateStore(Storage, SlidingWindowCounterSupport):
    """The counters in the file at `path`. Safe for threads, processes and forks.

    `now` returns seconds since the epoch. Every method raises limits.errors.StorageError where the
    file can't be used: locked for longer than the timeout, no room, no permission.
    """

    STORAGE_SCHEME = None

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float] = time.time,
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
    ) -> None:
        """Opens nothing yet."""
        super().__init__(wrap_exceptions=True)
        self.now = now
        self._path = os.fspath(path)
        self._busy_timeout_seconds = busy_timeout_seconds
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None  # device and inode of the file
        self._pruned_at = 0.0
        _stores.add(self)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What a method raises as StorageError."""
        return (sqlite3.Error, OSError)

    # ------------------------------------------------------------------ sliding windows

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        """Count `amount` in the window of `expiry` seconds unless it would then hold over `limit`.

        The window is the current one and, for the part of it that still reaches into the sliding
        window, the one before.
        """
        if amount > limit:
            return False
        now = self.now()
        window, passed = divmod(now, expiry)
        values = {
            "key": _digest(key),
            "window": int(window),
            "weight": 1 - passed / expiry,
            "amount": amount,
            "limit": limit,
            "expires": (window + 2) * expiry,
        }
        return bool(self._run(_ACQUIRE, values, now))

    def give_back(self, key: str, expiry: int) -> None:
        """Count one less in the current window of `expiry` seconds, if anything is counted."""
        now = self.now()
        statement = "UPDATE counters SET count = count - 1 WHERE key = ? AND window = ?"
        try:
            self._run(f"{statement} AND count > 0", (_digest(key), int(now // expiry)), now)
        except self.base_exceptions as error:  # `limits` wraps the methods it knows
            raise StorageError(error) from error

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Count and seconds left of the previous window, and of the current one (as `limits`
        has it: until it is of no importance any more, a window later)."""
        now = self.now()
        window, passed = divmod(now, expiry)
        statement = "SELECT window, count FROM counters WHERE key = ? AND window IN (?, ?)"
        counts = dict(self._run(statement, (_digest(key), int(window), int(window) - 1), now))
        left = expiry - passed
        return counts.get(int(window) - 1, 0), left, counts.get(int(window), 0), left + expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget what was counted for `key`, in windows of any length."""
        self.clear(key)

    # ------------------------------------------------------------------ fixed windows

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount`; returns the sum of the `expiry` seconds since the first was counted."""
        now = self.now()
        values = {"key": _digest(key), "amount": amount, "now": now, "expires": now + expiry}
        ((count,),) = self._run(_INCREMENT, values, now)
        return int(count)

    def get(self, key: str) -> int:
        """What :meth:`incr` returned last, 0 when that has expired."""
        return int(self._fixed(key)[0])

    def get_expiry(self, key: str) -> float:
        """When the count of :meth:`incr` starts anew, in seconds since the epoch."""
        return self._fixed(key)[1]

    def _fixed(self, key: str) -> tuple[int, float]:
        now = self.now()
        statement = "SELECT count, expires FROM counters WHERE key = ? AND window = 0"
        rows = self._run(f"{statement} AND expires > ?", (_digest(key), now), now)
        return rows[0] if rows else (0, now)

    # ------------------------------------------------------------------ all of it

    def clear(self, key: str) -> None:
        """Forget what was counted for `key`."""
        self._run("DELETE FROM counters WHERE key = ?", (_digest(key),), self.now())

    def reset(self) -> int:
        """Forget everything; returns the number of counters there were."""
        return len(self._run("DELETE FROM counters RETURNING window", (), self.now()))

    def check(self) -> bool:
        """Whether the file can be used."""
        try:
            self._run("SELECT count(*) FROM counters", (), self.now())
        except (sqlite3.Error, OSError):
            return False
        return True

    def close(self) -> None:
        """Give back the file; the object can still be used."""
        with self._lock:
            self._drop()

    def _run(self, statement: str, values: Any, now: float) -> list[Any]:
        """The rows of one statement, which is a transaction of its own."""
        with self._lock:
            try:
                return self._connected(now).execute(statement, values).fetchall()
            except sqlite3.DatabaseError as error:
                if not _is_damaged(error):
                    raise
            self._start_anew()
            return self._connected(now).execute(statement, values).fetchall()

    def _connected(self, now: float) -> sqlite3.Connection:
        """The connection to the file that is there now, made if need be, pruned now and then."""
        connection = self._connection
        if connection is None or self._identity() != self._opened:
            self._drop()
            connection = self._connect()
        if not 0 <= now - self._pruned_at < _PRUNE_EVERY_SECONDS:
            connection.execute("DELETE FROM counters WHERE expires <= ?", (now,))
            self._pruned_at = now
        return connection

    def _connect(self) -> sqlite3.Connection:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        os.close(os.open(self._path, flags, 0o600))
        connection = sqlite3.connect(
            self._path,
            timeout=self._busy_timeout_seconds,
            isolation_level=None,
            check_same_thread=False,  # the lock sees to it
        )
        try:
            connection.execute("PRAGMA journal_mode=MEMORY")
            connection.execute("PRAGMA synchronous=OFF")
            for statement in _SCHEMA:
                connection.execute(statement)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection, self._opened = connection, self._identity()
        return connection

    def _identity(self) -> tuple[int, int] | None:
        """The file that the path means now; None where there is none."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _start_anew(self) -> None:
        """Remove a file that is no database of ours."""
        self._drop()
        Path(self._path).unlink(missing_ok=True)

    def forget_parent(self) -> None:
        """In a process just forked: leave the connection and the lock to the one they are of."""
        if self._connection is not None:
            _inherited.append(self._connection)
        self._connection, self._lock = None, threading.Lock()


def _after_fork() -> None:
    for store in list(_stores):
        store.forget_parent()


os.register_at_fork(after_in_child=_after_fork)


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8"), digest_size=_KEY_BYTES).digest()


def _is_damaged(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
