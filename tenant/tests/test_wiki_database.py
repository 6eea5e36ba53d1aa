"""``wiki.db``: settings that are never stale, tables made once, damage that is told."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table, Text, text

from otterwiki_tenant.errors import StartupRefused, Unavailable
from otterwiki_tenant.wiki_database import WikiDatabase

TABLES = MetaData()
Table("preferences", TABLES, Column("name", String(256), primary_key=True), Column("value", Text))


def _write(path: Path, name: str, value: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT OR REPLACE INTO preferences VALUES (?, ?)", (name, value))
    connection.close()


@pytest.fixture
def database(tmp_path: Path) -> WikiDatabase:
    return WikiDatabase(tmp_path / "wiki.db", TABLES)


def test_settings_follow_another_process_at_once(database: WikiDatabase) -> None:
    context = multiprocessing.get_context("spawn")
    assert database.settings() == {}
    for name in ("First", "Second"):
        process = context.Process(target=_write, args=(database.path, "SITE_NAME", name))
        process.start()
        process.join(60)
        assert database.settings() == {"SITE_NAME": name}


def test_settings_follow_this_processs_own_connections(database: WikiDatabase) -> None:
    for number in range(5):
        with database.engine.begin() as connection:
            connection.execute(text("DELETE FROM preferences"))
            connection.execute(
                text("INSERT INTO preferences VALUES ('SITE_NAME', :value)"),
                {"value": str(number)},
            )
            assert database.settings().get("SITE_NAME") != str(number), "not committed yet"
        assert database.settings() == {"SITE_NAME": str(number)}


def test_unchanged_settings_are_not_read_again(tmp_path: Path) -> None:
    now = [time.time() + 60]  # long after all that follows
    database = WikiDatabase(tmp_path / "wiki.db", TABLES, lambda: now[0])
    _write(database.path, "SITE_NAME", "First")
    first = database.settings()
    assert database.settings() is first
    assert WikiDatabase(database.path, TABLES, lambda: now[0]).settings() is first
    _write(database.path, "SITE_NAME", "First")
    assert database.settings() is not first


def test_what_has_just_changed_is_read_again_until_the_clock_has_moved_on(tmp_path: Path) -> None:
    """Two changes within one tick of the file system's clock leave the same times behind."""
    now = [0.0]
    database = WikiDatabase(tmp_path / "wiki.db", TABLES, lambda: now[0])
    _write(database.path, "SITE_NAME", "First")
    now[0] = max(path.stat().st_ctime for path in tmp_path.iterdir()) + 0.9
    first = database.settings()
    assert database.settings() is not first
    now[0] += 0.2
    settled = database.settings()
    assert database.settings() is settled == {"SITE_NAME": "First"}


def test_reading_settings_leaves_nothing_open(tmp_path: Path) -> None:
    now = time.time() + 60
    opened = [WikiDatabase(tmp_path / f"{n}.db", TABLES, lambda: now) for n in range(3)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    for database in opened:
        database.settings()
        database.settings()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_two_databases_are_not_mixed(tmp_path: Path) -> None:
    now = time.time() + 60
    one, other = (WikiDatabase(tmp_path / f"{n}.db", TABLES, lambda: now) for n in "ab")
    _write(one.path, "SITE_NAME", "One")
    _write(other.path, "SITE_NAME", "Other")
    for _ in range(2):
        assert one.settings() == {"SITE_NAME": "One"}
        assert other.settings() == {"SITE_NAME": "Other"}


def test_a_restored_file_is_noticed(database: WikiDatabase, tmp_path: Path) -> None:
    _write(database.path, "SITE_NAME", "Today")
    assert database.settings() == {"SITE_NAME": "Today"}
    WikiDatabase(tmp_path / "backup.db", TABLES).close()
    _write(tmp_path / "backup.db", "SITE_NAME", "Yesterday")
    (tmp_path / "backup.db").rename(database.path)
    for suffix in ("-wal", "-shm"):
        Path(f"{database.path}{suffix}").unlink(missing_ok=True)
    assert database.settings() == {"SITE_NAME": "Yesterday"}


def test_only_names_of_a_wiki_are_taken(database: WikiDatabase) -> None:
    for name in ("SECRET_KEY", "READ_ACCESS", "SERVER_NAME", "HTML_EXTRA_HEAD", "site_name"):
        _write(database.path, name, "evil")
    _write(database.path, "HIDE_LOGO", "True")
    _write(database.path, "RETAIN_PAGE_NAME_CASE", "False")
    assert database.settings() == {"HIDE_LOGO": True, "RETAIN_PAGE_NAME_CASE": False}


def test_many_threads_make_the_tables_once(tmp_path: Path) -> None:
    made: list[WikiDatabase] = []
    barrier = threading.Barrier(6)

    def make() -> None:
        barrier.wait()
        made.append(WikiDatabase(tmp_path / "wiki.db", TABLES))

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 6
    _write(tmp_path / "wiki.db", "SITE_NAME", "x")
    assert [database.settings() for database in made] == [{"SITE_NAME": "x"}] * 6


def test_a_table_that_came_with_an_upgrade_is_added(tmp_path: Path) -> None:
    WikiDatabase(tmp_path / "wiki.db", TABLES).close()
    _write(tmp_path / "wiki.db", "SITE_NAME", "kept")
    newer = MetaData()
    for table in TABLES.tables.values():
        table.to_metadata(newer)
    Table("drafts", newer, Column("id", String(8), primary_key=True))
    database = WikiDatabase(tmp_path / "wiki.db", newer)
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM drafts")).scalar_one() == 0
    assert database.settings() == {"SITE_NAME": "kept"}


def test_writes_are_durable(database: WikiDatabase) -> None:
    with database.engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"


def test_i8_a_damaged_or_missing_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "wiki.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(Unavailable, match=r"wiki\.db"):
        WikiDatabase(tmp_path / "wiki.db", TABLES)
    with pytest.raises(Unavailable):
        WikiDatabase(tmp_path / "gone" / "wiki.db", TABLES)
    good = WikiDatabase(tmp_path / "good.db", TABLES)
    assert good.settings() == {}
    good.path.unlink()
    with pytest.raises(Unavailable):
        good.settings()


def test_without_otterwikis_tables_it_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(StartupRefused):
        WikiDatabase(tmp_path / "wiki.db", None)
    assert not (tmp_path / "wiki.db").exists()


def test_a_closed_database_opens_again(database: WikiDatabase) -> None:
    _write(database.path, "SITE_NAME", "x")
    database.settings()
    database.close()
    assert database.settings() == {"SITE_NAME": "x"}
