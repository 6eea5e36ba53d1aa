"""The page tables under kills, damage, many processes, and beside the history."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_dumps import dump, dump_from_scratch
from small_wikis import ALICE, make_bare

from otterwiki_engine.pages import page_catchup, page_store
from otterwiki_engine.pages.page_index import PageIndex
from otterwiki_engine.pages.search_query import SearchQuery
from otterwiki_engine.pages.settings import PageSettings
from otterwiki_engine.repository import Repository
from otterwiki_engine.wiki import Wiki

FORK = multiprocessing.get_context("fork")
SETTINGS = PageSettings(retain_page_name_case=True)
PAGES = 30
BATCH = 7
WAIT_SECONDS = 30.0


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several batches even here."""
    monkeypatch.setattr(page_catchup, "BATCH_PAGES", BATCH)


@pytest.fixture
def wiki(tmp_path: Path) -> Iterator[Wiki]:
    made = Wiki(make_bare(tmp_path / "wiki"))
    commit(
        made, {f"page {n}.md": f"# Page {n}\n\n[[page {n + 1}]] word{n}\n" for n in range(PAGES)}
    )
    yield made
    made.close()


def commit(wiki: Wiki, files: dict[str, str]) -> str:
    changes = {path: text.encode() for path, text in files.items()}
    return wiki.repository.commit(changes, base=None, author=ALICE, message="x").revision


def check(wiki: Wiki) -> None:
    """The index is what one built from nothing is."""
    assert dump(wiki, SETTINGS) == dump_from_scratch(wiki, SETTINGS)


def rows(wiki: Wiki) -> int:
    with sqlite3.connect((wiki.repository.state_dir / "index.db").resolve()) as connection:
        found: int = connection.execute("SELECT count(*) FROM pages").fetchone()[0]
    return found


def killed_in(wiki: Wiki, patch: Callable[[pytest.MonkeyPatch], None]) -> None:
    """Catch up in a child process that `patch` makes kill itself."""

    def work() -> None:
        with pytest.MonkeyPatch.context() as patched:
            patch(patched)
            reopened(wiki).pages_index(SETTINGS).catch_up()

    child = FORK.Process(target=work)
    child.start()
    child.join(WAIT_SECONDS)
    assert child.exitcode == -signal.SIGKILL


def reopened(wiki: Wiki) -> Wiki:
    """The same wiki, as another process opens it."""
    return Wiki(Repository(wiki.repository.git_dir, state_dir=wiki.repository.state_dir))


def killing_at(number: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which kills the process when it is called for the `number`th time (from 0)."""
    left = number

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return function(*arguments, **named)

    return counted


@pytest.mark.parametrize("page", [0, 3, BATCH, 2 * BATCH + 3, PAGES - 1])
def test_a_build_killed_while_it_reads_goes_on_where_it_was(wiki: Wiki, page: int) -> None:
    killed_in(
        wiki,
        lambda patched: patched.setattr(
            page_catchup, "read_contents", killing_at(page, page_catchup.read_contents)
        ),
    )
    index = wiki.pages_index(SETTINGS)
    assert index.standing() is None
    finished = page // BATCH * BATCH
    assert rows(wiki) == finished
    assert index.catch_up() == PAGES - finished
    check(wiki)


@pytest.mark.parametrize("step", ["delete_pages", "put_pages", "set_standing"])
@pytest.mark.parametrize("batch", [0, 2, 4])
def test_a_build_killed_while_it_writes_loses_one_batch_at_most(
    wiki: Wiki, step: str, batch: int
) -> None:
    killed_in(
        wiki,
        lambda patched: patched.setattr(
            page_store, step, killing_at(batch, getattr(page_store, step))
        ),
    )
    assert wiki.pages_index(SETTINGS).standing() is None
    assert rows(wiki) <= batch * BATCH
    check(wiki)


def test_a_change_killed_halfway_is_done_or_not_done(wiki: Wiki) -> None:
    index = wiki.pages_index(SETTINGS)
    index.catch_up()
    before = wiki.repository.head()
    commit(wiki, {"page 1.md": "new text\n", "page 2.md": "newer\n"})
    killed_in(
        wiki,
        lambda patched: patched.setattr(
            page_store, "set_standing", killing_at(0, page_store.set_standing)
        ),
    )
    assert index.standing() == before
    assert index.search(SearchQuery("newer")).total == 1
    check(wiki)


def test_a_failure_while_reading_leaves_what_was_there(
    wiki: Wiki, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = wiki.pages_index(SETTINGS)
    index.catch_up()
    before = index.standing()
    commit(wiki, {"page 1.md": "new\n"})
    with monkeypatch.context() as patched:
        patched.setattr(page_catchup, "read_contents", _fail)
        with pytest.raises(ZeroDivisionError):
            index.paths()
    assert index.standing() == before
    check(wiki)


def _fail(*_arguments: object) -> None:
    raise ZeroDivisionError


def test_whoever_asks_for_the_history_waits_for_no_page(
    wiki: Wiki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a page is read, commits are made, indexed and told of."""
    reading, go_on = threading.Event(), threading.Event()
    read = page_catchup.read_contents

    def slow(*arguments: Any) -> Any:
        reading.set()
        assert go_on.wait(WAIT_SECONDS)
        return read(*arguments)

    monkeypatch.setattr(page_catchup, "read_contents", slow)
    builder = threading.Thread(target=wiki.pages_index(SETTINGS).catch_up)
    builder.start()
    try:
        assert reading.wait(WAIT_SECONDS)
        revision = commit(wiki, {"page 1.md": "new\n"})
        assert wiki.history.log(limit=1)[0].revision == revision
        assert builder.is_alive()
    finally:
        go_on.set()
        builder.join(WAIT_SECONDS)
    check(wiki)


def test_whoever_never_asks_for_pages_never_indexes_any(wiki: Wiki) -> None:
    wiki.history.log()
    assert rows(wiki) == 0
    assert wiki.pages_index(SETTINGS).standing() is None


def test_many_threads_and_processes_build_one_index(wiki: Wiki) -> None:
    def ask() -> None:
        index = reopened(wiki).pages_index(SETTINGS)
        assert len(index.paths()) >= PAGES
        assert index.search(SearchQuery("word7")).total == 1

    def write_and_ask(number: int) -> None:
        mine = reopened(wiki)
        for step in range(5):
            commit(mine, {f"new {number} {step}.md": f"newword{number} [[page 1]]\n"})
            found = mine.pages_index(SETTINGS).search(SearchQuery(f"newword{number}"))
            assert found.total == step + 1

    processes = [FORK.Process(target=ask) for _ in range(2)]
    processes += [FORK.Process(target=write_and_ask, args=(number,)) for number in range(2)]
    for process in processes:
        process.start()
    shared = wiki.pages_index(SETTINGS)
    threads = [threading.Thread(target=shared.catch_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    for process in processes:
        process.join(WAIT_SECONDS)
        assert process.exitcode == 0
    check(wiki)


def test_two_settings_at_once_both_get_right_answers(wiki: Wiki) -> None:
    """They make the tables over and over, but none is ever told what holds for the other."""
    told: dict[str, list[list[str]]] = {"Page 2": [], "page 2": []}
    lower = PageSettings()

    def ask(settings: PageSettings, expected: str) -> None:
        index = PageIndex(wiki.repository, wiki.history._file, wiki.history, settings)
        for _ in range(3):
            told[expected].append([link.target for link in index.links_from("page 1")])

    commit(wiki, {"page 1.md": "[[Page 2]]\n"})
    threads = [
        threading.Thread(target=ask, args=(SETTINGS, "Page 2")),
        threading.Thread(target=ask, args=(lower, "page 2")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    assert told == {name: [[name]] * 3 for name in told}


def delete_everything(wiki: Wiki) -> None:
    for path in wiki.repository.state_dir.glob("index*"):
        path.unlink()


def fill_with_junk(wiki: Wiki) -> None:
    (wiki.repository.state_dir / "index.db").write_bytes(b"not a database" * 1000)


def drop_a_table(wiki: Wiki) -> None:
    with sqlite3.connect((wiki.repository.state_dir / "index.db").resolve()) as connection:
        connection.execute("DROP TABLE page_links")


def pretend_an_older_version(wiki: Wiki) -> None:
    with sqlite3.connect((wiki.repository.state_dir / "index.db").resolve()) as connection:
        connection.execute("PRAGMA user_version=1")


@pytest.mark.parametrize(
    "damage", [delete_everything, fill_with_junk, drop_a_table, pretend_an_older_version]
)
def test_a_damaged_index_is_built_again(wiki: Wiki, damage: Callable[[Wiki], None]) -> None:
    index = wiki.pages_index(SETTINGS)
    links = index.links_to("page 2")
    assert len(links) == 1
    damage(wiki)
    assert reopened(wiki).pages_index(SETTINGS).links_to("page 2") == links
    assert index.links_to("page 2") == links
    check(wiki)


def test_a_child_process_uses_the_index_its_parent_has_open(wiki: Wiki) -> None:
    index = wiki.pages_index(SETTINGS)
    index.catch_up()
    commit(wiki, {"page 1.md": "childword\n"})
    answers = FORK.Queue()
    child = FORK.Process(target=lambda: answers.put(index.search(SearchQuery("childword")).total))
    with wiki.history._file.page_turn:  # held by a thread of the parent while it forks
        child.start()
    assert answers.get(timeout=WAIT_SECONDS) == 1
    child.join(WAIT_SECONDS)
    assert index.search(SearchQuery("childword")).total == 1
    check(wiki)
