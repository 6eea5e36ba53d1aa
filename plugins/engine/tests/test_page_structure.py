"""The outline of a page: which lines are headings, and what lies under them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_texts import page_texts, same_examples

from otterwiki_engine.pages.blocks import MAX_LINES
from otterwiki_engine.pages.markdown_text import split_lines
from otterwiki_engine.pages.structure import Structure, parse_structure


def outline(text: str) -> list[tuple[int, str, int, int]]:
    """(level, text, first line, line after the section) of each section."""
    return [
        (found.heading.level, found.heading.text, found.start_line, found.end_line)
        for found in parse_structure(text).sections
    ]


def test_sections_end_at_the_next_heading_of_their_level_or_above() -> None:
    text = "# A\n\n## B\nx\n### C\ny\n## D\n# E\nz\n"
    assert outline(text) == [
        (1, "A", 0, 7),
        (2, "B", 2, 6),
        (3, "C", 4, 6),
        (2, "D", 6, 7),
        (1, "E", 7, 9),
    ]
    paths = [section.path for section in parse_structure(text).sections]
    assert paths == [("A",), ("A", "B"), ("A", "B", "C"), ("A", "D"), ("E",)]


def test_levels_may_be_skipped_and_come_back() -> None:
    paths = [section.path for section in parse_structure("### C\n# A\n#### D\n## B\n").sections]
    assert paths == [("C",), ("A",), ("A", "D"), ("A", "B")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title\n===\n\ntext", [(1, "Title", 0, 4)]),
        ("Two\nlines\n---\nx\n", [(2, "Two lines", 0, 4)]),
        ("# Closed ##\n", [(1, "Closed", 0, 1)]),
        ("   # Indented\n", [(1, "Indented", 0, 1)]),
        ("#\n", [(1, "", 0, 1)]),
        ("# *em* **strong** `code` [link](x) [[Title|Page]] ![alt](y) \\# &amp;\n", None),
    ],
)
def test_headings_of_all_kinds(text: str, expected: list[tuple[int, str, int, int]] | None) -> None:
    if expected is None:
        expected = [(1, "em strong code link Title # &", 0, 1)]
    assert outline(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "#No blank\n",
        "####### seven\n",
        "\\# escaped\n",
        "    # code\n",
        "```\n# in a fence\n```\n",
        "~~~\n# in a fence\n~~~\n",
        "```\n# never closed\n",
        "<!--\n# in a comment\n-->\n",
        "<div>\n# in HTML\n</div>\n",
        "$$\n# in a formula\n$$\n",
        "- # in a list\n",
        "> # in a quote\n",
        "::: info\nx\n# in a box\n:::\n",
        ">| # in a fold\n>| x\n",
        "text\n\n---\n\ntext\n",
        "- item\n---\n",
        "| a |\n|---|\n",
        "---\ntitle: x\n# a comment\n---\n",
        "text\n    # code after text\n",
    ],
)
def test_what_is_no_heading_of_the_page(text: str) -> None:
    assert outline(text) == []


def test_a_heading_with_a_line_below_has_two_lines_or_more() -> None:
    first, second = parse_structure("A\nB\n===\n## C\n").sections
    assert (first.heading.line, first.heading.body_line) == (0, 3)
    assert (second.heading.line, second.heading.body_line) == (3, 4)


def test_anchors_are_numbered_over_all_headings_of_the_page() -> None:
    text = "# A b!\n- # A b\n\n# A b\n## Über_uns 日本\n"
    anchors = [section.heading.anchor for section in parse_structure(text).sections]
    assert anchors == ["a-b", "a-b-2", "uber_uns"]


def test_line_ends_are_kept_and_counted_alike() -> None:
    for end in ("\n", "\r\n", "\r"):
        text = end.join(["---", "a: 1", "---", "# A", "", "x", "## B"])
        found = parse_structure(text)
        assert found.front_matter_end == 3
        assert [section.start_line for section in found.sections] == [3, 6]
        assert "".join(found.lines) == text
    assert split_lines("a\x0b\x0c\x85\u2028b") == ("a\x0b\x0c\x85\u2028b",)


def test_the_title_is_the_first_heading() -> None:
    assert parse_structure("x\n\n### A\n# B\n").title == "A"
    assert parse_structure("x\n").title is None


def test_wiki_links_in_headings_show_the_side_that_is_the_title() -> None:
    text = "# [[one|two]]\n"
    assert parse_structure(text).title == "one"
    assert parse_structure(text, wikilink_link_first=True).title == "two"


def test_a_page_with_too_many_lines_has_no_outline_and_says_why() -> None:
    found = parse_structure("# A\n" + "\n" * MAX_LINES)
    assert found.sections == ()
    assert found.problem == "the page is too long to be read as Markdown"
    assert len(found.lines) == MAX_LINES + 1


def check_is_whole(text: str, found: Structure) -> None:
    """What holds of every outline."""
    assert "".join(found.lines) == text
    assert found.front_matter_end <= len(found.lines)
    last = -1
    for section in found.sections:
        assert last < section.start_line < section.end_line <= len(found.lines)
        assert section.start_line >= found.front_matter_end - 1
        assert section.start_line == section.heading.line < section.heading.body_line
        assert section.heading.body_line <= section.end_line
        assert section.path[-1] == section.heading.text
        last = section.start_line


@same_examples
@given(page_texts())
def test_every_line_is_in_its_place(text: str) -> None:
    check_is_whole(text, parse_structure(text))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="#=-*_[]()`<>!|$:~{}\\&\"' \t\r\n\x00\x0b\u2028aé日", max_size=80))
def test_any_text_has_an_outline(text: str) -> None:
    check_is_whole(text, parse_structure(text))
