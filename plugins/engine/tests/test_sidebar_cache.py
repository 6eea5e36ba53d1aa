"""The page tree beside every page: made once, and new at once whatever changes."""

from __future__ import annotations

import inspect
import multiprocessing
import re
from pathlib import Path
from typing import Any

import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures
from small_wikis import ALICE
from untouched import untouched

from otterwiki_engine.repository import Repository

PAGES = {
    "home.md": "# Home\n",
    "notes.md": "Setext\n======\n",
    "notes/todo.md": "# ToDo\n",
    "notes/old/b.md": "# b\n",
    "notes/old/a.md": "text only\n",
    "zeta/omega.md": "# Omega\n",
    "Zeta_two/x_y.md": "# X\n",
}


@pytest.fixture(autouse=True)
def nothing_in_memory(otterwiki_app: Any) -> None:  # noqa: F811
    from otterwiki_engine import memory

    memory.forget()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, otterwiki_app: Any) -> list[str]:  # noqa: F811
    """Folders that a tree was really made for."""
    from otterwiki.sidebar import SidebarPageIndex

    loaded = []
    upstream = SidebarPageIndex.load

    def load(self: Any, path: str) -> None:
        loaded.append(path)
        upstream(self, path)

    monkeypatch.setattr(SidebarPageIndex, "load", load)
    return loaded


@pytest.fixture
def upstream(otterwiki_app: Any) -> Any:  # noqa: F811
    """Otterwiki's module as it is without us."""
    import otterwiki.sidebar

    return untouched(otterwiki.sidebar)


def put(site: Site, pages: dict[str, str | None]) -> None:  # noqa: F811
    changes = {path: None if text is None else text.encode() for path, text in pages.items()}
    site.wiki.repository.commit(changes, base=None, author=ALICE, message="several")


def menu(site: Site, path: str = "/", name: str = "red") -> list[str]:  # noqa: F811
    """Addresses in the menu of a page, with a mark at the one that is open."""
    html = site.pick(name).get(path).data.decode()
    found = re.search(r'parent-sidebar-menu">(.*?)\{?#?\s*</div>\s*</details>', html, re.DOTALL)
    assert found, html
    links = re.findall(r'<a href="([^"]*)"( aria-current="page")?>', found[1])
    return [url + ("*" if current else "") for url, current in links]


def outline(tree: Any) -> list[Any]:
    """A tree in a form that can be compared."""
    return [
        (key, entry.path, entry.header, entry.is_directory_symlink, outline(entry.children))
        for key, entry in tree.items()
    ]


@both_kinds
def test_a_tree_is_made_once_for_a_folder(site: Site, made: list[str]) -> None:  # noqa: F811
    put(site, PAGES)
    first = menu(site)
    assert "/Notes/ToDo" in first
    for _ in range(3):
        assert menu(site) == first
        assert set(menu(site, "/notes")) ^ set(first) == {"/Home", "/Home*", "/Notes", "/Notes*"}
    assert made == [""]
    menu(site, "/notes/todo")
    menu(site, "/notes/todo")
    assert made == ["", "notes"]


def test_each_page_marks_itself(site: Site) -> None:  # noqa: F811
    put(site, PAGES)
    for _ in range(2):
        assert "/Home*" in menu(site, "/home")
        assert "/Notes*" in menu(site, "/notes")
        assert "/Home" in menu(site, "/notes")
        assert menu(site, "/HOME") == menu(site, "/home")


@both_kinds
def test_pages_that_come_and_go_show_at_once(site: Site) -> None:  # noqa: F811
    put(site, PAGES)
    before = menu(site)
    put(site, {"new page.md": "# NEW page\n"})
    assert set(menu(site)) - set(before) == {"/NEW page"}
    put(site, {"new page.md": None, "newer.md": "# Newer\n"})  # a rename
    assert {"/Newer"} == set(menu(site)) - set(before)
    put(site, {"newer.md": None})
    assert menu(site) == before
    put(site, {"home.md": "# hoMe\n"})
    assert "/hoMe*" in menu(site)


def _create(git_dir: Path, state_dir: Path, path: str) -> None:
    repository = Repository(git_dir, state_dir=state_dir)
    repository.commit({path: b"# x\n"}, base=None, author=ALICE, message="elsewhere")
    repository.close()


def test_a_page_created_by_another_process_shows_at_once(site: Site) -> None:  # noqa: F811
    put(site, PAGES)
    repository = site.wiki.repository
    before = menu(site)
    for name in ("one", "two"):
        process = multiprocessing.get_context("spawn").Process(
            target=_create, args=(repository.git_dir, repository.state_dir, f"{name}.md")
        )
        process.start()
        process.join(60)
        assert process.exitcode == 0
        assert len(menu(site)) == len(before) + 1
        before = menu(site)


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("SIDEBAR_MENUTREE_MODE", ["SORTED", "DIRECTORIES_GROUPED", "DIRECTORIES_ONLY"]),
        ("SIDEBAR_MENUTREE_FOCUS", ["SUBTREE", "OFF", "TOP"]),
        ("SIDEBAR_MENUTREE_MAXDEPTH", ["", "1", "2"]),
        ("SIDEBAR_MENUTREE_IGNORE_CASE", [False, True]),
        ("RETAIN_PAGE_NAME_CASE", [False, True]),
        ("TREAT_UNDERSCORE_AS_SPACE_FOR_TITLES", [False, True]),
    ],
)
@pytest.mark.parametrize("path", ["", "home", "notes/todo", "notes/old/a", "zeta/omega"])
def test_a_setting_counts_at_once_and_the_tree_is_otterwikis(
    site: Site,  # noqa: F811
    upstream: Any,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    values: list[Any],
    path: str,
) -> None:
    from otterwiki.sidebar import SidebarPageIndex

    put(site, PAGES)
    outlines = []
    for _ in range(2):
        for value in values:
            monkeypatch.setitem(site.app.config, setting, value)
            with site.app.test_request_context():
                ours, theirs = (
                    kind(path) for kind in (SidebarPageIndex, upstream.SidebarPageIndex)
                )
                assert outline(ours.query()) == outline(theirs.query())
                assert ours.path == theirs.path
                assert ours.mode == theirs.mode
            outlines.append(outline(ours.query()))
    assert outlines[: len(values)] == outlines[len(values) :]


@pytest.mark.parametrize("retain", [False, True])
def test_the_list_of_pages_for_preferences_is_otterwikis(
    site: Site,  # noqa: F811
    upstream: Any,
    monkeypatch: pytest.MonkeyPatch,
    retain: bool,
) -> None:
    from otterwiki.sidebar import SidebarPageIndex

    put(site, PAGES)
    monkeypatch.setitem(site.app.config, "RETAIN_PAGE_NAME_CASE", retain)
    with site.app.test_request_context():
        SidebarPageIndex("")
        for _ in range(2):
            ours, theirs = (
                kind("", mode="*", filter_order=False)
                for kind in (SidebarPageIndex, upstream.SidebarPageIndex)
            )
            assert ours.filenames_and_header == theirs.filenames_and_header
            ours.filenames_and_header.clear()


def test_h4_wikis_with_the_same_pages_share_no_menu(site: Site, made: list[str]) -> None:  # noqa: F811
    for name in ("red", "blue"):
        site.pick(name)
        put(site, PAGES)
    assert menu(site, "/", "red") == menu(site, "/", "blue")
    assert made == ["", ""]
    site.pick("blue")
    put(site, {"only blue.md": "# Only Blue\n"})
    assert "/Only Blue" in menu(site, "/", "blue")
    assert "/Only Blue" not in menu(site, "/", "red")


def test_a_plugin_that_filters_the_tree_is_asked_each_time(
    site: Site,  # noqa: F811
    made: list[str],
) -> None:
    from otterwiki.plugins import hookimpl, plugin_manager

    class Filter:
        hidden = "home"

        @hookimpl
        def sidebar_page_index_filter_entries(
            self,
            sidebarPageIndexEntries: list[Any],  # noqa: N803  Otterwiki's name
            mode: str,
        ) -> None:
            del mode
            sidebarPageIndexEntries[:] = [
                entry for entry in sidebarPageIndexEntries if entry[0] != self.hidden
            ]

    put(site, PAGES)
    assert "/Home*" in menu(site)
    plugin = Filter()
    plugin_manager.register(plugin)
    try:
        assert "/Home*" not in menu(site)
        plugin.hidden = "notes"
        assert "/Home*" in menu(site)
        assert "/Notes" not in menu(site)
    finally:
        plugin_manager.unregister(plugin)
    assert {"/Home*", "/Notes"} <= set(menu(site))
    assert len(made) == 4  # once, three times for the plugin, and not again


def test_whoever_may_not_read_sees_no_menu_that_is_kept(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flask import render_template
    from otterwiki.sidebar import SidebarPageIndex

    put(site, PAGES)

    def shown() -> str:
        with site.app.test_request_context():
            tree = SidebarPageIndex("home").query()
            return render_template("snippets/menutree.html", menutree=tree, pagepath="home")

    assert "/Notes" in shown()
    for _ in range(2):
        monkeypatch.setitem(site.app.config, "READ_ACCESS", "APPROVED")
        assert "/Notes" not in shown()
        monkeypatch.setitem(site.app.config, "READ_ACCESS", "ANONYMOUS")
        assert "/Notes" in shown()


def test_contract_upstream_looks_at_no_other_setting(upstream: Any) -> None:
    from otterwiki_engine.sidebar_cache import DECIDING_HOOKS, SETTINGS

    source = Path(upstream.__file__).read_text("utf-8").partition("class SidebarPageIndex:")[2]
    used = set(re.findall(r'app\.config\["([A-Z_]+)"\]', source))
    # The names of pages come from these two functions of the helper.
    import otterwiki.helper

    for function in (otterwiki.helper.get_pagename, otterwiki.helper.get_pagename_for_title):
        used |= set(
            re.findall(r"""config(?:\.get\(|\[)\s*"([A-Z_]+)\"""", inspect.getsource(function))
        )
    assert used == set(SETTINGS)
    assert set(re.findall(r'"(sidebar_page_index_\w+)"', source)) == set(DECIDING_HOOKS)
    for name in ("has_permission", "current_user", "request.", "session"):
        assert name not in source


def test_contract_kept_fragments_hold_nothing_of_a_response(otterwiki_app: Any) -> None:  # noqa: F811
    """A nonce, a token or a person's name in one of these would be shown to everybody."""
    environment = otterwiki_app.jinja_env
    for name in ("snippets/menutree.html", "snippets/pageindex.html"):
        source, _, _ = environment.loader.get_source(environment, name)
        assert "kept_fragment(" in source
        for word in ("csrf", "nonce", "current_user", "request", "session", "<script", "url_for"):
            assert word not in source, (name, word)
