"""The page index: what Otterwiki makes, entry by entry, made once and new whatever changes."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures
from small_wikis import ALICE
from untouched import untouched

PAGES = {
    "home.md": "# HoMe\n\n## First part\n\n### <b>deep</b> & *more*\n\n## First part\n",
    "notes.md": "no heading\n",
    "notes/todo.md": "# Something else\n\n## Ünïcode ß — heading?\n",
    "notes/old/b.md": "## B\n\n# A\n",
    "only/folders/below/leaf_page.md": "# LEAF_page\n",
    "only/other.md": "",
    "under_score.md": "# x\n",
    "Ärger.md": "# ärger\n",
    "a b/c+d & e.md": "# c+d\n\n## a#b\n",
    "notes/notes/x.md": "# x\n",
    "z.md": "> # quoted\n\n```\n# no\n```\n\nnote[^1] \n\n# see [^1]\n\n[^1]: x\n",
    "picture.png": "not a page\n",
}
PATHS = [None, "", "notes", "notes/", "only", "only/folders", "Notes", "missing"]


@pytest.fixture(autouse=True)
def nothing_in_memory(otterwiki_app: Any) -> None:  # noqa: F811
    from otterwiki_engine import memory

    memory.forget()


@pytest.fixture
def upstream(otterwiki_app: Any) -> Any:  # noqa: F811
    """Otterwiki's module as it is without us."""
    import otterwiki.pageindex

    return untouched(otterwiki.pageindex)


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch, otterwiki_app: Any) -> list[str]:  # noqa: F811
    """Files an entry is really made for."""
    from otterwiki_engine import az_index

    made = []
    original = az_index._Making._entry

    def entry(self: Any, filename: str, is_folder: bool) -> Any:
        made.append(filename)
        return original(self, filename, is_folder)

    monkeypatch.setattr(az_index._Making, "_entry", entry)
    return made


def put(site: Site, pages: dict[str, str | None]) -> None:  # noqa: F811
    changes = {path: None if text is None else text.encode() for path, text in pages.items()}
    site.wiki.repository.commit(changes, base=None, author=ALICE, message="several")


def plain(index: Any) -> dict[str, Any]:
    """All that an index holds, in a form that can be compared."""
    found = {name: value for name, value in vars(index).items() if name != "toc"}
    toc = {letter: [asdict(entry) for entry in page] for letter, page in index.toc.items()}
    return {**found, "toc": toc, "order": list(index.toc)}


def titles(index: Any) -> list[str]:
    return [title for title, _, _ in index.pages()]


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("spaces", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("whole_names", [False, True])
def test_it_is_what_otterwiki_makes(
    site: Site,  # noqa: F811
    upstream: Any,
    monkeypatch: pytest.MonkeyPatch,
    retain: bool,
    spaces: bool,
    path: str | None,
    whole_names: bool,
) -> None:
    from otterwiki.pageindex import PageIndex

    put(site, PAGES)
    monkeypatch.setitem(site.app.config, "RETAIN_PAGE_NAME_CASE", retain)
    monkeypatch.setitem(site.app.config, "TREAT_UNDERSCORE_AS_SPACE_FOR_TITLES", spaces)
    for script_root in ("/", "/below/"):
        with site.app.test_request_context(base_url=f"http://localhost{script_root}"):
            theirs = plain(upstream.PageIndex(path, whole_names))
            for _ in range(2):
                ours = PageIndex(path, whole_names)
                assert plain(ours) == theirs
                for page in ours.toc.values():
                    page.clear()  # whoever is given one may do so


@both_kinds
def test_it_is_made_once_and_then_only_what_changed(
    site: Site,  # noqa: F811
    entries: list[str],
) -> None:
    from otterwiki.pageindex import PageIndex

    def index() -> list[str]:
        with site.app.test_request_context():
            return titles(PageIndex())

    put(site, PAGES)
    first = index()
    assert index() == first
    assert len(entries) == len(PAGES) - 1
    entries.clear()
    put(site, {"notes/todo.md": "# TODO\n"})
    assert set(index()) - set(first) == {"TODO"}
    assert entries == ["notes/todo.md"]
    put(site, {"notes/new.md": "# New\n", "home.md": None})
    assert set(index()) ^ set(first) == {"TODO", "Todo", "New", "HoMe"}
    entries.clear()
    put(site, {"under_score/below.md": "# Below\n"})  # the page above becomes a folder
    index()
    assert entries == ["under_score.md", "under_score/below.md"]


def test_headings_show_at_once_and_settings_count(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = site.pick("red")
    put(site, {"a.md": "# A\n\n## [[left|right]]\n"})
    for _ in range(2):
        for style, heading in (("", "left"), ("LINKTITLE", "right")):
            monkeypatch.setitem(site.app.config, "WIKILINK_STYLE", style)
            assert f"#{heading}" in client.get("/-/index").data.decode()
    put(site, {"a.md": "# A\n\n## later\n"})
    assert "#later" in client.get("/-/index").data.decode()


def test_h4_wikis_with_the_same_pages_share_no_index(
    site: Site,  # noqa: F811
    entries: list[str],
) -> None:
    for name in ("red", "blue"):
        client = site.pick(name)
        put(site, {"same.md": "# Same\n", "home.md": None})
        first = client.get("/-/index").data
        assert client.get("/-/index").data == first
    assert entries == ["same.md", "same.md"]
    put(site, {"blue.md": "# Blue\n"})
    assert b"/Blue" in site.pick("blue").get("/-/index").data
    assert b"/Blue" not in site.pick("red").get("/-/index").data


def test_an_index_that_is_not_whole_is_made_again(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine import render_budget

    put(site, {"a.md": "# A\n\n## part of {{ a }}\n"})
    client = site.pick("red")
    with monkeypatch.context() as patch:
        patch.setattr(render_budget, "PARSE_SECONDS", -1.0)
        assert "#part-of-a" not in client.get("/-/index").data.decode()
    assert "#part-of-a" in client.get("/-/index").data.decode()


def test_an_embedded_index_is_filtered_by_itself(site: Site) -> None:  # noqa: F811
    put(site, {"p.md": "# P\n\n{{PageIndex|src=A*}}\n", "p/alpha.md": "", "p/beta.md": ""})
    client = site.pick("red")
    for _ in range(2):
        html = client.get("/p").data.decode()
        embedded = html.partition("pageindex-embedding")[2].partition("</article>")[0]
        assert "/P/Alpha" in embedded
        assert "/P/Beta" not in embedded
        assert "/P/Beta" in client.get("/-/index").data.decode()


def test_contract_upstream_looks_at_no_other_setting(upstream: Any) -> None:
    from otterwiki_engine.az_index import SETTINGS

    source = Path(upstream.__file__).read_text("utf-8")
    making = source.partition("def __init__(")[2].partition("def meta_description")[0]
    used = set(re.findall(r'app\.config\["([A-Z_]+)"\]', making))
    assert used == {"RETAIN_PAGE_NAME_CASE"}
    assert used < set(SETTINGS)
    assert "has_permission" not in making
    assert "hook" not in making


@pytest.mark.parametrize("text", [*PAGES.values(), *[
    "# a {{x}}\n\n{{include|src=home}}\n\n# b\n",
    "{{InfoBox\n|caption=x\n# inside\n}}\n\n# after\n",
    "---\ntitle: T\n---\n\ntext\n\n## h\n",
    "* # in a list\n  * ## deeper\n\n1. ### three\n",
    "| a | b |\n|---|---|\n| # | c |\n\n# after *table*\n",
    "*[HTML]: Hyper\n\n# HTML and `code` and $`x`$ and [l](/a) and ![i](/b)\n",
    "[r]: /x\n\n# [text][r] <kbd>k</kbd> https://example.org\n",
    ">| # folded\n>| text\n\n>! # spoiler\n\n::: info\n# box\n:::\n",
    "<div>\n# html\n</div>\n\n# real\n",
    "text\n===\n\ntext\n---\n\n    # indented\n",
    "# one[^a]\n\n# two[^b]\n\n[^a]: # not\n[^b]: b\n",
]])  # fmt: skip
def test_headings_alone_are_those_of_the_whole_page(otterwiki_app: Any, text: str) -> None:  # noqa: F811
    from otterwiki.renderer import OtterwikiRenderer
    from otterwiki.server import app_renderer

    with otterwiki_app.test_request_context():
        whole = OtterwikiRenderer(config=otterwiki_app.config).markdown(text)[1]
        alone = app_renderer.headings(text)
    assert [tuple(heading) for heading in alone] == [tuple(heading) for heading in whole]
