"""What a person does at the shell at the worst moment of a save in the work tree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository
from otterwiki_engine.worktree import Update, WorkTree

from .git_facts import WikiOnDisk
from .zygote import Zygote

_ALICE = Author("alice.test", "did.plc.alice@users.example.org")
_PERSON = ("-c", "user.name=person", "-c", "user.email=person@example.org")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A wiki with a work tree and two pages."""
    folder = tmp_path / "wiki"
    made = Repository.create(folder / ".git", work_tree=folder)
    for path in ("Home.md", "Plan.md"):
        made.commit({path: b"first\n"}, base=None, author=_ALICE, message="first")
    return made


@pytest.fixture
def wiki(repository: Repository, tmp_path: Path) -> WikiOnDisk:
    """The same as git sees it."""
    return WikiOnDisk(tmp_path / "wiki")


def _before(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, act: Callable[[], object]
) -> None:
    """Let somebody `act` right before the method is called for the first time."""
    original = getattr(owner, name)
    pending = [act]

    def wrapped(*arguments: Any, **options: Any) -> Any:
        while pending:
            pending.pop()()
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, wrapped)


def test_a_commit_at_the_shell_in_the_middle_of_a_save_refuses_nothing(
    repository: Repository, wiki: WikiOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git commit` of another page moves the branch between our look at it and our write."""

    def commit_at_the_shell() -> None:
        (wiki.folder / "Shell.md").write_text("by the person\n")
        wiki.git("add", "Shell.md")
        wiki.git(*_PERSON, "commit", "--quiet", "--message=at the shell")

    _before(monkeypatch, WorkTree, "prepared", commit_at_the_shell)
    result = repository.commit({"Home.md": b"new\n"}, base=None, author=_ALICE, message="save")
    newest, shell = wiki.commits()[:2]
    assert (newest.revision, list(newest.blobs)) == (result.revision, ["Home.md"])
    assert (shell.author[0], list(shell.blobs)) == ("person", ["Shell.md"])
    assert wiki.status() == ""


def test_an_edit_in_the_middle_of_a_save_is_not_overwritten(
    repository: Repository, wiki: WikiOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person writes the same file after we looked at it: the commit stands, so does the edit."""
    edited = "not yet committed\n"
    _before(monkeypatch, Update, "finish", lambda: (wiki.folder / "Home.md").write_text(edited))
    repository.commit({"Home.md": b"new\n"}, base=None, author=_ALICE, message="save")
    assert wiki.git("show", "HEAD:Home.md") == "new\n"
    assert (wiki.folder / "Home.md").read_text() == edited
    assert wiki.status() == " M Home.md\n"
    assert wiki.leftovers() == []


def test_the_index_stays_locked_for_a_moment_after_it_has_changed(
    repository: Repository, wiki: WikiOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git commit` reads the index before it locks it.

    One that read the old index and gets the lock right after us writes the old one back, and the
    person's next commit takes our change out of HEAD. It must find the lock taken, and give up.
    """
    locked: list[bool] = []
    rename = os.rename

    def watched(source: Any, target: Any, **options: Any) -> None:
        rename(source, target, **options)
        if str(target) == str(wiki.git_dir / "index"):
            locked.append((wiki.git_dir / "index.lock").exists())

    monkeypatch.setattr(os, "rename", watched)
    repository.commit({"Home.md": b"new\n"}, base=None, author=_ALICE, message="save")
    assert locked
    assert all(locked)
    assert wiki.leftovers() == []


def _save(engine: Zygote, wiki: WikiOnDisk, changes: Mapping[str, str], kill_at: int = 0) -> str:
    outcome = engine.call(
        "commit",
        kill_at=kill_at,
        folder=str(wiki.folder),
        changes=dict(changes),
        author=["bob.test", "did.plc.bob@users.example.org"],
        message="save",
    )
    return outcome.killed_before


def test_pruning_what_a_killed_save_left_blocks_nobody(
    wiki: WikiOnDisk, engine: Zygote, tmp_path: Path
) -> None:
    """Killed before the branch moved; `git gc --prune=now` then removes the commit it prepared."""
    for step in range(1, 100):
        killed = _save(engine, wiki, {"Home.md": f"text {step}\n"}, kill_at=step)
        if not killed:
            return
        subprocess.run(
            ["git", "gc", "--quiet", "--prune=now"], cwd=wiki.folder, check=False, timeout=60
        )
        _save(engine, wiki, {"Plan.md": f"next {step}\n"})
        assert wiki.git("show", "HEAD:Plan.md") == f"next {step}\n", killed
        assert (wiki.status(), wiki.leftovers()) == ("", []), killed
