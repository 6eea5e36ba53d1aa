"""Where the links of a page stand, and what they lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from link_texts import documents, paragraphs
from page_texts import page_texts, same_examples

from otterwiki_engine.pages.link_targets import Target, slugify, target_of, wiki_link_url
from otterwiki_engine.pages.links import Link, find_links
from otterwiki_engine.pages.settings import PageSettings

KEEP_CASE = PageSettings(retain_page_name_case=True)
LOWER_CASE = PageSettings()
PAGE = "notes/Todo"


def leads_to(text: str, page: str = PAGE, settings: PageSettings = KEEP_CASE) -> list[str]:
    """kind:target#anchor of each link."""
    return [
        f"{link.kind}:{link.target}" + (f"#{link.anchor}" if link.anchor else "")
        for link in find_links(text, page, settings)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[Plan]]", "page:Plan"),
        ("[[Title|Plan]]", "page:Plan"),
        ("[[/Plan]]", "page:Plan"),
        ("[[a/b c]]", "page:a/b c"),
        ("[[Plan#Next Steps]]", "page:Plan#next-steps"),
        ("[[#Here]]", "page:notes/Todo#here"),
        ("[[Plan.md]]", "page:Plan"),
        ("[[ Plan ]]", "page:Plan"),
        ("[[a//b/]]", "page:a/b"),
        ("[[50%25]]", "page:50%"),
        ("[x](/Plan)", "page:Plan"),
        ("[x](Plan)", "page:notes/Plan"),
        ("[x](./Plan)", "page:notes/Todo/Plan"),
        ("[x](../Plan)", "page:Plan"),
        ("[x](../../../Plan)", "page:Plan"),
        ("[x](/a%20b)", "page:a b"),
        ("[x](</a b>)", "page:a b"),
        ("[x](/Plan.md#x)", "page:Plan#x"),
        ("[x](/Plan?revision=1#x)", "page:Plan#x"),
        ("[x](#x)", "page:notes/Todo#x"),
        ("[x]()", "page:notes/Todo"),
        ("[x](/)", "page:Home"),
        ("[x](/Öl)", "page:Öl"),
        ("![x](./a.png)", "attachment:notes/Todo/a.png"),
        ("![x](/Plan/a.png)", "attachment:Plan/a.png"),
        ("[x](/Plan/a/a.png)", "attachment:Plan/a.png"),
        ("[x](/Plan/a/plain)", "attachment:Plan/plain"),
        ("[x](/Plan/t/a.png/120)", "attachment:Plan/a.png"),
        ("![x](/Plan/noext)", "attachment:Plan/noext"),
        ("[x](/-/changelog)", "external:/-/changelog"),
        ("[x](/Plan/history)", "external:/Plan/history"),
        ("[x](//host/Plan)", "external://host/Plan"),
        ("[x](https://host/Plan)", "external:https://host/Plan"),
        ("[x](mailto:a@b.c)", "external:mailto:a@b.c"),
        ("<a@b.c>", "external:mailto:a@b.c"),
        ("[x](javascript:alert)", "external:javascript:alert"),
        ("[x](http://[)", "external:http://%5B"),
        ('<a href="/Plan">x</a>', "page:Plan"),
        ('<img src="/Plan/a.png">', "attachment:Plan/a.png"),
        ("{{include|src=Plan}}", "page:notes/Plan"),
        ("{{include\n|src=/Plan\n|section=x\n}}", "page:Plan"),
        ("{{datatable\n|src=a.csv\n}}", "attachment:notes/Todo/a.csv"),
        ("{{ImageFrame\n|src=/Plan/a.png\n}}", "attachment:Plan/a.png"),
    ],
)
def test_what_a_link_leads_to(text: str, expected: str) -> None:
    assert leads_to(text) == [expected]


def test_file_names_in_lower_case() -> None:
    assert leads_to("[[My Plan]] ![](/My/Plan/File.PNG)", settings=LOWER_CASE) == [
        "page:my plan",
        "attachment:my/plan/File.PNG",
    ]


def test_wiki_links_with_the_page_first() -> None:
    settings = PageSettings(retain_page_name_case=True, wikilink_link_first=True)
    assert leads_to("[[Plan|Title]]", settings=settings) == ["page:Plan"]


def test_no_home_page_means_no_page_at_the_root() -> None:
    settings = PageSettings(home_page="")
    assert leads_to("[x](/)", settings=settings) == ["external:/"]


def test_a_reference_stands_where_it_is_defined() -> None:
    text = "[one][k] and [two][K]\n\n[k]: </a b> 'title'\n[unused]: /c\n"
    one, two = find_links(text, PAGE, KEEP_CASE)
    assert (one.text, two.text, one.target, two.target) == ("one", "two", "a b", "a b")
    assert one.start == two.start == text.index("/a b")
    assert text[one.start : one.end] == "/a b"
    assert one.line == 2


def test_notes_are_shown_all_or_none() -> None:
    notes = "[^a]: [x](/x)\n[^b]: [y](/y)\n"
    assert leads_to(f"text\n\n{notes}") == []
    assert leads_to(f"text [^a]\n\n{notes}") == ["page:x", "page:y"]
    assert leads_to("[^nowhere](/x)\n") == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/a/b", Target("page", "a/b", None)),
        ("http://[::1", Target("external", "http://[::1", None)),
        ("/%ff", Target("page", "\ufffd", None)),
        ("?x=1", Target("page", "notes/Todo", None)),
    ],
)
def test_addresses_of_all_kinds(url: str, expected: Target) -> None:
    assert target_of(url, PAGE, KEEP_CASE) == expected


def test_anchors_and_wiki_links_as_otterwiki_writes_them() -> None:
    assert slugify(" Über: A  &  B--C_d ") == "uber-a-b-c_d"
    assert wiki_link_url("a b#C d") == "/a%20b#c-d"
    assert wiki_link_url("#x y") == "#x-y"
    assert wiki_link_url("[") == "/%5B"


def test_lines_and_offsets_in_boxes_and_tables() -> None:
    text = "> - [[A]]\n>   x\n\n| h |\n|---|\n| x \\| [[T|B]] |\n\n::: info\n[c](/C)\n:::\n"
    found = [(link.target, link.line, text[link.start : link.end]) for link in links(text)]
    assert found == [("A", 0, "A"), ("B", 5, "B"), ("C", 8, "/C")]


def links(text: str) -> list[Link]:
    return find_links(text, PAGE, KEEP_CASE)


@same_examples
@given(documents() | paragraphs() | page_texts())
def test_every_link_stands_where_it_says(text: str) -> None:
    """The address is in the text, on its line; another page has the same links elsewhere."""
    starts = []
    for link in links(text):
        assert 0 <= link.start <= link.end <= len(text)
        before = text[: link.start].replace("\r\n", "\n").replace("\r", "\n")
        assert link.line == before.count("\n")
        starts.append(link.start)
    shifted = links(f"x\n\n{text}") if not text.startswith("---") else []
    if shifted:
        assert [link.start - 3 for link in shifted] == starts


@same_examples
@given(documents())
def test_addresses_can_be_cut_out(text: str) -> None:
    """What stands at a link's place is its address: replaced, the link leads elsewhere."""
    for link in links(text):
        if link.syntax in ("inline", "image", "reference") and link.kind != "external":
            changed = f"{text[: link.start]}/else/where{text[link.end :]}"
            assert "else/where" in {found.target for found in links(changed)}
