"""Counters shared by threads and processes: exact, derived, and made anew when they are gone."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.strategies import FixedWindowRateLimiter, SlidingWindowCounterRateLimiter

from otterwiki_tenant.rate_store import RateStore

MINUTE = 60
START = 1_700_000_000.0 - 1_700_000_000.0 % MINUTE


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> RateStore:
    return RateStore(tmp_path / "rates.db", now=clock)


def taken(store: RateStore, tries: int, *, limit: int, key: str = "key") -> int:
    """How many of so many tries were let through."""
    return sum(store.acquire_sliding_window_entry(key, limit, MINUTE) for _ in range(tries))


def test_i2_no_more_than_the_limit_and_each_key_by_itself(store: RateStore) -> None:
    assert taken(store, 12, limit=10) == 10
    assert taken(store, 12, limit=10, key="another") == 10
    assert not store.acquire_sliding_window_entry("third", 10, MINUTE, amount=11)
    assert store.acquire_sliding_window_entry("third", 10, MINUTE, amount=10)


def test_i2_what_is_given_back_is_free_again(store: RateStore, clock: Clock) -> None:
    assert taken(store, 10, limit=10) == taken(store, 10, limit=10, key="another") == 10
    store.give_back("key", MINUTE)
    assert taken(store, 5, limit=10) == 1
    assert taken(store, 5, limit=10, key="another") == 0
    clock.now += 3 * MINUTE
    for _ in range(3):
        store.give_back("key", MINUTE)  # nothing is counted any more
    assert taken(store, 20, limit=10) == 10


def test_i2_the_window_slides(store: RateStore, clock: Clock) -> None:
    clock.now = START + 59
    assert taken(store, 20, limit=10) == 10
    clock.now = START + 60  # the next window; all of the last one still counts
    assert taken(store, 20, limit=10) == 0
    clock.now = START + 90  # half of it
    assert taken(store, 20, limit=10) == 5
    clock.now = START + 180
    assert taken(store, 20, limit=10) == 10


@given(
    limit=st.integers(1, 20),
    steps=st.lists(st.tuples(st.floats(0, 70), st.integers(1, 25)), min_size=1, max_size=12),
)
def test_i2_it_counts_as_the_rule_says(
    tmp_path_factory: pytest.TempPathFactory, limit: int, steps: list[tuple[float, int]]
) -> None:
    """Beside a model of the rule, which knows nothing of SQL."""
    clock = Clock()
    store = RateStore(tmp_path_factory.mktemp("rates") / "rates.db", now=clock)
    counts: dict[int, int] = {}
    for wait, tries in steps:
        clock.now += wait
        window, passed = divmod(clock.now, MINUTE)
        for _ in range(tries):
            weight = 1 - passed / MINUTE
            current = counts.get(int(window), 0)
            expected = int(counts.get(int(window) - 1, 0) * weight + current) + 1 <= limit
            assert store.acquire_sliding_window_entry("key", limit, MINUTE) == expected
            counts[int(window)] = current + expected
        before, _, now, _ = store.get_sliding_window("key", MINUTE)
        assert (before, now) == (counts.get(int(window) - 1, 0), counts[int(window)])
    store.close()


def _take_in_process(path: Path, tries: int, limit: int, found: multiprocessing.Queue[int]) -> None:
    found.put(taken(RateStore(path, now=Clock(), busy_timeout_seconds=30), tries, limit=limit))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_i2_two_processes_share_a_limit_exactly(tmp_path: Path, method: str) -> None:
    context = multiprocessing.get_context(method)
    found = context.Queue()
    path = tmp_path / "rates.db"
    workers = [
        context.Process(target=_take_in_process, args=(path, 300, 400, found)) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    assert sum(found.get(timeout=60) for _ in workers) == 400
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0


def test_i2_a_store_that_was_used_before_a_fork_counts_on_in_both(
    store: RateStore, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("fork")
    assert taken(store, 10, limit=100) == 10
    found = context.Queue()
    with store._lock:  # as if another thread were in the middle of counting
        worker = context.Process(target=lambda: found.put(taken(store, 60, limit=100)))
        worker.start()
    assert taken(store, 60, limit=100) + found.get(timeout=60) == 90
    worker.join(60)
    assert worker.exitcode == 0


def test_i2_threads_share_a_limit_exactly(store: RateStore) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(taken(store, 100, limit=250)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(found) == 250


def _delete(path: Path) -> None:
    path.unlink()


def _overwrite(path: Path) -> None:
    path.write_bytes(b"nothing of a database" * 500)


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(0)


def _replace(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [_delete, _overwrite, _truncate, _replace])
def test_i2_a_file_that_is_gone_or_damaged_starts_anew_for_everybody(
    tmp_path: Path, clock: Clock, harm: Callable[[Path], None]
) -> None:
    """Two openers, as two processes are: afterwards they count together again."""
    path = tmp_path / "rates.db"
    first, second = RateStore(path, now=clock), RateStore(path, now=clock)
    assert taken(first, 6, limit=10) + taken(second, 6, limit=10) == 10
    harm(path)
    assert taken(first, 6, limit=10) == 6
    assert taken(second, 6, limit=10) == 4
    assert first.check()
    assert second.check()


def test_i2_a_file_that_cant_be_used_is_an_error(tmp_path: Path, clock: Clock) -> None:
    missing = RateStore(tmp_path / "missing" / "rates.db", now=clock)
    for ask in (lambda: taken(missing, 1, limit=1), lambda: missing.incr("key", 1)):
        with pytest.raises(StorageError):
            ask()
    assert not missing.check()


def test_i2_a_file_locked_for_too_long_is_an_error_and_then_usable(
    tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "rates.db"
    store = RateStore(path, now=clock, busy_timeout_seconds=0.01)
    assert taken(store, 1, limit=5) == 1
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError):
        taken(store, 1, limit=5)
    holder.execute("ROLLBACK")
    holder.close()
    assert taken(store, 9, limit=5) == 4


def test_i2_what_has_expired_is_removed(store: RateStore, clock: Clock, tmp_path: Path) -> None:
    for number in range(50):
        assert taken(store, 1, limit=5, key=f"key {number}") == 1
    clock.now += 3 * MINUTE
    assert taken(store, 1, limit=5) == 1
    with sqlite3.connect(tmp_path / "rates.db") as connection:
        assert connection.execute("SELECT count(*) FROM counters").fetchone() == (1,)
    connection.close()


def test_i2_the_file_names_nobody_and_is_nobody_elses(store: RateStore, tmp_path: Path) -> None:
    assert taken(store, 1, limit=5, key="read/did/did:plc:alice") == 1
    path = tmp_path / "rates.db"
    assert b"alice" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_strategies_of_the_library_work_on_it(store: RateStore, clock: Clock) -> None:
    item = RateLimitItemPerMinute(3)
    fixed, sliding = FixedWindowRateLimiter(store), SlidingWindowCounterRateLimiter(store)
    for limiter in (fixed, sliding):
        name = type(limiter).__name__
        assert [limiter.hit(item, name) for _ in range(5)] == [True, True, True, False, False]
        assert not limiter.test(item, name)
        limiter.clear(item, name)
        assert limiter.hit(item, name)
    assert store.get_expiry(item.key_for("FixedWindowRateLimiter")) == START + MINUTE
    clock.now += MINUTE
    assert store.get(item.key_for("FixedWindowRateLimiter")) == 0
    assert fixed.hit(item, "FixedWindowRateLimiter")
    assert store.reset() > 0
    assert sliding.test(item, "SlidingWindowCounterRateLimiter", cost=3)
