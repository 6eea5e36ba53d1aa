"""Blame from the page's own history, against ``git blame``."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from git_histories import History, git, lines, long_text
from small_wikis import ALICE, BOB

from otterwiki_engine import blame as blame_module
from otterwiki_engine.blame import blame
from otterwiki_engine.errors import NotFound
from otterwiki_engine.history import HistoryIndex
from otterwiki_engine.repository import Repository


def git_blame(repository: Repository, path: str, revision: str = "HEAD") -> list[str]:
    """The commit of each line, as real git has it."""
    shown = git(repository.git_dir, "blame", "--line-porcelain", revision, "--", path)
    heads = (line.split(" ") for line in shown.split("\n"))
    return [head[0] for head in heads if len(head) >= 3 and len(head[0]) == 40]


def check(repository: Repository, index: HistoryIndex, path: str, revision: str = "HEAD") -> None:
    full = repository.resolve(revision)
    found = blame(repository, index, path, full)
    assert [line.revision for line in found] == git_blame(repository, path, full)
    assert [line.line_number for line in found] == list(range(1, len(found) + 1))
    content = repository.snapshot(full).read(path)
    assert [line.text for line in found] == content.decode("utf-8", "replace").split("\n")[
        : len(found)
    ]


def unique_edit(choose: random.Random, text: list[str], number: int) -> list[str]:
    """A few changes with lines that occur nowhere else, so that there is one right answer."""
    text = list(text)
    for part in range(choose.randint(1, 3)):
        at = choose.randrange(len(text) + 1)
        gone = choose.choice([0, 0, 1, 2, 5])
        new = [f"new {number}.{part}.{n}" for n in range(choose.choice([0, 1, 1, 4]))]
        text[at : at + gone] = new
    return text or [f"new {number}"]


@pytest.mark.parametrize("seed", range(5))
def test_linear_histories_are_blamed_as_git_does(tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    history = History(tmp_path)
    text, path = [f"first {number}" for number in range(40)], "page 0.md"
    for number in range(60):
        if number in (20, 40):
            path = f"folder/page {number}.md"
        else:
            text = unique_edit(choose, text, number)
        end = "" if number % 7 == 0 else "\n"
        history.commit({path: ("\n".join(text) + end).encode(), "other.md": lines(number // 5)})
    repository = history.finish()
    index = HistoryIndex(repository)
    middle = git(repository.git_dir, "log", "--format=%H").split()[30]
    check(repository, index, index.path_at(path, middle), middle)
    check(repository, index, path)
    check(repository, index, path)  # now from what was kept
    check(repository, index, "other.md")


@pytest.mark.parametrize("seed", range(4))
def test_merged_branches_are_blamed_on_both(tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    history = History(tmp_path)
    text = [f"first {number}" for number in range(60)]
    main = history.commit({"a.md": "\n".join(text).encode()})
    for number in range(12):
        # One branch changes the upper half, the other the lower one.
        upper, lower = text[: len(text) // 2], text[len(text) // 2 :]
        ours, theirs = (
            unique_edit(choose, upper, number * 2),
            unique_edit(choose, lower, number * 2 + 1),
        )
        side = history.commit({"a.md": "\n".join(upper + theirs).encode()}, parents=[main])
        main = history.commit({"a.md": "\n".join(ours + lower).encode()}, parents=[main])
        text = ours + theirs
        if number % 3 == 2:
            text.insert(len(ours), f"in the merge {number}")
        main = history.commit({"a.md": "\n".join(text).encode()}, parents=[main, side])
    repository = history.finish()
    check(repository, HistoryIndex(repository), "a.md")


def test_after_an_edit_one_comparison_is_enough(
    repository: Repository, other: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        repository.commit({"a.md": lines(*range(number + 1))}, base=None, author=ALICE, message="m")
    index = HistoryIndex(repository)
    check(repository, index, "a.md")
    counted: list[int] = []
    compare = blame_module.line_changes

    def counting(*arguments: object) -> object:
        counted.append(1)
        return compare(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(blame_module, "line_changes", counting)
    fresh = HistoryIndex(repository)  # as in another process
    check(repository, fresh, "a.md")
    assert counted == []
    repository.commit({"a.md": lines("x", *range(5))}, base=None, author=BOB, message="m")
    check(repository, fresh, "a.md")
    assert len(counted) == 1
    (repository.state_dir / "index.db").unlink()
    check(repository, fresh, "a.md")
    second = HistoryIndex(other)
    assert [line.text for line in blame(other, second, "Home.md")] == ["# Other"]
    assert second.kept_blames("a.md") == {}


def test_a_name_used_twice_is_not_confused(tmp_path: Path) -> None:
    """One commit edits two pages; later one takes the other's name."""
    history = History(tmp_path)
    one, two = long_text("one"), long_text("two")
    history.commit({"a.md": one, "b.md": two})
    both = history.commit({"a.md": one + b"edit\n", "b.md": two + b"edit\n"})
    repository = history.finish()
    index = HistoryIndex(repository)
    check(repository, index, "a.md")  # keeps an answer for a.md as of that commit
    history.commit({"c.md": one + b"edit\n", "b.md": two + b"edit\n"}, parents=[both])
    moved = history.commit({"c.md": one + b"edit\n", "a.md": two + b"edit\n"})
    history.commit({"c.md": one + b"edit\n", "a.md": two + b"edit\nlast\n"}, parents=[moved])
    history.finish()
    check(repository, index, "a.md")
    check(repository, index, "c.md")


def test_texts_that_are_not_simple(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.commit({"empty.md": b"", "crlf.md": b"a\r\nb\r\n", "latin.md": b"caf\xe9\n1\n"})
    history.commit({"empty.md": b"", "crlf.md": b"a\r\nx\rb\r\n", "latin.md": b"caf\xe9\n2\n"})
    history.commit({"empty.md": b"x", "crlf.md": b"a\r\nx\rb\r\n", "latin.md": b"caf\xe9\n2"})
    repository = history.finish()
    index = HistoryIndex(repository)
    first = history.revision(1)
    assert blame(repository, index, "empty.md", first) == []
    assert blame(repository, index, "empty.md", first) == []
    for path in ("empty.md", "crlf.md", "latin.md"):
        check(repository, index, path)
    assert blame(repository, index, "latin.md")[0].text == "caf\ufffd"


def test_what_is_not_there_is_not_found(repository: Repository, other: Repository) -> None:
    index = HistoryIndex(repository)
    with pytest.raises(NotFound):
        blame(repository, index, "a.md")
    first = repository.commit({"a.md": b"1\n"}, base=None, author=ALICE, message="m")
    gone = repository.commit({"a.md": None, "d/x.md": b"1"}, base=None, author=ALICE, message="m")
    for path, revision in (("a.md", None), ("a.md", gone.revision), ("d", None), ("x.md", None)):
        with pytest.raises(NotFound):
            blame(repository, index, path, revision)
    with pytest.raises(NotFound):
        blame(repository, index, "a.md", other.head())
    assert len(blame(repository, index, "a.md", first.revision)) == 1


def test_only_a_few_answers_are_kept_per_page(repository: Repository, other: Repository) -> None:
    index = HistoryIndex(repository)
    for number in range(20):
        repository.commit({"a.md": lines(number)}, base=None, author=ALICE, message="m")
        check(repository, index, "a.md")
    assert 0 < len(index.kept_blames("a.md")) <= 8
    assert HistoryIndex(other).kept_blames("a.md") == {}
