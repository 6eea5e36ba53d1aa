"""Page services on two small wikis, as the tests of the page service share them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_wikis import ALICE, BOB, make_bare, make_work_tree

from otterwiki_engine.pages.records import Writer
from otterwiki_engine.pages.service import PageService
from otterwiki_engine.pages.settings import PageSettings
from otterwiki_engine.wiki import Wiki

BY_ALICE = Writer(ALICE, did="did:plc:alice", client="Claude Code")
BY_BOB = Writer(BOB, did="did:plc:bob")
KEEP_CASE = PageSettings(retain_page_name_case=True)


@pytest.fixture(params=["bare", "worktree"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PageService]:
    """The pages of the wiki under test, of both kinds."""
    make = make_bare if request.param == "bare" else make_work_tree
    wiki = Wiki(make(tmp_path / "wiki"))
    yield PageService(wiki, KEEP_CASE)
    wiki.close()


@pytest.fixture
def bare_service(tmp_path: Path) -> Iterator[PageService]:
    """The pages of a wiki in a bare repository, where the kind makes no difference."""
    wiki = Wiki(make_bare(tmp_path / "bare"))
    yield PageService(wiki, KEEP_CASE)
    wiki.close()


@pytest.fixture
def other_service(tmp_path: Path) -> Iterator[PageService]:
    """A second wiki, which has pages of the same names; no test may change it."""
    wiki = Wiki(make_bare(tmp_path / "another"))
    pages = PageService(wiki, KEEP_CASE)
    pages.write("Home", "# Other home\n\nunseen-canary\n", by=BY_BOB)
    pages.write("Notes/todo", "# Other todo\n\nunseen-canary\n", by=BY_BOB)
    before = wiki.repository.head()
    yield pages
    assert wiki.repository.head() == before
    wiki.close()


def put(pages: PageService, files: dict[str, str | bytes | None]) -> str:
    """Commit files past the service, as git or another door does; returns the new revision."""
    changes = {
        path: content.encode() if isinstance(content, str) else content
        for path, content in files.items()
    }
    result = pages.wiki.repository.commit(
        changes, base=None, author=BOB, message="past the service"
    )
    return result.revision


def raw(pages: PageService, file: str) -> bytes:
    """What is committed at `file` now."""
    return pages.wiki.repository.snapshot().read(file)


def files(pages: PageService) -> list[str]:
    """All committed paths."""
    return pages.wiki.repository.snapshot().files()
