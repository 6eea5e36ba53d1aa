"""Front matter: read without trusting it, never refused with an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_texts import page_texts, same_examples

from otterwiki_engine.pages.front_matter import (
    MAX_CHARACTERS,
    MAX_TAG_CHARACTERS,
    category_of,
    parse_front_matter,
    tags_of,
    title_of,
)


def values(*lines: str) -> dict[str, Any]:
    found = parse_front_matter("\n".join(["---", *lines, "---", "text", ""]))
    assert found.problem is None
    return dict(found.values)


def problem(*lines: str) -> str:
    found = parse_front_matter("\n".join(["---", *lines, "---", "text", ""]))
    assert found.values == {}
    assert found.problem
    assert found.end_line == len(lines) + 2
    return found.problem


def test_values_are_what_json_can_carry() -> None:
    assert values(
        "title: Über uns",
        "draft: true",
        "count: 3",
        "share: 1.5",
        "nothing:",
        "date: 2026-11-23",
        "time: 2026-11-23T10:00:00Z",
        "list: [a, 1]",
        "nested: {a: {b: c}}",
        "1: one",
        "big: 123456789012345678901234567890",
        "odd: .nan",
    ) == {
        "title": "Über uns",
        "draft": True,
        "count": 3,
        "share": 1.5,
        "nothing": None,
        "date": "2026-11-23",
        "time": "2026-11-23T10:00:00+00:00",
        "list": ["a", 1],
        "nested": {"a": {"b": "c"}},
        "1": "one",
        "big": "123456789012345678901234567890",
        "odd": "nan",
    }


@pytest.mark.parametrize(
    ("text", "end_line"),
    [
        ("---\na: 1\n---\ntext", 3),
        ("---\r\na: 1\r\n---\r\n", 3),
        ("---\n\n---\n", 3),
        ("---\na: 1\n---text", 3),
        ("---\n---\na: 1\n---\n", 4),
        ("text\n---\na: 1\n---\n", 0),
        ("\n---\na: 1\n---\n", 0),
        ("---\na: 1\n", 0),
        ("---\n---\n", 0),
        ("--- \na: 1\n---\n", 0),
        ("----\na: 1\n---\n", 0),
        ("", 0),
    ],
)
def test_where_front_matter_ends(text: str, end_line: int) -> None:
    assert parse_front_matter(text).end_line == end_line


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("a: [",), "not YAML"),
        (("just text",), "not a list of names and values"),
        (("- a", "- b"), "not a list of names and values"),
        (("a: &x 1", "b: *x"), "alias"),
        (("a: !!python/object/apply:os.system ['true']",), "not YAML"),
        (("a: !!binary aGk=",), "binary"),
        (("a: !!timestamp x",), "not YAML"),
        (("a: 2026-99-99",), "not YAML"),
        (('a: "\\ud800"',), "does not exist"),
        (("a: " + "[" * 25 + "]" * 25,), "nested"),
        (("? {a: b}", ": c"), "not YAML"),
        (("a: " + "x" * MAX_CHARACTERS,), "longer than"),
    ],
)
def test_what_is_not_read_says_why(lines: tuple[str, ...], said: str) -> None:
    assert said in problem(*lines)


def test_many_aliases_cost_nothing() -> None:
    """A "billion laughs" text is refused at the first alias."""
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    assert "alias" in problem(*lines)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"tags": ["a", "b", "a"]}, ("a", "b")),
        ({"tags": "a, #b ,c"}, ("a", "b", "c")),
        ({"tags": [1, 2.5, True, None, {"x": 1}]}, ("1", "2.5")),
        ({"tag": "one", "keywords": ["two"]}, ("one", "two")),
        ({"tags": {"a": 1}}, ()),
        ({}, ()),
    ],
)
def test_tags(found: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert tags_of(found) == expected


def test_category_and_title() -> None:
    assert category_of({"category": " Work "}) == "Work"
    assert category_of({"categories": ["a", "b"]}) == "a"
    assert category_of({"category": [], "x": 1}) is None
    assert category_of({"category": "x" * 3_000}) == "x" * MAX_TAG_CHARACTERS
    assert title_of({"title": " T "}) == "T"
    assert title_of({"title": 3}) is None


@same_examples
@given(page_texts() | st.text(alphabet="-:[]{}&*!?|>'\"#%@, \t\nab1", max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for candidate in (text, f"---\n{text}\n---\n"):
        found = parse_front_matter(candidate)
        json.dumps(dict(found.values), allow_nan=False)
        assert found.problem is None or not found.values
