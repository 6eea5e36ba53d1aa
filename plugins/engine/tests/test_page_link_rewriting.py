"""Renames: links lead where they led, and nothing else of a page changes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from link_texts import documents, paragraphs
from page_texts import page_texts, same_examples

from otterwiki_engine.pages.link_rewriting import rewrite_links
from otterwiki_engine.pages.links import Link, find_links
from otterwiki_engine.pages.settings import PageSettings

KEEP_CASE = PageSettings(retain_page_name_case=True)
LOWER_CASE = PageSettings()
MOVED = {"notes/todo": "archive/Do it (now)"}


def rewritten(
    text: str,
    page: str = "notes/plan",
    moved: Mapping[str, str] = MOVED,
    settings: PageSettings = KEEP_CASE,
) -> str:
    result = rewrite_links(text, page, moved, settings)
    assert result.left == ()
    assert (result.changed == 0) == (result.text == text)
    return result.text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[[notes/todo]]", "[[archive/Do it (now)]]"),
        ("[[Title|notes/todo]]", "[[Title|archive/Do it (now)]]"),
        ("[[Title|/notes/todo#Some Part]]", "[[Title|/archive/Do it (now)#Some Part]]"),
        ("[x](/notes/todo)", "[x](/archive/Do%20it%20%28now%29)"),
        ("[x](todo)", "[x](/archive/Do%20it%20%28now%29)"),
        ("[x](todo.md#a 'T')", "[x](/archive/Do%20it%20%28now%29.md#a 'T')"),
        ("[x](</notes/todo?a=b#c>)", "[x](</archive/Do%20it%20%28now%29?a=b#c>)"),
        ("![x](/notes/todo/a.png)", "![x](/archive/Do%20it%20%28now%29/a.png)"),
        ("![x](/notes/todo/a/a.png)", "![x](/archive/Do%20it%20%28now%29/a/a.png)"),
        ("[x](todo/t/a.png/80)", "[x](/archive/Do%20it%20%28now%29/t/a.png/80)"),
        (
            "[![x](todo/a.png)](todo)",
            "[![x](/archive/Do%20it%20%28now%29/a.png)](/archive/Do%20it%20%28now%29)",
        ),
        (
            "<a title=\"t\" href='/notes/todo'>x</a>",
            "<a title=\"t\" href='/archive/Do%20it%20%28now%29'>x</a>",
        ),
        ("[x][k]\n\n[k]: /notes/todo 'T'", "[x][k]\n\n[k]: /archive/Do%20it%20%28now%29 'T'"),
        ("{{include|src=todo}}", "{{include|src=/archive/Do it (now)}}"),
        ("| a |\n|---|\n| [[T|notes/todo]] |", "| a |\n|---|\n| [[T|archive/Do it (now)]] |"),
    ],
)
def test_links_to_a_renamed_page(before: str, after: str) -> None:
    assert rewritten(before) == after
    framed = "# [[Home]]\r\n\r\n{}\r\n\r\n`[[notes/todo]]` [y](/other)"
    assert rewritten(framed.format(before)) == framed.format(after)


@pytest.mark.parametrize(
    "text",
    [
        "`[[notes/todo]]`",
        "```\n[[notes/todo]]\n[x](/notes/todo)\n```",
        "    [[notes/todo]]",
        "$[[notes/todo]]$",
        "<!-- [[notes/todo]] -->",
        "\\[[notes/todo]]",
        "[x](/notes/todo2) [[notes/todo/sub]] [x](/todo) [[Notes/todo]]",
        "[x](https://host/notes/todo)",
        "notes/todo /notes/todo",
        "[unused]: /notes/todo",
    ],
)
def test_what_is_no_link_to_it_stays(text: str) -> None:
    assert rewritten(text) == text


def test_a_page_that_moves_keeps_its_own_links() -> None:
    text = "[a](other) [b](./a.png) [c](#x) [d](../Home) [[notes/todo#y]] [[Home]] ![e](todo/b.png)"
    assert rewritten(text, page="notes/todo") == (
        "[a](/notes/other) [b](./a.png) [c](#x) [d](../Home) [[archive/Do it (now)#y]] [[Home]]"
        " ![e](/archive/Do%20it%20%28now%29/b.png)"
    )


def test_pages_that_move_together() -> None:
    moved = {"one": "x/one", "one/two": "x/one/two"}
    text = "[[one]] [[one/two]] [x](two) [y](/one/two/f.png) [z](../one)"
    assert rewritten(text, "one/two", moved) == (
        "[[x/one]] [[x/one/two]] [x](two) [y](/x/one/two/f.png) [z](../one)"
    )


def test_names_in_lower_case_are_written_as_given() -> None:
    moved = {"my plan": "New Plan"}
    text = "[[My Plan]] [x](/MY%20plan) ![](/my%20plan/A.png)"
    assert rewritten(text, "home", moved, LOWER_CASE) == (
        "[[New Plan]] [x](/New%20Plan) ![](/New%20Plan/A.png)"
    )


def test_a_target_written_in_another_case_is_found() -> None:
    pages = {"notes/Todo": "Done"}
    found = rewrite_links(
        "[[Notes/todo]]",
        "x",
        pages,
        KEEP_CASE,
        find=lambda path: next((page for page in pages if page.lower() == path.lower()), None),
    )
    assert found.text == "[[Done]]"


def test_what_a_wiki_link_cannot_say_is_left_and_told() -> None:
    found = rewrite_links("[[a]] [x](/a)", "b", {"a": "c#"}, KEEP_CASE)
    assert found.text == "[[a]] [x](/c%23)"
    assert [link.target for link in found.left] == ["a"]


@pytest.mark.parametrize("name", ["[x]|y", "100%", "a]]b", "ä & b", "x?y=z", "'q'", '"q"', "<b>"])
def test_names_with_marks_of_every_kind(name: str) -> None:
    text = (
        '[[a]] [[T|a]] [x](/a) <a href="/a">x</a> [y][k]\n\n| h |\n|---|\n| [[T|a]] |\n\n[k]: /a\n'
    )
    found = find_links(rewritten(text, "b", {"a": name}), "b", KEEP_CASE)
    assert [link.target for link in found] == [name] * 6


def skeleton(text: str) -> list[str]:
    """A page's text between the addresses of its links."""
    parts = []
    position = 0
    for start, end in sorted({(link.start, link.end) for link in links(text)}):
        parts.append(text[position:start])
        position = end
    return [*parts, text[position:]]


PAGE = "Notes/Some Page"


def links(text: str, page: str = PAGE) -> list[Link]:
    return find_links(text, page, KEEP_CASE)


NAMES = st.sampled_from(
    ("New", "other/Ne w", "Notes/x", "Notes/Some Page/sub", "é/日本 (1)", "a'b", "50% [x]", "W1/W3")
)


@same_examples
@given(documents() | paragraphs() | page_texts(), NAMES, st.booleans())
def test_only_addresses_change(text: str, name: str, page_moves: bool) -> None:
    """Whatever is renamed: the text around addresses stays, and each leads where it should."""
    before = links(text)
    targets = sorted({link.target for link in before if link.kind == "page"})
    moved = {target: f"{name} {number}" for number, target in enumerate(targets[:3])}
    if page_moves:
        moved[PAGE] = name
    new_page = moved.get(PAGE, PAGE)
    found = rewrite_links(text, PAGE, moved, KEEP_CASE)
    after = links(found.text, new_page)
    if found.left:
        return
    assert [link.syntax for link in after] == [link.syntax for link in before]
    for old, new in zip(before, after, strict=True):
        assert new.anchor == old.anchor
        folder, _, file = old.target.rpartition("/")
        if old.kind == "external":
            assert new.url == old.url
        elif old.target in moved:
            assert new.target == moved[old.target]
        elif old.kind == "attachment" and folder in moved:
            assert new.target == f"{moved[folder]}/{file}"
        else:
            assert new.target == old.target
    parts = []
    position = 0
    for start, end in sorted({(link.start, link.end) for link in after}):
        parts.append(found.text[position:start])
        position = end
    assert [*parts, found.text[position:]] == skeleton(text)


@same_examples
@given(documents() | page_texts())
def test_nothing_moves_nothing_changes(text: str) -> None:
    assert rewrite_links(text, PAGE, {"no such page": "x"}, KEEP_CASE).text == text
