"""What Otterwiki works out at each view of a page, worked out once or not at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures
from untouched import untouched


@pytest.fixture(autouse=True)
def nothing_in_memory(otterwiki_app: Any) -> None:  # noqa: F811
    from otterwiki_engine import memory

    memory.forget()


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch, otterwiki_app: Any) -> list[str]:  # noqa: F811
    """Beginnings of pages that are parsed for their description."""
    from otterwiki_engine import page_views

    texts = []
    original = page_views.BeautifulSoup

    def parse(html: str, features: str) -> Any:
        texts.append(html)
        return original(html, features)

    monkeypatch.setattr(page_views, "BeautifulSoup", parse)
    return texts


def description(site: Site, path: str, name: str = "red") -> str:  # noqa: F811
    html = site.pick(name).get(path).data.decode()
    found = re.search(r'property="og:description" content="([^"]*)"', html)
    assert found
    return found[1]


@both_kinds
def test_a_description_is_worked_out_once_and_is_new_at_once(
    site: Site,  # noqa: F811
    parsed: list[str],
) -> None:
    site.put("a.md", "# A\n\nfirst *text*\n")
    for _ in range(2):
        assert "first text" in description(site, "/a")
    site.put("a.md", "# A\n\nsecond\n")
    for _ in range(2):
        assert "second" in description(site, "/a")
    assert len(parsed) == 2


def test_h4_descriptions_are_not_shared_between_wikis(
    site: Site,  # noqa: F811
    parsed: list[str],
) -> None:
    for name in ("red", "blue"):
        site.pick(name)
        site.put("same.md", "# Same\n\ntext\n")
        description(site, "/same", name)
    assert len(parsed) == 2


def test_what_a_plugin_adds_to_a_page_is_in_its_description(site: Site) -> None:  # noqa: F811
    from otterwiki.plugins import hookimpl, plugin_manager

    class Adding:
        @hookimpl
        def page_view_htmlcontent_postprocess(self, html: str, page: Any) -> str:
            return f"<p>added to {page.pagename}</p>{html}"

    site.put("a.md", "text\n")
    assert "added" not in description(site, "/a")
    plugin = Adding()
    plugin_manager.register(plugin)
    try:
        assert "added to A" in description(site, "/a")
    finally:
        plugin_manager.unregister(plugin)


def test_attachments_are_listed_only_where_a_page_shows_them(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki.wiki import Page

    listed = []
    original = Page._attachments_list

    def attachments_list(self: Any) -> Any:
        listed.append(self.pagepath)
        return original(self)

    monkeypatch.setattr(Page, "_attachments_list", attachments_list)
    for name in ("a", "b"):
        site.put(f"{name}/file of {name}.txt", "content")
    site.put("a.md", "# A\n\ntext {{ x }}\n")
    site.put("b.md", "# B\n\n{{AttachmentList}}\n\n{{AttachmentList|format=minimal}}\n")
    client = site.pick("red")
    client.get("/a")
    assert listed == []
    html = client.get("/b").data.decode()
    assert html.count("file of b.txt</a>") == 2
    assert "file of a" not in html
    assert listed == ["b"]


def test_attachments_of_an_included_page_are_its_own(site: Site) -> None:  # noqa: F811
    site.put("a/of a.txt", "content")
    site.put("b/of b.txt", "content")
    site.put("b.md", "{{AttachmentList}}\n")
    site.put("a.md", "{{include|src=/b}}\n\n{{AttachmentList|caption=mine}}\n")
    html = site.pick("red").get("/a").data.decode().partition("<article")[2]
    assert html.index("of b.txt") < html.index("mine") < html.index("of a.txt")


@pytest.mark.parametrize("retain", [False, True])
def test_titles_are_otterwikis(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    retain: bool,
) -> None:
    import otterwiki.wiki

    theirs = untouched(otterwiki.wiki)
    monkeypatch.setitem(site.app.config, "RETAIN_PAGE_NAME_CASE", retain)
    for path, text in {"home": "# HoMe\n", "x y": "X Y\n===\n", "z": "none\n"}.items():
        site.put(f"{path}.md", text)
        with site.app.test_request_context():
            one, other = otterwiki.wiki.Page(path), theirs.Page(path)
            assert (one.pagename, one.pagename_full) == (other.pagename, other.pagename_full)


def test_contract_upstream_uses_them_so(otterwiki_app: Any) -> None:  # noqa: F811
    import otterwiki.wiki

    source = Path(otterwiki.wiki.__file__).read_text("utf-8")
    assert source.count("BeautifulSoup(") == 1
    assert 'soup = BeautifulSoup(htmlcontent[0:1024], "html.parser")' in source
    assert re.findall(r"\bsoup\.\w+", source) == ["soup.text"]
    assert source.count("get_header(") == 1
    assert "header = get_header(self.content)" in source
