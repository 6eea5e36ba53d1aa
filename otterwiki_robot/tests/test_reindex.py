"""`robot reindex`: what was indexed by catching up and what is built anew are the same."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otterwiki_engine.authorship import Author
from otterwiki_engine.pages.search_query import SearchQuery
from otterwiki_engine.pages.settings import PageSettings
from otterwiki_engine.repository import Repository
from otterwiki_engine.wiki import Wiki
from otterwiki_robot.cli import cli
from otterwiki_robot.tests.made_farm import make_home
from otterwiki_tenant.layout import repository_of

SETTINGS = PageSettings(retain_page_name_case=True)
_TABLES = ("commits", "changes", "pages", "page_headings", "page_links", "page_text")


@pytest.fixture(scope="module")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("made") / "home")


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Path:
    """A farm with two wikis that have been indexed."""
    home = tmp_path / "home"
    shutil.copytree(made_home, home, symlinks=True)
    for slug in ("alice", "bob"):
        wiki = opened(home, slug)
        for text in ("one", "two [[Home]]"):
            wiki.repository.commit(
                {"Notes.md": f"# {slug}\n\n{text} {slug}word\n".encode()},
                base=None,
                author=Author(slug, f"{slug}@users.example.org"),
                message=text,
            )
            wiki.pages_index(SETTINGS).catch_up()
            wiki.history.catch_up()
        wiki.close()
    return home


def opened(home: Path, slug: str) -> Wiki:
    folder = home / "wikis" / slug
    return Wiki(Repository(repository_of(folder), state_dir=folder))


def generation(home: Path, slug: str) -> Path:
    """The file behind the wiki's index.db."""
    return (home / "wikis" / slug / "index.db").resolve()


def dump(home: Path, slug: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows, in an order of their own and without their numbers."""
    with sqlite3.connect(generation(home, slug)) as connection:
        found = {}
        for table in _TABLES:
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()
            numbered = table in ("pages", "page_headings", "page_links")
            found[table] = sorted(tuple(map(repr, row[numbered:])) for row in rows)
        return found


def robot(home: Path, *arguments: str) -> Result:
    environment = {"ROBOT_DEV": "1", "ROBOT_HOME": str(home)}
    return CliRunner().invoke(cli, ["reindex", *arguments], env=environment)


def test_one_wiki_is_built_anew_and_is_the_same(home: Path) -> None:
    before = {slug: (dump(home, slug), generation(home, slug)) for slug in ("alice", "bob")}
    done = robot(home, "alice", "--json")
    assert done.exit_code == 0
    wiki = opened(home, "alice")
    assert json.loads(done.output) == {
        "slug": "alice",
        "revision": wiki.repository.head(),
        "commits": 3,
        "pages": 4,
    }
    assert dump(home, "alice") == before["alice"][0]
    assert generation(home, "alice") != before["alice"][1]
    assert wiki.pages_index(SETTINGS).standing() == wiki.repository.head()
    assert wiki.pages_index(SETTINGS).search(SearchQuery("aliceword")).total == 1
    wiki.close()
    assert (dump(home, "bob"), generation(home, "bob")) == before["bob"]


def test_all_wikis_and_one_that_fails(home: Path) -> None:
    before = dump(home, "bob")
    shutil.rmtree(home / "wikis" / "alice" / "repo.git" / "objects")
    done = robot(home, "--all", "--json")
    assert done.exit_code == 1
    alice, bob = json.loads(done.output)
    assert (alice["slug"], bob["slug"], bob["pages"]) == ("alice", "bob", 4)
    assert alice["error"]
    assert dump(home, "bob") == before


def test_in_words(home: Path) -> None:
    assert robot(home, "bob").output == "bob: 4 pages, 3 commits\n"


@pytest.mark.parametrize("arguments", [(), ("alice", "--all")])
def test_one_or_all_has_to_be_said(home: Path, arguments: tuple[str, ...]) -> None:
    done = robot(home, *arguments)
    assert done.exit_code == 2
    assert "name one wiki, or say --all" in done.output
