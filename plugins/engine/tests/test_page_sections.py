"""Sections: found by what people call them, and edited so that nothing else changes, ever."""

# ruff: noqa: F811 - fixtures are imported, and named again where they are used
from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from page_services import (  # noqa: F401  fixtures
    BY_ALICE,
    BY_BOB,
    bare_service,
    other_service,
    put,
    raw,
)
from page_texts import page_texts, same_examples
from served_wikis import otterwiki_app  # noqa: F401

from otterwiki_engine.pages import blocks
from otterwiki_engine.pages.errors import (
    BadValue,
    BaseRequired,
    NoOutline,
    PageNotFound,
    SectionAmbiguous,
    SectionChanged,
    SectionNotFound,
    StaleBase,
)
from otterwiki_engine.pages.markdown_text import split_lines
from otterwiki_engine.pages.section_edits import SectionEdits
from otterwiki_engine.pages.sections import find_number, section_infos, text_of
from otterwiki_engine.pages.service import PageService
from otterwiki_engine.pages.structure import Structure, parse_structure

EDITOR = SectionEdits()
PAGE = """---
title: '# no heading'
---
intro

# Plan

plan

## Tasks

- one

### Later

later

## Notes

notes

# Log

Tasks
-----

logged
"""


def sections_of(text: str) -> list[str]:
    return [" > ".join(section.path) for section in parse_structure(text).sections]


# ---------------------------------------------------------------------- finding


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("Plan", "Plan"),
        ("plan", "Plan"),
        ("  PLAN ", "Plan"),
        ("# Plan", "Plan"),
        ("### Later", "Plan > Tasks > Later"),
        ("Plan > Tasks", "Plan > Tasks"),
        ("log>tasks", "Log > Tasks"),
        ("Tasks > Later", "Plan > Tasks > Later"),
        ("#2", "Plan > Tasks"),
        ("#6", "Log > Tasks"),
        ("line 10", "Plan > Tasks"),
        ("Line 22", "Log"),
        ("tasks-1", "Log > Tasks"),
        ("#later", "Plan > Tasks > Later"),
    ],
)
def test_a_section_is_found_by_what_it_is_called(wanted: str, path: str) -> None:
    structure = parse_structure(PAGE)
    number = find_number("Page", structure, wanted)
    assert " > ".join(structure.sections[number - 1].path) == path


def test_a_title_wins_over_a_place() -> None:
    structure = parse_structure("# One\n\n# #1\n\n# line 1\n\n# a > b\n\n# one\n")
    assert find_number("Page", structure, "#1") == 2
    assert find_number("Page", structure, "line 1") == 3
    assert find_number("Page", structure, "a > b") == 4
    with pytest.raises(SectionAmbiguous):
        find_number("Page", structure, "One")


def test_an_ambiguous_section_is_told_with_its_candidates() -> None:
    structure = parse_structure(PAGE)
    with pytest.raises(SectionAmbiguous) as refusal:
        find_number("Page", structure, "Tasks")
    found = refusal.value.candidates
    assert [(one.number, one.path, one.line) for one in found] == [
        (2, ("Plan", "Tasks"), 10),
        (6, ("Log", "Tasks"), 24),
    ]
    assert "#2" in str(refusal.value) and "Log > Tasks" in str(refusal.value)
    for one in found:
        assert find_number("Page", structure, f"#{one.number}") == one.number
        assert find_number("Page", structure, " > ".join(one.path)) == one.number


def test_a_missing_section_is_told_with_those_there_are() -> None:
    with pytest.raises(SectionNotFound) as refusal:
        find_number("Page", parse_structure(PAGE), "Nope")
    assert [one.title for one in refusal.value.sections] == [
        "Plan", "Tasks", "Later", "Notes", "Log", "Tasks",
    ]  # fmt: skip
    for wanted in ("", "#0", "#7", "line 0", "line 11", "> Plan", "Plan > Later"):
        with pytest.raises(SectionNotFound):
            find_number("Page", parse_structure(PAGE), wanted)


def test_a_path_may_be_a_whole_one_or_the_end_of_one() -> None:
    structure = parse_structure("# A\n## B\n# C\n## A\n### B\n")
    assert find_number("Page", structure, "C > A > B") == 5
    assert find_number("Page", structure, "A > B") == 2


def test_lines_and_sizes_add_up() -> None:
    infos = section_infos(parse_structure(PAGE))
    lines = PAGE.splitlines(keepends=True)
    for info in infos:
        part = "".join(lines[info.line - 1 : info.line - 1 + info.line_count])
        assert len(part) == info.size_characters and info.title in part


# ---------------------------------------------------------------------- exact edits


@pytest.mark.parametrize(
    ("before", "section", "new", "after"),
    [
        ("# A\n\na\n\n# B\n\nb\n", "A", "# A\n\nnew\n", "# A\n\nnew\n\n# B\n\nb\n"),
        ("# A\n\na\n\n# B\n\nb\n", "A", "new", "# A\n\nnew\n\n# B\n\nb\n"),
        ("# A\n\na\n\n# B\n\nb\n", "B", "new", "# A\n\na\n\n# B\n\nnew\n"),
        ("# A\na\n# B\nb", "B", "new", "# A\na\n# B\nnew"),
        ("# A\na\n# B\nb", "A", "new", "# A\nnew\n# B\nb"),
        ("# A\r\na\r\n# B\r\nb", "A", "x\ny\n", "# A\r\nx\r\ny\r\n# B\r\nb"),
        ("# A\ra\r# B\rb", "A", "x\ny", "# A\rx\ry\r# B\rb"),
        ("# A\n\na\n\nB\n===\n\nb\n", "A", "new", "# A\n\nnew\n\nB\n===\n\nb\n"),
        ("# A\na\n# B\n", "A", "- item", "# A\n- item\n\n# B\n"),  # lists go on without it
        ("# A\na\nb\n***\nB\n===\n", "A", "new", "# A\nnew\n\nB\n===\n"),  # else "new" joins it
        ("# A\n## A1\na1\n# B\n", "A", "## A2\na2\n", "# A\n## A2\na2\n# B\n"),
        ("# A\n## A1\na1\n## A3\n", "A1", "# Up\n", "# A\n# Up\n## A3\n"),
        ("# A\n\na\n\n# B\n", "A", "", "# A\n\n# B\n"),
        ("# A", "A", "new", "# A\nnew"),
        ("# A #\n\na\n", "A", "new", "# A #\n\nnew\n"),
        ("Two\nlines\n===\na\n", "Two lines", "new", "Two\nlines\n===\nnew\n"),
        ("####### no\n# A\na\n", "A", "####### no\n", "####### no\n# A\n####### no\n"),
        ("# A\n```\n# no\n```\n# B\n", "A", "x", "# A\nx\n# B\n"),
        ("# Ä\n\n日本\n", "ä", "ö", "# Ä\n\nö\n"),
        ("# A\n\na\n\n\n\n# B\n", "A", "new\n\n", "# A\n\nnew\n\n# B\n"),
    ],
)
def test_replace(before: str, section: str, new: str, after: str) -> None:
    assert EDITOR.replace_section("Page", before, section, new, None)[0] == after


@pytest.mark.parametrize(
    ("before", "new", "keep", "after"),
    [
        ("# A\n\na\n\n# B\n", "", False, "# B\n"),
        ("x\n# A\n\na\n\nB\n==\n", "", False, "x\n\nB\n==\n"),
        ("# A\n\na\n\n# B\n", "plain\n", False, "plain\n\n# B\n"),
        ("# A\n\na\n\n# B\n", "# A\n", True, "# A\n\n# A\n\n# B\n"),
        ("# A\n\na\n\n# B\n", "# New\n", False, "# New\n\n# B\n"),
    ],
)
def test_the_heading_is_kept_or_replaced(before: str, new: str, keep: bool, after: str) -> None:
    assert EDITOR.replace_section("Page", before, "A", new, keep)[0] == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# A\n\na\n\n# B\n", "# A\n\na\nnew\n\n# B\n"),
        ("# A\n\n# B\n", "# A\nnew\n\n# B\n"),
        ("# A\nB\n==\n", "# A\nnew\n\nB\n==\n"),
        ("# A\na", "# A\na\nnew"),
        ("# A\na\n\n\n", "# A\na\nnew\n\n\n"),
        ("# A\na\n## C\nc\n", "# A\na\n## C\nc\nnew\n"),
    ],
)
def test_append_to_a_section(before: str, after: str) -> None:
    assert EDITOR.append_to_section("Page", before, "A", "new")[0] == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x\n# A\na\n# B\n", "x\n\nnew\n\n# A\na\n# B\n"),
        ("x\n\n# A\na\n", "x\n\nnew\n\n# A\na\n"),
        ("# A\na\n", "new\n\n# A\na\n"),
        ("A\n=\n", "new\n\nA\n=\n"),
        ("---\nt: x\n---\n# A\n", "---\nt: x\n---\n\nnew\n\n# A\n"),
        ("x\r\n# A\r\n", "x\r\n\r\nnew\r\n\r\n# A\r\n"),
    ],
)
def test_insert_before(before: str, after: str) -> None:
    assert EDITOR.insert_before("Page", before, "A", "new")[0] == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# A\na\n# B\n", "# A\na\n\nnew\n\n# B\n"),
        ("# A\na\n\n# B\n", "# A\na\n\nnew\n\n# B\n"),
        ("# A\na\n## C\nc\n# B\n", "# A\na\n## C\nc\n\nnew\n\n# B\n"),
        ("# A\na\n", "# A\na\n\nnew\n"),
        ("# A\na", "# A\na\n\nnew"),
        ("# A", "# A\n\nnew"),
    ],
)
def test_insert_after(before: str, after: str) -> None:
    assert EDITOR.insert_after("Page", before, "A", "new")[0] == after


@pytest.mark.parametrize("text", ["```", "~~~", "<!--", "<script>", "# x\n\n```\nopen"])
def test_a_text_that_would_swallow_the_next_section_is_refused(text: str) -> None:
    for edit in (EDITOR.insert_before, EDITOR.insert_after):
        with pytest.raises(BadValue, match="does not close"):
            edit("Page", "# A\na\n# B\nb\n# C\n", "B", text)
    with pytest.raises(BadValue, match="does not close"):
        EDITOR.replace_section("Page", "# A\na\n# B\nb\n# C\n", "B", text, None)
    with pytest.raises(BadValue, match="does not close"):
        EDITOR.append_to_section("Page", "# A\na\n# B\nb\n# C\n", "B", text)
    last, _ = EDITOR.replace_section("Page", "# A\na\n# B\nb\n", "B", text, False)
    assert last.startswith("# A\na\n")  # nothing follows, so nothing is swallowed


def test_a_page_that_can_not_be_read_as_markdown_has_no_sections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocks, "MAX_CHARACTERS", 1000)
    text = "# A\n" + "x\n" * 500
    assert parse_structure(text).problem
    with pytest.raises(NoOutline):
        EDITOR.replace_section("Page", text, "A", "new", None)
    assert EDITOR.append_to_page(text, "end") == text + "end\n"


# ---------------------------------------------------------------------- properties

Edit = Callable[[str, str, str, str], tuple[str, object]]
EDITS: dict[str, Edit] = {
    "replace": lambda page, text, section, new: EDITOR.replace_section(
        page, text, section, new, None
    ),
    "replace with its heading": lambda page, text, section, new: EDITOR.replace_section(
        page, text, section, new, False
    ),
    "replace below its heading": lambda page, text, section, new: EDITOR.replace_section(
        page, text, section, new, True
    ),
    "append": EDITOR.append_to_section,
    "before": EDITOR.insert_before,
    "after": EDITOR.insert_after,
}


def _kept(structure: Structure, number: int, kind: str) -> tuple[str, str]:
    """What has to stand, byte for byte, at the beginning and at the end after an edit."""
    section = structure.sections[number - 1]
    start, end = section.start_line, section.end_line
    if kind == "replace below its heading":
        start = section.heading.body_line
    elif kind == "before":
        end = start
    elif kind == "after":
        start = end
    elif kind == "append":
        while end > section.heading.body_line and not structure.lines[end - 1].strip(" \t\r\n"):
            end -= 1
        start = end
    return "".join(structure.lines[:start]), "".join(structure.lines[end:])


def _titles(structure: Structure) -> list[tuple[int, str]]:
    return [(section.heading.level, section.heading.text) for section in structure.sections]


@same_examples
@given(page_texts(), page_texts(most_pieces=3), st.data())
@example("# A\nx\n# B\n", "```", None)
@example("A\n=\n", "text", None)
@example("a\r# B\r\n\n", "x\ny", None)
def test_nothing_outside_a_section_changes_ever(
    text: str, new: str, data: st.DataObject | None
) -> None:
    structure = parse_structure(text)
    assert "".join(structure.lines) == text
    assume(structure.sections)
    count = len(structure.sections)
    numbers = [data.draw(st.integers(1, count))] if data else range(1, count + 1)
    for kind, edit in EDITS.items():
        for number in numbers:
            try:
                result, _ = edit("Page", text, f"#{number}", new)
            except BadValue:
                continue  # it said no; that it may when must be is tested above
            except (SectionAmbiguous, SectionNotFound):
                continue  # a section is called "#1"
            head, tail = _kept(structure, number, kind)
            assert result.startswith(head) and result.endswith(tail)
            assert len(result) >= len(head) + len(tail)
            after = parse_structure(result)
            before_it, behind_it = parse_structure(head), structure
            first = sum(s.start_line < len(before_it.lines) for s in structure.sections)
            last = (
                sum(
                    s.start_line >= len(structure.lines) - len(split_lines(tail))
                    for s in behind_it.sections
                )
                if tail
                else 0
            )
            titles = _titles(after)
            assert titles[:first] == _titles(structure)[:first]
            assert titles[len(titles) - last :] == _titles(structure)[count - last :]
            if head:
                assert after.front_matter_end == structure.front_matter_end


@same_examples
@given(page_texts())
def test_a_section_replaced_by_itself_changes_nothing(text: str) -> None:
    structure = parse_structure(text)
    for number, section in enumerate(structure.sections, 1):
        content = text_of(structure, section)
        for keep in (False, None):
            result, _ = EDITOR.replace_section("Page", text, f"#{number}", content, keep)
            assert result == text


@same_examples
@given(page_texts(), page_texts(most_pieces=3, front_matter=False))
def test_what_is_appended_leaves_all_before_it(text: str, new: str) -> None:
    try:
        result = EDITOR.append_to_page(text, new)
    except BadValue:
        return
    assert result.startswith(text)
    structure, after = parse_structure(text), parse_structure(result)
    assert _titles(after)[: len(structure.sections)] == _titles(structure)
    style = re.findall("\r\n|\r|\n", text)
    if len(set(style)) == 1:
        assert set(re.findall("\r\n|\r|\n", result)) == set(style)


@same_examples
@given(page_texts(), page_texts(most_pieces=3))
def test_what_is_prepended_leaves_front_matter_and_all_after_it(text: str, new: str) -> None:
    try:
        result = EDITOR.prepend(text, new)
    except BadValue:
        return
    structure, after = parse_structure(text), parse_structure(result)
    front = "".join(structure.lines[: structure.front_matter_end])
    assert result.startswith(front) and result.endswith(text[len(front) :])
    count = len(structure.sections)
    assert _titles(after)[len(after.sections) - count :] == _titles(structure)
    if front:
        assert after.front_matter_end == structure.front_matter_end


@settings(same_examples, max_examples=300)
@given(page_texts(most_pieces=6), page_texts(most_pieces=3, front_matter=False), st.integers(0, 9))
def test_otterwiki_shows_all_other_headings_as_before(
    otterwiki_app: object, text: str, new: str, number: int
) -> None:
    """The judge is Otterwiki's renderer itself, not the parser that the edit used."""
    from otterwiki.server import app_renderer

    def shown(part: str) -> list[tuple[str, int]]:
        _, toc, _ = app_renderer.markdown(part)
        return [(entry[1], entry[2]) for entry in toc]

    text, new = (part.replace("\r\n", "\n").replace("\r", "\n") for part in (text, new))
    assume("[^" not in new)  # to the renderer, notes hold indented headings that follow them
    structure = parse_structure(text)
    whole = shown(text)
    if [level for _, level in whole] != [one.heading.level for one in structure.sections]:
        return  # the two read the page itself differently: there are headings in lists and boxes
    if not structure.sections:
        return
    number = number % len(structure.sections) + 1
    try:
        result, _ = EDITOR.replace_section("Page", text, f"#{number}", new, None)
    except (BadValue, SectionAmbiguous, SectionNotFound):
        return
    head, tail = _kept(structure, number, "replace with its heading")
    first = len(shown(head + "\n\n# x")) - 1
    last = len(shown(tail)) if tail else 0
    after = shown(result)
    assert after[:first] == whole[:first]
    if last:
        assert after[-last:] == whole[-last:]


# ---------------------------------------------------------------------- through the service


@pytest.mark.usefixtures("other_service")
def test_a_section_is_read_and_replaced(bare_service: PageService) -> None:
    pages = bare_service
    made = pages.write("Page", PAGE, by=BY_ALICE)
    read = pages.read_section("page", "Plan > Tasks")
    assert read.content == "## Tasks\n\n- one\n\n### Later\n\nlater\n\n"
    assert read.revision == made.revision and read.section.line == 10
    done = pages.replace_section(
        "Page", "Plan > Tasks", "## Tasks\n\n- two\n", base=read.revision, by=BY_BOB
    )
    assert raw(pages, "Page.md").decode() == PAGE.replace(read.content, "## Tasks\n\n- two\n\n")
    assert "-- one\n" in done.diff and "+- two\n" in done.diff and not done.merged
    assert pages.read_section("Page", "#2", made.revision).content == read.content


@pytest.mark.usefixtures("other_service")
def test_replacing_a_section_needs_its_base(bare_service: PageService) -> None:
    pages = bare_service
    first = pages.write("Page", PAGE, by=BY_ALICE)
    with pytest.raises(BaseRequired) as refusal:
        pages.replace_section("Page", "Plan", "x", base=None, by=BY_BOB)
    assert refusal.value.current_revision == first.revision
    second = pages.edit("Page", "later\n", "sooner\n", by=BY_BOB)
    with pytest.raises(StaleBase) as stale:
        pages.replace_section("Page", "Notes", "x", base=first.revision, by=BY_ALICE)
    assert stale.value.current_revision == second.revision and "+sooner" in stale.value.diff
    with pytest.raises(PageNotFound):
        pages.replace_section("Missing", "Notes", "x", base=first.revision, by=BY_ALICE)


@pytest.mark.usefixtures("other_service")
def test_an_edit_is_merged_where_its_section_did_not_change(
    bare_service: PageService,
) -> None:
    pages = bare_service
    first = pages.write("Page", PAGE, by=BY_ALICE)
    # Two sections move below, and one of the same title comes before it.
    theirs = PAGE.replace("# Plan\n", "# Before\n\n## Notes\n\nother\n\n# Plan\n")
    pages.write("Page", theirs, base=first.revision, by=BY_BOB)
    merged = pages.replace_section(
        "Page", "#4", "new notes", base=first.revision, merge=True, by=BY_ALICE
    )
    assert merged.merged
    assert raw(pages, "Page.md").decode() == theirs.replace("\nnotes\n", "\nnew notes\n")
    pages.insert_after("Page", "Log", "x", base=first.revision, merge=True, by=BY_ALICE)
    for section in ("Notes", "Plan"):
        with pytest.raises(SectionChanged) as refusal:
            pages.replace_section(
                "Page", section, "x", base=first.revision, merge=True, by=BY_ALICE
            )
        assert "+# Before" in refusal.value.diff


@pytest.mark.usefixtures("other_service")
def test_inserting_needs_no_base(bare_service: PageService) -> None:
    pages = bare_service
    first = pages.write("Page", PAGE, by=BY_ALICE)
    pages.insert_before("Page", "Log", "between", by=BY_BOB)
    pages.insert_after("Page", "Log", "last", by=BY_BOB)
    text = raw(pages, "Page.md").decode()
    assert text == PAGE.replace("# Log\n", "between\n\n# Log\n") + "\nlast\n"
    with pytest.raises(StaleBase):
        pages.insert_before("Page", "Log", "x", base=first.revision, by=BY_BOB)
    for insert in (pages.insert_before, pages.insert_after):
        with pytest.raises(SectionNotFound):
            insert("Page", "Nope", "x", by=BY_BOB)


@pytest.mark.usefixtures("other_service")
def test_an_outline_has_no_text(bare_service: PageService) -> None:
    made = bare_service.write("Page", PAGE, by=BY_ALICE)
    outline = bare_service.outline("Page")
    assert [one.path[-1] for one in outline.sections] == [
        "Plan", "Tasks", "Later", "Notes", "Log", "Tasks",
    ]  # fmt: skip
    assert outline.revision == made.revision and outline.title == "Plan"
    assert outline.line_count == PAGE.count("\n") and outline.size_bytes == len(PAGE)
    assert outline.front_matter == {"title": "# no heading"}


@pytest.mark.usefixtures("other_service")
def test_lines_are_read_in_parts(bare_service: PageService) -> None:
    put(bare_service, {"Page.md": "1\r\n2\n3\r4\u20284\n5"})
    parts = []
    line: int | None = 1
    while line is not None:
        part = bare_service.read_lines("Page", line, 2)
        assert part.total_lines == 5
        parts.append(part.content)
        line = part.next_line
    assert parts == ["1\r\n2\n", "3\r4\u20284\n", "5"]
    beyond = bare_service.read_lines("Page", 9)
    assert (beyond.content, beyond.line_count, beyond.next_line) == ("", 0, None)
    for start, count in ((0, 1), (-1, 1), (1, 0), (1, 10**6)):
        with pytest.raises(BadValue):
            bare_service.read_lines("Page", start, count)
