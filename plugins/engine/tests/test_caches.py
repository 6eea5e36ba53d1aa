"""What pages, menus and indexes are kept in: bounded memory, and work after the answer."""

from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path

import pytest
from small_wikis import ALICE, make_bare

from otterwiki_engine.after_answers import AfterAnswers, after_answers
from otterwiki_engine.file_lists import file_lists
from otterwiki_engine.repository import Repository
from otterwiki_engine.sized_cache import _OVERHEAD_BYTES, SizedCache


def test_a_cache_drops_what_was_used_least_recently() -> None:
    one = 1000 + _OVERHEAD_BYTES
    cache: SizedCache[str, str] = SizedCache(4 * one)
    for key in "abcd":
        cache.put(key, key.upper(), 1000)
    assert cache.get("a") == "A"
    cache.put("e", "E", 1000)
    assert cache.get("b") is None
    assert [cache.get(key) for key in "acde"] == ["A", "C", "D", "E"]
    assert len(cache) == 4
    assert cache.used_bytes == 4 * one


def test_a_cache_counts_what_is_replaced_once_and_keeps_nothing_too_large() -> None:
    cache: SizedCache[str, str] = SizedCache(40_000)
    for size in (100, 5_000, 200):
        cache.put("a", str(size), size)
    assert cache.get("a") == "200"
    assert cache.used_bytes == 200 + _OVERHEAD_BYTES
    cache.put("a", "too large", 20_000)
    assert cache.get("a") is None
    assert (len(cache), cache.used_bytes) == (0, 0)
    cache.put("b", "B", 1)
    cache.clear()
    assert (cache.get("b"), cache.used_bytes) == (None, 0)


def test_a_cache_is_safe_for_threads() -> None:
    cache: SizedCache[int, int] = SizedCache(20_000)

    def work(start: int) -> None:
        for number in range(start, start + 3000):
            cache.put(number % 60, number, number % 700)
            cache.get(number % 7)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < cache.used_bytes <= 20_000
    assert cache.used_bytes == sum(size for _, size in cache._kept.values())


def test_work_after_answers_is_done_once_and_survives_what_fails() -> None:
    queue, done, gate = AfterAnswers(), [], threading.Event()

    def fail() -> None:
        raise ValueError("for the log")

    queue.submit("gate", lambda: gate.wait(60))
    for _ in range(3):
        queue.submit("a", lambda: done.append("a"))
        queue.submit("bad", fail)
        queue.submit("b", lambda: done.append("b"))
    assert not queue.wait(0.0)
    gate.set()
    assert queue.wait(60)
    assert done == ["a", "b"]
    queue.submit("a", lambda: done.append("again"))
    assert queue.wait(60)
    assert done == ["a", "b", "again"]


def _works_in_child(answers: multiprocessing.SimpleQueue[bool]) -> None:
    done = threading.Event()
    after_answers.submit("child", done.set)
    answers.put(done.wait(30))


def test_work_after_answers_is_done_in_a_forked_child_too() -> None:
    done = threading.Event()
    after_answers.submit("parent", done.set)
    assert done.wait(30)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_works_in_child, args=(answers,))
    child.start()
    assert answers.get()
    child.join(60)


@pytest.fixture
def wikis(tmp_path: Path) -> tuple[Repository, Repository]:
    made = make_bare(tmp_path / "one"), make_bare(tmp_path / "two")
    for number, repository in enumerate(made):
        repository.commit({f"{number}.md": b"# x\n"}, base=None, author=ALICE, message="first")
    return made


def test_a_wiki_that_is_opened_again_reads_no_tree(
    wikis: tuple[Repository, Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    for repository in wikis:
        repository.snapshot()
        repository.close()
    opened = []
    monkeypatch.setattr(
        Repository, "_raw", lambda *arguments: opened.append(arguments) or pytest.fail("read")
    )
    for number, repository in enumerate(wikis):
        again = Repository(repository.git_dir, state_dir=repository.state_dir)
        assert list(again.snapshot().entries) == [f"{number}.md"]
        assert again._opened is None
    assert opened == []


def test_a_file_list_belongs_to_a_repository_and_a_commit(
    wikis: tuple[Repository, Repository],
) -> None:
    one, two = wikis
    before = one.head()
    assert before
    one.commit({"0.md": None, "new.md": b"x"}, base=None, author=ALICE, message="second")
    assert list(one.snapshot().entries) == ["new.md"]
    assert list(one.snapshot(before).entries) == ["0.md"]
    assert file_lists.get(str(two.git_dir), before) is None
    assert list(two.snapshot().entries) == ["1.md"]


def test_a_repository_whose_configuration_changed_is_looked_at_again(
    wikis: tuple[Repository, Repository],
) -> None:
    from otterwiki_engine.errors import RepositoryDamaged

    one, _ = wikis
    Repository(one.git_dir, state_dir=one.state_dir).close()
    with (one.git_dir / "config").open("a") as file:
        file.write("[extensions]\n\tobjectformat = sha256\n[core]\n\trepositoryformatversion = 1\n")
    with pytest.raises(RepositoryDamaged):
        Repository(one.git_dir, state_dir=one.state_dir)


def test_a_repository_that_is_gone_is_told(wikis: tuple[Repository, Repository]) -> None:
    import shutil

    from otterwiki_engine.errors import RepositoryDamaged

    one, two = wikis
    shutil.rmtree(one.state_dir)
    with pytest.raises(RepositoryDamaged):
        Repository(one.git_dir, state_dir=one.state_dir)
    assert not one.state_dir.exists()
    assert Repository(two.git_dir, state_dir=two.state_dir).snapshot().entries


def test_a_deadline_is_kept() -> None:
    queue, gate = AfterAnswers(), threading.Event()
    queue.submit("gate", lambda: gate.wait(60))
    start = time.monotonic()
    assert not queue.wait(0.05)
    assert time.monotonic() - start < 30
    gate.set()
    assert queue.wait(60)
