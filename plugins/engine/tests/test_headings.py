"""Headings of pages, remembered by content: never stale, never written in vain, always derived."""

from __future__ import annotations

import inspect
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures
from small_wikis import ALICE


@pytest.fixture(autouse=True)
def _booted(otterwiki_app: Any) -> None:  # noqa: F811
    """Every test here looks at a running Otterwiki."""


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are rendered for their headings only."""
    from otterwiki_engine.rendering import PerThreadRenderer

    texts = []
    upstream = PerThreadRenderer.headings

    def headings(self: Any, text: str) -> Any:
        texts.append(text)
        return upstream(self, text)

    monkeypatch.setattr(PerThreadRenderer, "headings", headings)
    return texts


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL that reaches a headings file, in order."""
    from otterwiki_engine import derived_store

    executed: list[str] = []
    connect = sqlite3.connect

    def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = connect(*args, **kwargs)
        if str(args[0]).endswith("rendered.db"):
            connection.set_trace_callback(executed.append)
        return connection

    monkeypatch.setattr(derived_store.sqlite3, "connect", traced)
    return executed


def forget_memory() -> None:
    """What a new process would start with: nothing in memory."""
    from otterwiki_engine import memory

    memory.forget()


def small_memory(*, versions: int) -> Any:
    """Room for the headings of so many pages with one heading each; there is some for no more."""
    from otterwiki_engine import headings, sized_cache

    # A single value may take a quarter of a cache at most, and these have to fit.
    one = sized_cache._OVERHEAD_BYTES + headings._HEADING_BYTES
    cache: Any = sized_cache.SizedCache(versions * one)
    cache._largest_bytes = one
    return cache


def database(site: Site) -> Path:  # noqa: F811
    return site.wiki.repository.state_dir / "rendered.db"


def names(toc: list[Any]) -> list[str]:
    return [heading[3] for heading in toc]


def headings_of(site: Site, path: str) -> list[str]:  # noqa: F811
    """Headings as the page index of a new request gets them."""
    from otterwiki.helper import get_ftoc

    with site.app.app_context():
        return names(get_ftoc(path))


def reads(statements: list[str]) -> list[str]:
    return [statement for statement in statements if statement.startswith("SELECT blob_id")]


def writes(statements: list[str]) -> list[str]:
    return [statement for statement in statements if "INTO headings" in statement]


def test_contract_upstream_calls_them_so() -> None:
    """Fails when upstream's functions take something else, or other modules begin to hold them."""
    import otterwiki.helper
    import otterwiki.pageindex
    import otterwiki.wiki

    from otterwiki_engine import headings

    source = inspect.getsource(otterwiki.helper)
    assert "def get_ftoc(filename, mtime=None):" in source
    assert "def update_ftoc_cache(filename, ftoc, mtime=None):" in source
    assert list(inspect.signature(headings.get_ftoc).parameters) == ["filename", "mtime"]
    assert list(inspect.signature(headings.update_ftoc_cache).parameters) == [
        "filename",
        "ftoc",
        "mtime",
    ]
    for module in (otterwiki.helper, otterwiki.wiki, otterwiki.pageindex):
        assert module.get_ftoc is headings.get_ftoc
    assert otterwiki.wiki.update_ftoc_cache is headings.update_ftoc_cache
    assert "update_ftoc_cache(self.filename, ftoc=toc)" in inspect.getsource(otterwiki.wiki.Page)
    assert "get_ftoc(f)" in inspect.getsource(otterwiki.pageindex.PageIndex)


@both_kinds
def test_h4_headings_belong_to_content_and_wiki(site: Site, rendered: list[str]) -> None:  # noqa: F811
    site.put("home.md", "# Red Home\n")
    assert headings_of(site, "home.md") == ["Red Home"]
    site.pick("blue")
    assert headings_of(site, "home.md") == ["Blue Home", "Blue Heading"]
    site.pick("red")
    first = "# Red Home\n"
    site.put("home.md", "# New\n")  # within the same second
    assert headings_of(site, "home.md") == ["New"]
    site.put("home.md", first)
    assert headings_of(site, "home.md") == ["Red Home"]
    assert len(rendered) == 3
    assert headings_of(site, "missing.md") == []
    assert headings_of(site, "../home.md") == []


@both_kinds
def test_they_survive_the_process(site: Site, rendered: list[str]) -> None:  # noqa: F811
    site.put("a.md", "# A\n\n## B `c`\n")
    from otterwiki.helper import get_ftoc

    with site.app.app_context():
        before = get_ftoc("a.md")
    forget_memory()
    with site.app.app_context():
        assert get_ftoc("a.md") == before
    assert len(rendered) == 1


def test_a_page_index_reads_the_file_once(
    site: Site,  # noqa: F811
    rendered: list[str],
    statements: list[str],
) -> None:
    pages = {f"page{number}.md": f"# Title {number}\n" for number in range(40)}
    site.wiki.repository.commit(
        {path: text.encode() for path, text in pages.items()},
        base=None,
        author=ALICE,
        message="many",
    )
    client = site.pick("red")
    assert client.get("/-/index").status_code == 200
    assert len(rendered) == 40
    assert len(reads(statements)) <= 1
    forget_memory()
    statements.clear()
    html = client.get("/-/index").data.decode()
    assert len(rendered) == 40
    assert len(reads(statements)) == 1
    assert not writes(statements)
    assert all(f"/Page{number}" in html for number in range(40))
    statements.clear()
    client.get("/-/index")
    assert statements == []


def test_viewing_a_page_writes_nothing_that_is_known(
    site: Site,  # noqa: F811
    statements: list[str],
    rendered: list[str],
) -> None:
    client = site.pick("red")
    site.put("home.md", "# One\n")
    client.get("/")
    assert len(writes(statements)) == 1
    statements.clear()
    client.get("/")
    assert statements == []
    forget_memory()
    client.get("/")
    assert reads(statements) == writes(statements) == []  # they came with the page
    assert headings_of(site, "home.md") == ["One"]
    assert rendered == []


def test_h4_an_old_revisions_headings_are_not_taken_for_the_pages(
    site: Site,  # noqa: F811
) -> None:
    client = site.pick("red")
    old = site.put("home.md", "# Old\n")
    site.put("home.md", "# New\n")
    assert "Old" in client.get(f"/home?revision={old}").data.decode()
    assert headings_of(site, "home.md") == ["New"]


@pytest.mark.parametrize(
    "damage", ["delete", "empty", "garbage", "truncated", "foreign", "bad rows", "folder"]
)
def test_a_damaged_file_costs_nothing_but_time(
    site: Site,  # noqa: F811
    damage: str,
    rendered: list[str],
) -> None:
    site.put("a.md", "# A\n")
    assert headings_of(site, "a.md") == ["A"]
    forget_memory()
    path = database(site)
    if damage == "delete":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "garbage":
        path.write_bytes(b"x" * 9000)
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        with sqlite3.connect(path) as connection:
            if damage == "foreign":
                connection.execute("DROP TABLE headings")
                connection.execute("CREATE TABLE headings (other TEXT)")
            else:
                connection.execute("UPDATE headings SET toc = x'ff7b'")
    assert headings_of(site, "a.md") == ["A"]
    assert len(rendered) == 2
    if damage != "folder":
        forget_memory()
        assert headings_of(site, "a.md") == ["A"]
        assert len(rendered) == 2


def test_a_locked_file_is_left_alone(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine import derived_store

    monkeypatch.setattr(derived_store, "_BUSY_TIMEOUT_SECONDS", 0.0)
    site.put("a.md", "# A\n")
    headings_of(site, "a.md")
    with sqlite3.connect(database(site)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        site.put("a.md", "# B\n")
        assert headings_of(site, "a.md") == ["B"]
        assert connection.execute("SELECT count(*) FROM headings").fetchone() == (1,)


def test_memory_and_file_are_bounded(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine import headings

    monkeypatch.setattr(headings, "_SPARE_ROWS", 5)
    monkeypatch.setattr(headings, "kept", small_memory(versions=3))
    for number in range(12):
        site.put("a.md", f"# A{number}\n")
        assert headings_of(site, "a.md") == [f"A{number}"]
    assert len(headings.kept) == 3
    with sqlite3.connect(database(site)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM headings").fetchone()
    assert rows <= 1 + 5 + 1


def test_a_wiki_larger_than_memory_still_reads_the_file_once(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    statements: list[str],
    rendered: list[str],
) -> None:
    from otterwiki.helper import get_ftoc

    from otterwiki_engine import headings

    monkeypatch.setattr(headings, "kept", small_memory(versions=2))
    for number in range(6):
        site.put(f"p{number}.md", f"# P{number}\n")
    for _ in range(2):
        statements.clear()
        with site.app.app_context():
            assert [names(get_ftoc(f"p{n}.md")) for n in range(6)] == [[f"P{n}"] for n in range(6)]
    assert len(reads(statements)) == 1
    assert len(rendered) == 6


def test_settings_that_change_headings_are_part_of_the_key(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site.put("a.md", "# A [[left|right]]\n")
    monkeypatch.setitem(site.app.config, "WIKILINK_STYLE", "")
    assert headings_of(site, "a.md") == ["A left"]
    monkeypatch.setitem(site.app.config, "WIKILINK_STYLE", "LINKTITLE")
    assert headings_of(site, "a.md") == ["A right"]


def test_a_page_index_embedded_in_its_own_page_ends(site: Site) -> None:  # noqa: F811
    site.put("a.md", "# A\n\n{{PageIndex}}\n\n## End\n")
    site.put("b.md", "# B\n\n{{PageIndex}}\n")
    assert headings_of(site, "a.md") == ["A", "End"]
    assert headings_of(site, "b.md") == ["B"]
    assert site.pick("red").get("/a").status_code == 200
    assert site.pick("red").get("/-/index").status_code == 200


def test_a_version_named_by_its_time_is_kept_as_given(site: Site) -> None:  # noqa: F811
    from datetime import datetime

    from otterwiki.helper import get_ftoc, update_ftoc_cache

    then = datetime.fromtimestamp(0)
    with site.app.app_context():
        update_ftoc_cache("x.md", [[0, "X", 1, "X", "x"]], mtime=then)
        assert get_ftoc("x.md", mtime=then) == [[0, "X", 1, "X", "x"]]
        assert get_ftoc("x.md") == []
        site.put("x.md", "# Committed\n")
    assert headings_of(site, "x.md") == ["Committed"]


def test_a_page_that_is_no_text_has_no_headings(site: Site) -> None:  # noqa: F811
    site.put("a.md", b"# \xff\xfe\n")
    assert headings_of(site, "a.md") == []


def test_headings_of_a_page_shown_as_source_are_not_kept(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine import render_budget

    site.put("a.md", "# A\n\nshown as source at first\n")
    site.put("b.md", "# B\n\n{{PageIndex}} shown as source at first\n")
    client = site.pick("red")
    with monkeypatch.context() as patch:
        patch.setattr(render_budget, "PARSE_SECONDS", -1.0)
        assert render_budget.TOO_SLOW_NOTICE in client.get("/B").data.decode()
        assert headings_of(site, "b.md") == []
    assert headings_of(site, "b.md") == ["B"]
    assert headings_of(site, "a.md") == ["A"]


def test_headings_of_another_layout_version_are_not_used(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    rendered: list[str],
) -> None:
    from otterwiki_engine import render_budget

    site.put("a.md", "# A\n")
    assert headings_of(site, "a.md") == ["A"]
    monkeypatch.setattr(render_budget, "LAYOUT_VERSION", 0)
    forget_memory()  # a version changes with the program
    assert headings_of(site, "a.md") == ["A"]
    assert len(rendered) == 2
