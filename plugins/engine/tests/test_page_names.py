"""Page names mean the same file at every door, and as Otterwiki shows them."""

# ruff: noqa: F811 - fixtures are imported, and named again where they are used
from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from page_services import KEEP_CASE, bare_service, other_service, put  # noqa: F401  fixtures
from page_texts import same_examples
from served_wikis import otterwiki_app  # noqa: F401

from otterwiki_engine.pages.errors import BadPageName
from otterwiki_engine.pages.names import PageNames, is_page, page_of
from otterwiki_engine.pages.service import PageService
from otterwiki_engine.pages.settings import PageSettings

LOWER = PageNames(PageSettings())
KEEP = PageNames(KEEP_CASE)
NAMES = st.lists(
    st.text(st.characters(exclude_characters="/\0\\", codec="utf-8"), min_size=1, max_size=8),
    min_size=1,
    max_size=3,
).map("/".join)


@pytest.mark.parametrize(
    ("name", "lower", "keep"),
    [
        ("Home", "home.md", "Home.md"),
        ("/Notes//Todo/", "notes/todo.md", "Notes/Todo.md"),
        ("Notes/Todo.md", "notes/todo.md", "Notes/Todo.md"),
        ("Größe", "größe.md", "Größe.md"),
        ("v1.2", "v1.2.md", "v1.2.md"),
        ("", "", ""),
        ("//", "", ""),
    ],
)
def test_names_become_files(name: str, lower: str, keep: str) -> None:
    assert LOWER.file_of(name) == lower
    assert KEEP.file_of(name) == keep


@same_examples
@given(NAMES)
def test_files_are_those_otterwiki_opens(otterwiki_app: object, name: str) -> None:
    """get_filename of Otterwiki, with both settings."""
    from otterwiki.helper import get_filename
    from otterwiki.server import app

    for keep, names in ((False, LOWER), (True, KEEP)):
        before = app.config["RETAIN_PAGE_NAME_CASE"]
        app.config["RETAIN_PAGE_NAME_CASE"] = keep
        try:
            assert names.file_of(name) == (get_filename(name) if name.strip("/") else "")
        finally:
            app.config["RETAIN_PAGE_NAME_CASE"] = before


@same_examples
@given(NAMES.map(str.lower), st.none() | st.text(max_size=8))
@example("straße/o'neil's 1st_try", None)
@example("ßeta", None)
@example("readme", "README")
@example("README", None)
def test_names_are_shown_as_otterwiki_shows_them(
    otterwiki_app: object,
    page: str,
    title: str | None,
) -> None:
    from otterwiki.helper import get_pagename
    from otterwiki.server import app

    if page.endswith((".md", "/")):
        return
    for keep, names in ((False, LOWER), (True, KEEP)):
        before = app.config["RETAIN_PAGE_NAME_CASE"]
        app.config["RETAIN_PAGE_NAME_CASE"] = keep
        try:
            assert names.name_of(page, title) == get_pagename(page, header=title)
        finally:
            app.config["RETAIN_PAGE_NAME_CASE"] = before


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("notes/edit", "edit"),
        ("api/v1", "api"),
        ("mcp", "mcp"),
        ("-/changelog", "hyphen"),
        ("health", "health"),
        ("notes/a/plan", "'a'"),
        ("notes/history", "history"),
        ("", "empty"),
        ("notes/ todo", "space"),
        ("notes/todo.md/x", "'.md'"),
        ("notes/../x", "'..'"),
        (".git/config", ".git"),
        ("notes\\todo", "backslash"),
        ("a\nb", "control"),
        ("x" * 300, "255"),
        ("a/" * 50 + "b", "50 parts"),
    ],
)
def test_f2_names_that_no_url_reaches_are_refused_with_the_reason(name: str, part: str) -> None:
    with pytest.raises(BadPageName) as refusal:
        KEEP.file_for_new(name)
    assert part in refusal.value.reason
    assert refusal.value.path == name


def test_new_names_are_composed() -> None:
    assert (
        KEEP.file_for_new("Cafe\N{COMBINING ACUTE ACCENT}")
        == "Caf\N{LATIN SMALL LETTER E WITH ACUTE}.md"
    )


@pytest.mark.usefixtures("other_service")
def test_look_up_falls_back_to_the_only_name_in_another_case(
    bare_service: PageService,
) -> None:
    pages = bare_service
    put(pages, {"Notes/Todo.md": "1", "a.md": "2", "A.md": "3", "Cafe\u0301.md": "4"})
    head = pages.wiki.repository.snapshot()
    assert KEEP.find("notes/TODO", head) == "Notes/Todo.md"
    assert KEEP.find("a", head) == "a.md"
    assert KEEP.find("A", head) == "A.md"
    assert KEEP.find("Caf\u00e9", head) == "Cafe\u0301.md"
    assert KEEP.find("nothing", head) is None
    put(pages, {"ä.md": "5", "Ä.md": "6"})
    assert KEEP.find("Ä", pages.wiki.repository.snapshot()) == "Ä.md"
    assert LOWER.find("NOTES/todo", head) == "Notes/Todo.md"


def test_two_pages_that_differ_in_case_are_never_guessed(
    bare_service: PageService,
) -> None:
    put(bare_service, {"Ab.md": "1", "aB.md": "2"})
    head = bare_service.wiki.repository.snapshot()
    assert KEEP.find("ab", head) is None
    assert KEEP.similar("ab", head) == ("Ab", "aB")


def test_what_a_page_is() -> None:
    assert is_page("a/b.md") and not is_page("a/.md") and not is_page("a/b.MD")
    assert page_of("a/b.md") == "a/b"
