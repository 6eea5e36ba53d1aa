"""Making small wikis, as the tests of the engine share it."""

from __future__ import annotations

from pathlib import Path

from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository

ALICE = Author("alice.test", "did.plc.alice@users.example.org")
BOB = Author("bob.test", "did.plc.bob@users.example.org")


def make_bare(folder: Path) -> Repository:
    """An empty farm-like wiki: bare repository, state beside it."""
    folder.mkdir()
    return Repository.create(folder / "repo.git", state_dir=folder)


def make_work_tree(folder: Path) -> Repository:
    """An empty stock-like wiki: repository with a work tree, state inside .git."""
    return Repository.create(folder / ".git", work_tree=folder)
