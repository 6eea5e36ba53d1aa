"""Otterwiki's search page on the full-text index: ranked, escaped, never old, never another's."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures
from small_wikis import ALICE

from otterwiki_engine import hooks


@pytest.fixture(autouse=True)
def nothing_in_memory(otterwiki_app: Any) -> None:  # noqa: F811
    from otterwiki_engine import memory

    memory.forget()


def put(site: Site, pages: dict[str, str | None]) -> None:  # noqa: F811
    changes = {path: None if text is None else text.encode() for path, text in pages.items()}
    site.wiki.repository.commit(changes, base=None, author=ALICE, message="several")


def search(site: Site, query: str, name: str = "red", **form: str) -> str:  # noqa: F811
    """The page that answers Otterwiki's form."""
    response = site.pick(name).post("/-/search", data={"query": query, **form})
    assert response.status_code == 200
    return response.data.decode()


def names(page: str) -> list[str]:
    """Names of the pages found, in order, without marks."""
    found = re.findall(r'content-title mt-20"><a href="[^"]*">(.*?)</a>', page)
    return [html.unescape(re.sub(r"<[^>]*>", "", name)) for name in found]


def total(page: str) -> int:
    found = re.search(r"Search matched (\d+) pages?:", page)
    return int(found[1]) if found else 0


def marked(page: str) -> set[str]:
    return set(re.findall(r'<span class="text-match">(.*?)</span>', page))


@both_kinds
def test_the_best_page_comes_first(site: Site) -> None:  # noqa: F811
    put(
        site,
        {
            "a.md": "# Something\n\n" + "word " * 300 + "kestrel once\n",
            "b.md": "# Kestrel\n\nA kestrel is a bird; kestrels hover.\n",
            "c.md": "# Else\n\nnothing of it\n",
        },
    )
    page = search(site, "kestrels")
    assert names(page) == ["B", "A"]
    assert total(page) == 2
    assert {"kestrel", "kestrels"} <= marked(page)
    assert names(search(site, "hover bird missing")) == ["B"]
    by_address = site.pick("red").get("/-/search/kestrel").data.decode()
    assert names(by_address) == ["B", "A"]
    assert names(site.pick("red").get("/-/search?query=kestrel").data.decode()) == ["B", "A"]


def test_what_is_saved_is_found_at_once(site: Site) -> None:  # noqa: F811
    put(site, {"a.md": "# A\n\nheron\n"})
    assert names(search(site, "heron")) == ["A"]
    put(site, {"a.md": "# A\n\negret\n", "b.md": "# B\n\nheron\n"})
    assert names(search(site, "heron")) == ["B"]
    assert names(search(site, "egret")) == ["A"]
    put(site, {"b.md": None})
    page = search(site, "heron")
    assert names(page) == []
    assert "No match found." in page


def test_h4_one_wiki_finds_nothing_of_another(site: Site) -> None:  # noqa: F811
    put(site, {"a.md": "# A\n\nosprey\n"})
    site.pick("blue")
    put(site, {"b.md": "# B\n\nosprey and merlin\n"})
    assert names(search(site, "osprey", "red")) == ["A"]
    assert names(search(site, "osprey", "blue")) == ["B"]
    assert names(search(site, "merlin", "red")) == []
    assert names(search(site, "merlin", "red", is_casesensitive="y")) == []
    assert names(search(site, "mer", "red")) == []


def test_nothing_is_said_before_anything_is_asked(site: Site) -> None:  # noqa: F811
    page = site.pick("red").get("/-/search").data.decode()
    assert "No match found" not in page
    assert 'id="search-query"' in page
    assert "No match found" not in search(site, "   ")


def test_g4_names_texts_and_queries_are_escaped(site: Site) -> None:  # noqa: F811
    hostile = "<img src=x onerror=alert(1)>"
    put(site, {f"{hostile}.md": f"{hostile} pelican {hostile}\n\n# {hostile} pelican\n"})
    for page in (
        search(site, "pelican"),
        search(site, "pelican", is_casesensitive="y"),
        search(site, "<img|pelican", is_regexp="y"),
        search(site, f"{hostile} pelican"),
        search(site, '"><script>alert(1)</script>'),
        search(site, "(" + hostile, is_regexp="y"),
    ):
        body = page.partition("</nav>")[2]
        assert "<img src=x" not in body.lower()
        assert "<script>alert" not in body
    assert "&lt;img src=x" in search(site, "pelican").lower()
    assert '<span class="page-match">Onerror</span>' in search(site, "onerror")


def test_results_come_in_pages(site: Site) -> None:  # noqa: F811
    put(site, {f"p{number:02}.md": f"# P\n\nplover {number}\n" for number in range(45)})
    client = site.pick("red")
    seen: list[str] = []
    path: str | None = "/-/search/plover"
    for count in (20, 20, 5):
        assert path
        page = client.get(path).data.decode()
        assert total(page) == 45
        assert len(names(page)) == count
        seen += names(page)
        following = re.search(r'rel="next" href="([^"]*)"', page)
        path = html.unescape(following[1]) if following else None
    assert path is None
    assert len(set(seen)) == 45
    assert 'rel="prev"' in page
    for number in ("0", "-1", "x", "99999999999999999999"):
        assert client.get(f"/-/search?query=plover&page={number}").status_code == 200


def test_pages_of_results_of_any_query_can_be_reached(site: Site) -> None:  # noqa: F811
    put(site, {f"p{number:02}.md": "# P\n\nred & blue / green?\n" for number in range(25)})
    page = search(site, "red & blue / green?")
    path = html.unescape(re.search(r'rel="next" href="([^"]*)"', page)[1])  # type: ignore[index]
    assert len(names(site.pick("red").get(path).data.decode())) == 5


def test_match_case_and_expressions_look_at_letters(site: Site) -> None:  # noqa: F811
    put(site, {"a.md": "# x\n\nNeedle one\nNeedle two\n", "b.md": "# y\n\nneedle\n"})
    assert total(search(site, "needle")) == 2
    page = search(site, "Needle", is_casesensitive="y")
    assert names(page) == ["A"]
    assert "(2 matches found)" in page
    assert marked(page) == {"Needle"}
    assert names(search(site, "eedl", is_casesensitive="y")) == ["A", "B"]
    assert names(search(site, "N[ex]+dle t", is_regexp="y")) == ["A"]
    assert names(search(site, "^n.*e$", is_regexp="y", is_casesensitive="y")) == ["B"]
    assert names(search(site, "N.*", is_regexp="y", is_casesensitive="y")) == ["A"]
    assert "Error in search term" in search(site, "(unclosed", is_regexp="y")
    assert "checked" in search(site, "x", is_regexp="y").partition('id="regexp"')[2][:60]


def test_a_part_of_a_word_is_found_by_its_letters(site: Site) -> None:  # noqa: F811
    put(site, {"a.md": "# A\n\nthe cormorants\n", "b.md": "# B\n\nother\n"})
    page = search(site, "ormora")
    assert names(page) == ["A"]
    assert marked(page) == {"ormora"}


def test_g6_an_expression_that_takes_for_ever_is_stopped(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine import search_scan

    monkeypatch.setattr(search_scan, "SECONDS", 0.05)
    put(site, {f"p{number}.md": "x" * 4000 + "!\n" for number in range(40)})
    page = search(site, r"(x+x+)+y", is_regexp="y")
    assert "took too long" in page
    assert names(page) == []


class Modes:
    """A plugin that knows one more way to search."""

    @hooks.hookimpl
    def search_modes(self, wiki: Any) -> list[str]:
        del wiki
        return ["backwards"]

    @hooks.hookimpl
    def search_pages(self, wiki: Any, settings: Any, query: Any) -> Any:
        from dataclasses import replace

        if query.mode != "backwards":
            return None
        return wiki.pages_index(settings).search(replace(query, text=query.text[::-1], mode="text"))


@pytest.fixture
def modes() -> Iterator[None]:
    plugin = Modes()
    hooks.manager.register(plugin)
    yield
    hooks.manager.unregister(plugin)


def test_plugins_may_add_ways_to_search(site: Site, modes: None) -> None:  # noqa: F811
    put(site, {f"p{number:02}.md": "# P\n\navocet\n" for number in range(25)})
    page = search(site, "tecova", mode="backwards")
    assert total(page) == 25
    assert '<option value="backwards" selected>' in page
    path = html.unescape(re.search(r'rel="next" href="([^"]*)"', page)[1])  # type: ignore[index]
    assert len(names(site.pick("red").get(path).data.decode())) == 5
    assert total(search(site, "avocet")) == 25


def test_a_way_to_search_that_is_not_there_is_told(site: Site) -> None:  # noqa: F811
    put(site, {"a.md": "# A\n\nbittern\n"})
    page = search(site, "bittern", mode="by magic")
    assert names(page) == ["A"]
    assert "by magic" in page
    assert "<select" not in page


def test_whoever_may_not_read_finds_nothing(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(site, {"a.md": "# A\n\nsecretbird\n"})
    monkeypatch.setitem(site.app.config, "READ_ACCESS", "APPROVED")
    for form in ({}, {"is_regexp": "y"}):
        response = site.pick("red").post("/-/search", data={"query": "secretbird", **form})
        assert response.status_code == 302
        assert "/-/login" in response.location
        assert b"secretbird" not in response.data


def test_contract_upstream_makes_and_shows_a_search_so(otterwiki_app: Any) -> None:  # noqa: F811
    import inspect

    import otterwiki.views
    from otterwiki.wiki import Search

    assert list(inspect.signature(Search).parameters) == [
        "query",
        "is_casesensitive",
        "is_regexp",
        "in_history",
    ]
    source = inspect.getsource(otterwiki.views.search)
    assert "return s.render()" in source
    assert 'request.form.get("is_casesensitive") == "y"' in source
