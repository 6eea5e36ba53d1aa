# ruff: noqa: F811 - fixtures are imported, and named again where they are used
"""Pages together: lists, the tree of them, the links between them, and search."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_services import (  # noqa: F401  fixtures
    BY_ALICE,
    BY_BOB,
    bare_service,
    other_service,
    put,
    service,
)
from page_texts import same_examples

from otterwiki_engine import hooks
from otterwiki_engine.pages.cursors import MOST_CURSOR_CHARACTERS, make_cursor, read_cursor
from otterwiki_engine.pages.errors import BadCursor, BadValue, PageNotFound
from otterwiki_engine.pages.page_records import RelatedPage, SearchHit, SearchHits
from otterwiki_engine.pages.records import PageNode
from otterwiki_engine.pages.search_query import SearchQuery
from otterwiki_engine.pages.service import PageService
from otterwiki_engine.pages.settings import PageSettings
from otterwiki_engine.wiki import Wiki

pytestmark = pytest.mark.usefixtures("other_service")
WIKI: dict[str, str | bytes | None] = {
    "Home.md": "# Welcome\n\n[[Notes/todo]] [[Gone]] [x](https://example.org) [[Notes]]\n",
    "Notes/todo.md": "---\ncategory: plan\ntags: [red, blue]\n---\n# To do\n\n[[home]] otters\n",
    "Notes/done.md": (
        "---\ntags: red\n---\nno heading ![p](/Notes/done/pic.png) ![](/Notes/done/no.png)\n"
    ),
    "Notes/done/pic.png": b"\x89PNG",
    "Notes/deep/er.md": "---\ncategory: Plan\n---\nalone\n",
    "Alone.md": "[[Alone]] nobody links here, otters otters\n",
}


def paths(pages: PageService, **conditions: Any) -> list[str]:
    return [page.path for page in pages.list(**conditions).pages]


# ---------------------------------------------------------------------- lists


def test_pages_are_listed_by_path_with_all_that_is_known(service: PageService) -> None:
    first = put(service, WIKI)
    service.append("Alone", "more", by=BY_ALICE)
    found = service.list()
    assert [page.path for page in found.pages] == [
        "Alone", "Home", "Notes/deep/er", "Notes/done", "Notes/todo",
    ]  # fmt: skip
    assert found.total == 5 and found.next_cursor is None
    alone, *_, todo = found.pages
    assert (todo.name, todo.file, todo.title) == ("todo", "Notes/todo.md", "To do")
    assert (todo.category, todo.tags, todo.revision) == ("plan", ("red", "blue"), first)
    assert todo.front_matter == {"category": "plan", "tags": ["red", "blue"]}
    assert alone.revision != first and alone.last_updated.tzinfo is not None
    assert alone.size_bytes == len(service.read("Alone").content) and alone.word_count > 5
    assert alone.title == "Alone"


def test_conditions_go_together(service: PageService) -> None:
    put(service, WIKI)
    assert paths(service, prefix="Notes/d") == ["Notes/deep/er", "Notes/done"]
    assert paths(service, category="plan") == ["Notes/deep/er", "Notes/todo"]
    assert paths(service, tag="red") == ["Notes/done", "Notes/todo"]
    assert paths(service, tag="red", category="plan", prefix="Notes/") == ["Notes/todo"]
    assert paths(service, tag="green") == [] and service.list(tag="green").total == 0
    now = datetime.now(UTC)
    assert len(paths(service, updated_since=now - timedelta(days=1))) == 5
    assert paths(service, updated_since=now + timedelta(days=1)) == []
    assert paths(service, prefix="%") == [] and paths(service, tag="' OR 1=1 --") == []


def test_a_list_goes_on_where_its_cursor_says_whatever_is_committed(service: PageService) -> None:
    put(service, {f"P{number:02}.md": f"{number}\n" for number in range(20)})
    found: list[str] = []
    cursor = None
    while True:
        part = service.list(limit=3, cursor=cursor)
        found += [page.path for page in part.pages]
        cursor = part.next_cursor
        if cursor is None:
            break
        # One in front, one that was named already is deleted, another one edited.
        put(service, {f"A{len(found):02}.md": "x", f"{found[0]}.md": None, "P19.md": str(found)})
    assert found == [f"P{number:02}" for number in range(20)]


def test_long_places_make_no_long_cursors(bare_service: PageService) -> None:
    beginning = "/".join(["\N{OTTER}" * 60] * 8)  # 500 characters are not all of it
    for name in "abc":
        bare_service.write(f"{beginning}/{name}", "# Long\n", by=BY_ALICE)
    pages = [page.path for page in bare_service.list().pages]
    cursor = bare_service.list(limit=1).next_cursor
    assert cursor is not None
    assert len(cursor) < MOST_CURSOR_CHARACTERS
    rest = bare_service.list(cursor=cursor).pages
    assert [page.path for page in rest] == pages[1:]
    bare_service.delete(pages[0], by=BY_ALICE, base="HEAD")
    rest = bare_service.list(cursor=cursor).pages
    assert [page.path for page in rest] == pages[1:]


@same_examples
@given(st.text(max_size=600) | st.text(min_size=500, max_size=600), st.integers(0, (1 << 53) - 1))
def test_any_place_comes_back_from_its_cursor(place: str, hint: int) -> None:
    for long in (place, place * 20):
        cursor = make_cursor("key", long, hint)
        assert len(cursor) <= MOST_CURSOR_CHARACTERS
        places = ("", long + "x", long)
        assert read_cursor("key", cursor, partial(tuple, places)) == (long, hint)
        assert long.startswith(read_cursor("key", cursor)[0])
        with pytest.raises(BadCursor):
            read_cursor("other", cursor)


def test_a_cursor_belongs_to_its_conditions(bare_service: PageService) -> None:
    put(bare_service, {f"P{number}.md": f"{number}\n" for number in range(4)})
    cursor = bare_service.list(limit=2).next_cursor
    changes = bare_service.recent_changes(limit=1)
    assert cursor is not None and changes.next_cursor is None
    for conditions in ({"prefix": "P"}, {"tag": "x"}, {"updated_since": datetime.now(UTC)}):
        with pytest.raises(BadCursor):
            bare_service.list(cursor=cursor, **conditions)  # type: ignore[arg-type]
    for bad in ("", "x", "AAAA", cursor[::-1], cursor + "=", "\ud800"):
        with pytest.raises(BadCursor):
            bare_service.list(cursor=bad)
    for limit in (0, -5, 10**9, True):
        with pytest.raises(BadValue):
            bare_service.list(limit=limit)


def test_a_list_takes_as_many_questions_as_one_page(
    bare_service: PageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is asked, not the history of each page."""
    put(bare_service, {f"P{number}.md": f"{number}\n" for number in range(40)})
    bare_service.list()
    index_file = bare_service.wiki._index_file
    reading = index_file.reading
    statements: list[str] = []

    @contextmanager
    def traced() -> Iterator[Any]:
        with reading() as connection:
            connection.set_trace_callback(statements.append)
            try:
                yield connection
            finally:
                connection.set_trace_callback(None)

    monkeypatch.setattr(index_file, "reading", traced)
    counts = []
    for limit in (1, 40):
        statements.clear()
        assert (
            len(bare_service.list(limit=limit, updated_since=datetime(2020, 1, 1)).pages) == limit
        )
        counts.append(len([text for text in statements if not text.startswith("--")]))
    assert counts[0] == counts[1]


# ---------------------------------------------------------------------- the tree


def flat(node: PageNode) -> list[tuple[str, bool, int]]:
    return [(node.path, node.exists, node.page_count)] + [
        line for child in node.children for line in flat(child)
    ]


def test_the_tree_of_pages(service: PageService) -> None:
    put(service, WIKI)
    assert flat(service.wiki_outline()) == [
        ("", False, 5),
        ("Alone", True, 0),
        ("Home", True, 0),
        ("Notes", False, 3),
        ("Notes/deep", False, 1),
        ("Notes/deep/er", True, 0),
        ("Notes/done", True, 0),
        ("Notes/todo", True, 0),
    ]
    assert [line[0] for line in flat(service.wiki_outline(depth=1))] == [
        "", "Alone", "Home", "Notes",
    ]  # fmt: skip
    assert flat(service.wiki_outline("notes/", depth=1)) == [
        ("Notes", False, 3),
        ("Notes/deep", False, 1),
        ("Notes/done", True, 0),
        ("Notes/todo", True, 0),
    ]
    assert service.wiki_outline("Home").title == "Welcome"
    with pytest.raises(PageNotFound):
        service.wiki_outline("Note")
    for depth in (0, -1):
        with pytest.raises(BadValue):
            service.wiki_outline(depth=depth)


def test_a_tree_has_an_end(bare_service: PageService) -> None:
    """Somebody may have pushed one that is deeper than any page made here."""
    put(bare_service, {"a/" * 99 + "x.md": "deep", "a/b.md": "near"})
    tree = bare_service.wiki_outline()
    assert tree.page_count == 2 and len(flat(tree)) == 52
    assert flat(tree)[-1] == ("a/b", True, 0)
    assert bare_service.list().total == 2


def test_an_empty_wiki_has_a_tree_without_pages(service: PageService) -> None:
    assert flat(service.wiki_outline()) == [("", False, 0)]
    assert service.list().pages == () and service.graph().nodes == ()


# ---------------------------------------------------------------------- links


def test_links_in_both_directions(service: PageService) -> None:
    put(service, WIKI)
    links = service.links("home")
    assert links.path == "Home"
    assert links.links_to == ("Gone", "Notes", "Notes/todo")
    assert links.linked_from == ("Notes/todo",)
    assert links.broken == ("Gone",)  # "Notes" is a folder, which Otterwiki shows
    assert links.external == ("https://example.org",)
    assert service.links("Notes/done").attachments == ("Notes/done/no.png", "Notes/done/pic.png")
    with pytest.raises(PageNotFound):
        service.links("Missing")


def test_failure_4_the_graph_is_that_of_this_wiki(
    service: PageService, other_service: PageService
) -> None:
    put(service, WIKI)
    graph = service.graph()
    assert graph.nodes == ("Alone", "Home", "Notes/deep/er", "Notes/done", "Notes/todo")
    assert graph.edges == (("Home", "Notes/todo"), ("Notes/todo", "Home"))
    assert service.orphans() == ("Alone", "Notes/deep/er", "Notes/done")
    assert other_service.graph().nodes == ("Home", "Notes/todo")
    assert other_service.graph().edges == () and other_service.orphans() == ("Notes/todo",)


def test_broken_links(service: PageService) -> None:
    put(service, WIKI)
    assert [(one.path, one.target, one.kind, one.line) for one in service.broken_links()] == [
        ("Home", "Gone", "page", 3),
        ("Notes/done", "Notes/done/no.png", "attachment", 4),
    ]
    service.write("Gone", "here now", by=BY_BOB)
    assert [one.path for one in service.broken_links()] == ["Notes/done"]


def test_another_home_page_is_no_orphan(bare_service: PageService) -> None:
    put(bare_service, {"Home.md": "x", "Start.md": "y"})
    settings = PageSettings(retain_page_name_case=True, home_page="start")
    assert PageService(bare_service.wiki, settings).orphans() == ("Home",)


# ---------------------------------------------------------------------- search


def test_search(service: PageService, other_service: PageService) -> None:
    put(service, WIKI)
    found = service.search("otters")
    assert found.total == 2 and found.mode == "text" and found.query == "otters"
    assert {result.path for result in found.results} == {"Alone", "Notes/todo"}
    (todo,) = [result for result in found.results if result.path == "Notes/todo"]
    assert "**otters**" in todo.snippet and todo.section == ("To do",) and todo.anchor == "to-do"
    assert (todo.title, todo.name) == ("To do", "todo") and found.results[0].score == 1.0
    assert [one.path for one in service.search("otters", prefix="Notes").results] == ["Notes/todo"]
    assert service.search("otters", tag="blue").total == 1
    assert len(service.search("otters", limit=1, offset=1).results) == 1
    assert service.search("canary").total == 0
    assert other_service.search("canary").total == 2
    service.write("New", "more otters", by=BY_ALICE)
    assert service.search("otters").total == 3


def test_plugins_add_modes_and_related_pages(
    bare_service: PageService, other_service: PageService
) -> None:
    put(bare_service, WIKI)

    class Nearby:
        @hooks.hookimpl
        def search_modes(self, wiki: Wiki) -> list[str]:
            return ["nearby"] if wiki is bare_service.wiki else []

        @hooks.hookimpl
        def search_pages(self, wiki: Wiki, query: SearchQuery) -> SearchHits | None:
            if query.mode != "nearby" or wiki is not bare_service.wiki:
                return None
            return SearchHits(
                (SearchHit("Notes/todo", "To do", "all \x02of\x03 it", 1.0),), 1, "nearby"
            )

        @hooks.hookimpl
        def related_pages(self, wiki: Wiki, page: str) -> list[RelatedPage] | None:
            return [RelatedPage("Home", None, 0.5)] if page == "Notes/todo" else None

    plugin = Nearby()
    hooks.manager.register(plugin)
    try:
        assert bare_service.search_modes() == ("text", "nearby")
        assert other_service.search_modes() == ("text",)
        (found,) = bare_service.search("x", mode="nearby").results
        assert (found.path, found.name, found.snippet) == ("Notes/todo", "todo", "all **of** it")
        with pytest.raises(BadValue, match="nearby"):
            other_service.search("x", mode="nearby")
        (related,) = bare_service.related("notes/TODO")
        assert (related.path, related.title, related.score) == ("Home", "Home", 0.5)
        assert bare_service.related("Home") == ()
    finally:
        hooks.manager.unregister(plugin)
    with pytest.raises(PageNotFound):
        bare_service.related("Missing")
    with pytest.raises(BadValue):
        bare_service.related("Home", limit=0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"query": ""},
        {"query": "  \n"},
        {"query": "x" * 1001},
        {"query": "x", "limit": 0},
        {"query": "x", "limit": 1000},
        {"query": "x", "offset": -1},
    ],
)
def test_a_search_that_can_not_be_made(
    bare_service: PageService, arguments: dict[str, Any]
) -> None:
    with pytest.raises(BadValue):
        bare_service.search(**arguments)
