"""Histories made to cost more than they are worth are refused before they are looked at."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from dulwich.objects import ShaFile, Tree

from otterwiki_engine.git_command import GitFailed
from otterwiki_engine.repository import Repository
from otterwiki_robot.transfer import checks
from otterwiki_robot.transfer.checks import Limits, check_history
from otterwiki_robot.transfer.errors import TransferRefused
from otterwiki_robot.transfer.git import Progress

from .histories import History


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "hostile.git")


class Looked:
    """The refusal that looking at a history led to, and how long it took."""

    def __init__(self, history: History, limits: Limits, progress: Progress) -> None:
        repository = Repository(history.folder)
        started = time.monotonic()
        with pytest.raises(TransferRefused) as refusal:
            check_history(repository, history.head or "", limits, progress)
        self.seconds = time.monotonic() - started
        self.words = str(refusal.value)
        repository.close()


def _chain(history: History, inner: str, length: int) -> str:
    """A tree below which `inner` lies `length` folders deep; returns its id."""
    repository = Repository(history.folder)
    made: list[tuple[ShaFile, None]] = []
    for _ in range(length):
        tree = Tree()
        tree.add(b"d", 0o40000, inner.encode("ascii"))  # type: ignore[arg-type]
        inner = tree.id.decode("ascii")
        made.append((tree, None))
    repository.object_store.add_objects(made)
    repository.close()
    return inner


def _leaf(history: History) -> str:
    return history.tree(("100644", history.blob(b"x\n"), b"Home.md"))


@pytest.mark.parametrize("is_newest", [True, False])
def test_a_chain_of_folders_is_followed_to_the_deepest_allowed_only(
    history: History, limits: Limits, progress: Progress, is_newest: bool
) -> None:
    history.commit(_chain(history, _leaf(history), 8_000))
    if not is_newest:
        history.write(Home_md=b"clean again\n")
    looked = Looked(history, limits, progress)
    assert "more than 100 deep" in looked.words
    assert looked.seconds < 5


def test_folders_that_were_seen_before_count_where_they_lie_deeper(
    history: History, limits: Limits, progress: Progress
) -> None:
    upper = inner = _chain(history, _leaf(history), 60)
    upper = _chain(history, inner, 60)
    # "a" is read first, and makes the upper chain end in folders that are known already.
    history.commit(history.tree(("40000", inner, b"a"), ("40000", upper, b"b")))
    assert "more than 100 deep" in Looked(history, limits, progress).words


def test_the_deepest_allowed_comes_in(history: History, limits: Limits, progress: Progress) -> None:
    history.commit(_chain(history, _leaf(history), 100))
    repository = Repository(history.folder)
    contents, problems = check_history(repository, history.head or "", limits, progress)
    repository.close()
    assert (len(contents.pages), problems) == (1, ())


def test_too_many_objects_are_refused_before_any_is_listed(
    history: History, limits: Limits, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.write(Home_md=b"one\n")

    def listed(*_arguments: object) -> None:
        raise AssertionError("objects were listed")

    monkeypatch.setattr(checks, "MOST_OBJECTS", 2)
    monkeypatch.setattr(checks, "_object_problems", listed)
    assert "consists of 3 objects; 2 can be" in Looked(history, limits, progress).words


def test_too_many_folders_are_refused(
    history: History, limits: Limits, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        history.write(Home_md=b"%d\n" % number)
    monkeypatch.setattr(checks, "MOST_FOLDERS", 3)
    assert "more than 3 different folders" in Looked(history, limits, progress).words


def test_a_listing_that_fails_or_is_left_is_no_listing(history: History) -> None:
    history.write(Home_md=b"one\n")
    repository = Repository(history.folder)
    wrong = checks._lines_of_git(repository, "cat-file", "--no-such-option")
    with pytest.raises(GitFailed), wrong as lines:
        assert list(lines) == []
    with pytest.raises(KeyError), checks._lines_of_git(repository, "rev-list", "--all"):
        raise KeyError("the reader has seen enough")
    repository.close()
