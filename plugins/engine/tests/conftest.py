"""Two wikis in every fixture: each test can show that the other one is untouched."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_wikis import BOB, make_bare, make_work_tree

from otterwiki_engine.repository import Repository


@pytest.fixture(params=["bare", "worktree"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    """The wiki under test, of both kinds."""
    make = make_bare if request.param == "bare" else make_work_tree
    return make(tmp_path / "wiki")


@pytest.fixture
def other(tmp_path: Path) -> Repository:
    """A second wiki with a page of its own."""
    second = make_bare(tmp_path / "other")
    second.commit({"Home.md": b"# Other\n"}, base=None, author=BOB, message="other's first")
    return second
