"""Which pages link to a page, below its text: right, or said to be unknown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures
from small_wikis import ALICE

from otterwiki_engine.after_answers import after_answers

UNKNOWN = "is being worked out"


@pytest.fixture(autouse=True)
def nothing_in_memory(otterwiki_app: Any) -> Iterator[None]:  # noqa: F811
    from otterwiki_engine import memory

    memory.forget()
    yield
    assert after_answers.wait(60)


def put(site: Site, pages: dict[str, str | None]) -> None:  # noqa: F811
    changes = {path: None if text is None else text.encode() for path, text in pages.items()}
    site.wiki.repository.commit(changes, base=None, author=ALICE, message="several")


def build(site: Site) -> None:  # noqa: F811
    """Bring the page index to HEAD, as an import or the first visit does."""
    from otterwiki_engine.pages.settings import page_settings_of

    site.wiki.pages_index(page_settings_of(site.app.config)).catch_up()


def block(site: Site, path: str, name: str = "red") -> str:  # noqa: F811
    """The block as it is shown, "" where there is none."""
    response = site.pick(name).get(path)
    assert response.status_code == 200
    found = re.search(r'<nav id="linked-from".*?</nav>', response.data.decode(), re.DOTALL)
    return found[0] if found else ""


def linking(site: Site, path: str, name: str = "red") -> list[str]:  # noqa: F811
    """Addresses of the pages that are said to link here."""
    found = block(site, path, name)
    assert UNKNOWN not in found
    return [html.unescape(url) for url in re.findall(r'<li><a href="([^"]*)">', found)]


@both_kinds
def test_links_show_and_go_at_once(site: Site) -> None:  # noqa: F811
    put(site, {"home.md": "# Home\n", "a.md": "[[Home]]\n", "b/c.md": "[x](/home)\n"})
    build(site)
    assert linking(site, "/home") == ["/A", "/B/C"]
    assert linking(site, "/a") == []
    assert block(site, "/a") == ""
    put(site, {"a.md": "no more\n", "d.md": "[[home]] [[Home]] and [[Home#part]]\n"})
    assert linking(site, "/home") == ["/B/C", "/D"]
    put(site, {"b/c.md": None, "e.md": "[[Home]]\n"})
    assert linking(site, "/home") == ["/D", "/E"]
    put(site, {"home.md": "# Home\n\n[[Home]] links to itself\n"})
    assert linking(site, "/home") == ["/D", "/E"]


def test_an_index_that_was_never_built_is_built_after_the_answer(site: Site) -> None:  # noqa: F811
    pages: dict[str, str | None] = {f"p{number}.md": "[[Home]]\n" for number in range(15)}
    put(site, {"home.md": "# Home\n", **pages})
    assert UNKNOWN in block(site, "/home")
    assert after_answers.wait(60)
    assert len(linking(site, "/home")) == 15


def test_an_index_that_is_far_behind_is_brought_up_after_the_answer(site: Site) -> None:  # noqa: F811
    put(site, {"home.md": "# Home\n"})
    build(site)
    put(site, {f"p{number}.md": "[[Home]]\n" for number in range(11)})
    assert UNKNOWN in block(site, "/home")
    assert after_answers.wait(60)
    assert len(linking(site, "/home")) == 11


def test_h4_links_are_those_of_the_wiki(site: Site) -> None:  # noqa: F811
    same: dict[str, str | None] = {"home.md": "# Home\n", "a.md": "[[Home]]\n"}
    for name in ("red", "blue"):
        site.pick(name)
        put(site, same)
        build(site)
    put(site, {"only blue.md": "[[Home]]\n"})
    for _ in range(2):
        assert linking(site, "/home", "blue") == ["/A", "/Only%20Blue"]
        assert linking(site, "/home", "red") == ["/A"]


def test_a_long_list_is_cut_and_leads_to_all_of_it(site: Site) -> None:  # noqa: F811
    pages: dict[str, str | None] = {f"p{number:02}.md": "[[Home]]\n" for number in range(45)}
    put(site, {"home.md": "# Home\n", **pages})
    build(site)
    assert len(linking(site, "/home")) == 20
    found = re.search(r'href="([^"]*)">and 25 more</a>', block(site, "/home"))
    assert found
    assert len(linking(site, html.unescape(found[1]))) == 45
    assert "more" not in block(site, html.unescape(found[1]))
    assert len(linking(site, "/home")) == 20


def test_an_old_revision_has_no_list(site: Site) -> None:  # noqa: F811
    put(site, {"home.md": "# Home\n", "a.md": "[[Home]]\n"})
    build(site)
    revision = site.head()
    put(site, {"home.md": "# Home again\n"})
    assert linking(site, "/home") == ["/A"]
    assert block(site, f"/home?revision={revision}") == ""


def test_g4_names_are_escaped(site: Site) -> None:  # noqa: F811
    put(site, {"home.md": "# Home\n", '<img src=x>"&.md': "[[Home]]\n"})
    build(site)
    found = block(site, "/home")
    assert "<img" not in found
    assert "&lt;Img Src=X&gt;&#34;&amp;" in found


def test_links_mean_what_the_setting_says(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(site, {"left.md": "# L\n", "right.md": "# R\n", "a.md": "[[left|right]]\n"})
    for style, path in (("", "/right"), ("LINKTITLE", "/left"), ("", "/right")):
        monkeypatch.setitem(site.app.config, "WIKILINK_STYLE", style)
        build(site)
        assert linking(site, path) == ["/A"]
        assert linking(site, {"/right": "/left", "/left": "/right"}[path]) == []


def test_an_index_that_can_not_be_read_is_told(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine.errors import RepositoryBusy
    from otterwiki_engine.pages.page_index import PageIndex

    put(site, {"home.md": "# Home\n", "a.md": "[[Home]]\n"})
    build(site)

    def busy(*_: Any) -> Any:
        raise RepositoryBusy("others are at it")

    with monkeypatch.context() as patch:
        patch.setattr(PageIndex, "links_to", busy)
        assert UNKNOWN in block(site, "/home")
    assert linking(site, "/home") == ["/A"]


def test_a_page_that_is_not_there_has_no_list(site: Site) -> None:  # noqa: F811
    put(site, {"home.md": "# Home\n", "a.md": "[[Missing]]\n"})
    build(site)
    response = site.pick("red").get("/missing")
    assert response.status_code == 404
    assert b"linked-from" not in response.data


def test_only_a_pages_own_view_has_it(site: Site) -> None:  # noqa: F811
    put(site, {"home.md": "# Home\n", "a.md": "[[Home]]\n"})
    build(site)
    client = site.pick("red")
    for path in ("/home/history", "/home/source", "/home/blame", "/home/attachments", "/home?edit"):
        response = client.get(path)
        assert response.status_code == 200, path
        assert b"linked-from" not in response.data, path
