"""Looking for letters in pages: bounded, escaped, and what Otterwiki would have found."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otterwiki_engine.search_scan import BadExpression, Scan, pattern_of, scan


def pages(texts: dict[str, str | None]) -> Iterable[tuple[str, object]]:
    return [(name, lambda text=text: text) for name, text in texts.items()]


def find(text: str, texts: dict[str, str | None], **options: bool) -> Scan:
    pattern = pattern_of(
        text,
        is_expression=options.get("is_expression", False),
        match_case=options.get("match_case", False),
    )
    return scan(pages(texts), pattern)  # type: ignore[arg-type]


def test_names_come_first_and_then_more_matches() -> None:
    found = find("owl", {"a": "owl", "b": "owl owl\nowl", "x/Owls": "no", "owl/c": "", "d": None})
    assert [(page.name, page.in_name, page.count) for page in found.pages] == [
        ("x/Owls", True, 0),
        ("b", False, 3),
        ("a", False, 1),
    ]
    assert found.is_whole
    assert found.total == 3


def test_lines_are_shown_around_the_first_match_with_all_matches_marked() -> None:
    found = find("b", {"p": "a<b>b\n" + "x" * 500 + "b" + "y" * 500 + "\n1b\n2b\n3b"})
    assert [str(line) for line in found.pages[0].lines] == [
        'a&lt;<span class="text-match">b</span>&gt;<span class="text-match">b</span>',
        "… " + "x" * 60 + '<span class="text-match">b</span>' + "y" * 179 + " …",
        '1<span class="text-match">b</span>',
    ]
    assert found.pages[0].count == 6


def test_case_counts_where_it_is_asked_for_but_not_in_names() -> None:
    texts = {"Owl": "owl", "a": "Owl"}
    found = find("Owl", texts, match_case=True)
    assert [(page.name, page.in_name, page.count) for page in found.pages] == [
        ("Owl", True, 0),
        ("a", False, 1),
    ]


@pytest.mark.parametrize("text", ["(", "a{2,1}", "[", "(?P<x>", "\\", "*"])
def test_what_is_no_expression_is_told(text: str) -> None:
    with pytest.raises(BadExpression):
        pattern_of(text, is_expression=True, match_case=False)
    assert find(text, {"a": f"x{text}y"}).total == 1


def test_g6_the_time_is_that_of_the_whole_search() -> None:
    ticks = iter(range(10_000))
    texts: dict[str, str | None] = {f"p{number}": "needle\n" for number in range(100)}
    pattern = pattern_of("needle", is_expression=False, match_case=False)
    found = scan(pages(texts), pattern, seconds=50, clock=lambda: next(ticks))  # type: ignore[arg-type]
    assert not found.is_whole
    assert 0 < found.total < 100


def test_g6_a_single_line_can_not_take_longer_than_all() -> None:
    pattern = pattern_of("(x+x+)+y", is_expression=True, match_case=False)
    found = scan(pages({"a": "x" * 5000}), pattern, seconds=0.05)  # type: ignore[arg-type]
    assert not found.is_whole


def test_what_matches_nothing_in_particular_is_no_endless_answer() -> None:
    found = find("x*", {f"p{number}": "abc\n" * 50 for number in range(300)}, is_expression=True)
    assert len(found.pages) == 200
    assert found.total == 300
    assert not found.is_whole


@given(st.text(min_size=1, max_size=5), st.lists(st.text(max_size=20), max_size=6))
def test_it_finds_what_is_there(text: str, lines: list[str]) -> None:
    page = "\n".join(lines)
    found = find(text, {"name": page}, match_case=True)
    wanted = sum(line.count(text) for line in page.splitlines())
    assert sum(page.count for page in found.pages) == wanted
