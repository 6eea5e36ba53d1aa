"""index.db is derived: deleted, damaged, shared, forked or killed, the answers stay right."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from git_histories import History, git, lines, long_text
from small_wikis import ALICE, make_bare

from otterwiki_engine import history, index_catchup, index_file, index_store
from otterwiki_engine.errors import RepositoryBusy, RepositoryGone
from otterwiki_engine.history import HistoryIndex
from otterwiki_engine.history_records import CommitRecord
from otterwiki_engine.repository import Repository

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def wiki(tmp_path: Path) -> Repository:
    """A wiki with 40 commits, one of them a rename."""
    made = History(tmp_path / "wiki")
    for number in range(40):
        name = "a.md" if number < 20 else "b.md"
        made.commit({name: long_text("page"), "c.md": lines(number)})
    return made.finish()


def expected(repository: Repository) -> list[str]:
    return git(repository.git_dir, "log", "--format=%H").split()


def check(index: HistoryIndex, repository: Repository) -> None:
    """The index answers what git answers."""
    assert [record.revision for record in index.log()] == expected(repository)
    assert len(index.log("b.md")) == 2
    assert len(index.log("c.md")) == 40


def index_path(repository: Repository) -> Path:
    return repository.state_dir / "index.db"


def database(repository: Repository) -> Path:
    """The file behind index.db."""
    return index_path(repository).resolve()


def delete_link(repository: Repository) -> None:
    index_path(repository).unlink()


def delete_behind_link(repository: Repository) -> None:
    database(repository).unlink()


def delete_everything(repository: Repository) -> None:
    for path in repository.state_dir.glob("index*"):
        path.unlink()


def fill_with_junk(repository: Repository) -> None:
    index_path(repository).write_bytes(b"not a database" * 1000)


def truncate(repository: Repository) -> None:
    with index_path(repository).open("r+b") as file:
        file.truncate(5000)
    for path in repository.state_dir.glob("index-*-wal"):
        path.write_bytes(b"")


def empty(repository: Repository) -> None:
    index_path(repository).write_bytes(b"")
    for path in repository.state_dir.glob("index-*-wal"):
        path.unlink()


def plain_file(repository: Repository) -> None:
    delete_everything(repository)
    index_path(repository).write_bytes(b"junk of a plain file")


def other_version(repository: Repository) -> None:
    connection = sqlite3.connect(database(repository))
    connection.execute("PRAGMA user_version=999")
    connection.close()


def drop_table(repository: Repository) -> None:
    connection = sqlite3.connect(database(repository))
    connection.execute("DROP TABLE changes")
    connection.close()


LOSSES = [
    delete_link,
    delete_behind_link,
    delete_everything,
    fill_with_junk,
    truncate,
    empty,
    plain_file,
    other_version,
    drop_table,
]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_lost_or_damaged_index_is_built_again(
    wiki: Repository, other: Repository, lose: Callable[[Repository], None]
) -> None:
    second = HistoryIndex(other)
    before = second.log()
    first = HistoryIndex(wiki)
    check(first, wiki)
    first.close()
    lose(wiki)
    check(HistoryIndex(wiki), wiki)
    assert second.log() == before
    assert index_path(wiki).is_symlink()
    assert len(list(wiki.state_dir.glob("index-*.db"))) == 1


@pytest.mark.parametrize("lose", LOSSES)
def test_losing_the_index_while_it_is_open(
    wiki: Repository, lose: Callable[[Repository], None]
) -> None:
    index, another = HistoryIndex(wiki), HistoryIndex(wiki)
    check(index, wiki)
    check(another, wiki)
    lose(wiki)
    wiki.commit({"new.md": b"1\n"}, base=None, author=ALICE, message="m")
    for each in (another, index):
        assert [record.revision for record in each.log()] == expected(wiki)
        assert [record.message for record in each.log("new.md")] == ["m"]


def test_closing_a_deleted_index_does_not_hurt_its_successor(wiki: Repository) -> None:
    """SQLite deletes a write-ahead log by name; generations have names of their own."""
    stale, fresh = HistoryIndex(wiki), HistoryIndex(wiki)
    check(stale, wiki)
    index_path(wiki).unlink()
    check(fresh, wiki)
    log = Path(f"{database(wiki)}-wal")
    assert log.exists()
    stale.close()
    assert log.exists()
    check(HistoryIndex(wiki), wiki)
    with sqlite3.connect(database(wiki)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_an_index_replaced_right_after_catching_up_is_not_believed(
    wiki: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, another = HistoryIndex(wiki), HistoryIndex(wiki)
    really_catch_up = history.catch_up
    losses = iter(["once"])

    def catch_up_and_lose(*arguments: object) -> None:
        really_catch_up(*arguments)  # type: ignore[arg-type]
        for _ in losses:
            index_path(wiki).unlink()
            with another._file.reading():
                pass  # there is an index again, an empty one

    monkeypatch.setattr(history, "catch_up", catch_up_and_lose)
    check(index, wiki)


def test_a_wiki_made_anew_in_the_same_place_has_its_own_history(tmp_path: Path) -> None:
    old = make_bare(tmp_path / "wiki")
    old.commit({"secret.md": b"old\n"}, base=None, author=ALICE, message="old secret")
    index = HistoryIndex(old)
    secret = index.log()[0]
    assert secret.message == "old secret"
    (tmp_path / "wiki").rename(tmp_path / "gone")
    new = make_bare(tmp_path / "wiki")
    assert HistoryIndex(new).log() == []
    assert index.log() == []  # the process that still has the old one open
    new.commit({"page.md": b"new\n"}, base=None, author=ALICE, message="new")
    assert [record.message for record in index.log()] == ["new"]
    assert index.last_change("secret.md") is None
    assert index.records([secret.revision]) == {}


def test_a_removed_wiki_is_gone(tmp_path: Path) -> None:
    repository = make_bare(tmp_path / "wiki")
    index = HistoryIndex(repository)
    assert index.log() == []
    (tmp_path / "wiki").rename(tmp_path / "gone")
    with pytest.raises(RepositoryGone):
        index.log()
    assert not (tmp_path / "wiki").exists()


def test_rewritten_history_is_indexed_anew(wiki: Repository) -> None:
    index = HistoryIndex(wiki)
    check(index, wiki)
    index.keep_blame("c.md", "x", "[]")
    old = expected(wiki)
    git(wiki.git_dir, "update-ref", "refs/heads/main", old[10])
    assert [record.revision for record in index.log()] == old[10:]
    assert index.find(old[0]) is None
    assert index.kept_blames("c.md") == {}
    wiki.commit({"else.md": b"1\n"}, base=None, author=ALICE, message="another line")
    assert [record.revision for record in index.log()] == expected(wiki)
    git(wiki.git_dir, "update-ref", "-d", "refs/heads/main")
    assert index.log() == []
    assert index.count() == 0


def test_only_new_commits_are_read(wiki: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    index = HistoryIndex(wiki)
    check(index, wiki)
    read: list[str] = []
    parse = index_catchup.parse_commit

    def counting(revision: str, content: bytes) -> object:
        read.append(revision)
        return parse(revision, content)

    monkeypatch.setattr(index_catchup, "parse_commit", counting)
    result = wiki.commit({"new.md": b"1\n"}, base=None, author=ALICE, message="m")
    index.catch_up()
    assert set(read) == {result.revision, result.parent}
    read.clear()
    index.catch_up()
    index.log("c.md")
    assert read == []


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked process; its exit code (minus the signal that killed it)."""
    process = FORK.Process(target=work)
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


@pytest.mark.parametrize("killed_at", [1, 8, 17, 25, 40])
def test_a_killed_process_loses_one_batch_at_most(
    wiki: Repository, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr(index_catchup, "BATCH_COMMITS", 8)
    add_commit = index_store.add_commit

    def build_and_die() -> None:
        added = 0

        def add_or_die(*arguments: object) -> None:
            nonlocal added
            added += 1
            if added == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
            add_commit(*arguments)  # type: ignore[arg-type]

        index_store.add_commit = add_or_die  # type: ignore[assignment]
        HistoryIndex(wiki).catch_up()

    assert in_child(build_and_die) == -signal.SIGKILL
    added: list[object] = []

    def counting(*arguments: object) -> None:
        added.append(arguments)
        add_commit(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(index_store, "add_commit", counting)
    check(HistoryIndex(wiki), wiki)
    assert len(added) == 40 - (killed_at - 1) // 8 * 8


def test_killed_half_way_and_then_the_history_is_rewritten(
    wiki: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_catchup, "BATCH_COMMITS", 8)
    add_commit = index_store.add_commit
    calls = iter(range(100))

    def failing(*arguments: object) -> None:
        if next(calls) == 20:
            raise KeyboardInterrupt
        add_commit(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(index_store, "add_commit", failing)
    index = HistoryIndex(wiki)
    with pytest.raises(KeyboardInterrupt):
        index.catch_up()
    git(wiki.git_dir, "update-ref", "refs/heads/main", expected(wiki)[30])
    wiki.commit({"c.md": b"else\n"}, base=None, author=ALICE, message="another line")
    assert [record.revision for record in index.log()] == expected(wiki)


def test_several_processes_build_one_index(
    wiki: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_catchup, "BATCH_COMMITS", 3)

    def build() -> None:
        index = HistoryIndex(Repository(wiki.git_dir, state_dir=wiki.state_dir))
        check(index, wiki)

    processes = [FORK.Process(target=build) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    check(HistoryIndex(wiki), wiki)
    with sqlite3.connect(database(wiki)) as connection:
        numbers = [seq for (seq,) in connection.execute("SELECT seq FROM commits ORDER BY seq")]
    connection.close()
    assert numbers == list(range(1, 41))


def test_a_forked_process_uses_connections_of_its_own(wiki: Repository) -> None:
    index = HistoryIndex(wiki)
    check(index, wiki)

    def read_and_write() -> None:
        check(index, wiki)
        wiki.commit({"child.md": b"1\n"}, base=None, author=ALICE, message="from the child")
        assert index.log("child.md")

    assert in_child(read_and_write) == 0
    assert [record.message for record in index.log("child.md")] == ["from the child"]
    assert in_child(lambda: index.close()) == 0
    assert [record.revision for record in index.log()] == expected(wiki)


def test_readers_do_not_wait_for_a_writer(
    wiki: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, another = HistoryIndex(wiki), HistoryIndex(wiki)
    check(index, wiki)
    monkeypatch.setattr(index_file, "BUSY_TIMEOUT_SECONDS", 0.05)
    with another._file.writing():
        check(index, wiki)
        index.keep_blame("c.md", "x", "[]")  # not worth waiting for
        wiki.commit({"new.md": b"1\n"}, base=None, author=ALICE, message="m")
        with pytest.raises(RepositoryBusy):
            index.log()
    assert index.kept_blames("c.md") == {}
    assert len(index.log("new.md")) == 1


def test_threads_see_their_own_commits(wiki: Repository, other: Repository) -> None:
    indexes = {"one": (wiki, HistoryIndex(wiki)), "two": (other, HistoryIndex(other))}
    problems: list[object] = []

    def work(name: str, number: int) -> None:
        repository, index = indexes[name]
        for turn in range(12):
            path = f"{name}/{number}.md"
            text = f"{name} {number} {turn}\n"
            done = repository.commit({path: text.encode()}, base=None, author=ALICE, message=text)
            last: CommitRecord | None = index.last_change(path)
            if last is None or last.revision != done.revision or last.message != text:
                problems.append((name, number, turn, last))
            if len(index.log(path)) != turn + 1 or done.revision not in index.records(
                [done.revision]
            ):
                problems.append((name, number, turn))

    threads = [
        threading.Thread(target=work, args=(name, number)) for name in indexes for number in (1, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    for name, (repository, index) in indexes.items():
        assert [record.revision for record in index.log()] == expected(repository)
        assert {record.message.split()[0] for record in index.log(name)} == {name}
        assert index.log("two" if name == "one" else "one") == []


def test_a_full_disk_is_not_taken_for_damage(wiki: Repository) -> None:
    index = HistoryIndex(wiki)
    check(index, wiki)
    behind = database(wiki)
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    with pytest.raises(sqlite3.OperationalError):
        index._file.recover(full)
    with pytest.raises(sqlite3.ProgrammingError):
        index._file.recover(sqlite3.ProgrammingError("wrong number of parameters"))
    assert database(wiki) == behind
