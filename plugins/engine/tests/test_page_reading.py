"""Reading pages, their history and what happened; deleting and bringing back."""

# ruff: noqa: F811 - fixtures are imported, and named again where they are used
from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from page_services import (  # noqa: F401  fixtures
    BY_ALICE,
    BY_BOB,
    bare_service,
    files,
    other_service,
    put,
    raw,
    service,
)

from otterwiki_engine.errors import BadRevision, NotFound
from otterwiki_engine.pages import differences
from otterwiki_engine.pages.changes import DeletePage, RestorePage
from otterwiki_engine.pages.cursors import make_cursor
from otterwiki_engine.pages.errors import (
    BadCursor,
    BadPageName,
    BadValue,
    PageExists,
    PageNotFound,
    StaleBase,
)
from otterwiki_engine.pages.service import PageService
from otterwiki_engine.pages.settings import PageSettings

pytestmark = pytest.mark.usefixtures("other_service")


# ---------------------------------------------------------------------- reading


def test_a_page_with_all_that_is_known_of_it(service: PageService) -> None:
    content = "---\ncategory: plans\ntags: [a, B]\n---\n# Todo *list*\n\n[[Home]] [[Gone]]\n"
    made = service.write("Notes/todo", content, by=BY_ALICE)
    service.write("Home", "[[Notes/todo]]", by=BY_BOB)
    page = service.read("notes/TODO")
    assert (page.path, page.name, page.file) == ("Notes/todo", "todo", "Notes/todo.md")
    assert page.title == "Todo list" and page.content == content
    assert page.front_matter == {"category": "plans", "tags": ["a", "B"]}
    assert page.category == "plans" and page.tags == ("a", "B")
    assert page.front_matter_problem is None and page.is_utf8
    assert page.revision == made.revision == page.last_commit.revision
    assert page.last_commit.author_name == "alice.test"
    assert page.size_bytes == len(content.encode()) and page.line_count == 7
    assert page.links_to == ("Gone", "Home") and page.linked_from == ("Home",)


def test_a_page_as_it_was(service: PageService) -> None:
    first = service.write("Todo", "one\n[[A]]\n", by=BY_ALICE)
    second = service.edit("Todo", "one", "two", by=BY_BOB)
    elsewhere = put(service, {"Other.md": "x"})
    assert service.read("Todo", first.revision).content == "one\n[[A]]\n"
    assert service.read("Todo", first.revision[:7]).revision == first.revision
    for revision in (second.revision, elsewhere, "HEAD"):
        assert service.read("Todo", revision).content == "two\n[[A]]\n"
        assert service.read("Todo", revision).revision == second.revision
    with pytest.raises(PageNotFound) as refusal:
        service.read("Other", second.revision)
    assert refusal.value.revision == second.revision
    with pytest.raises(NotFound):
        service.read("Todo", "0" * 40)


def test_a_missing_page_is_told_with_pages_like_it(bare_service: PageService) -> None:
    put(bare_service, {"Notes/todo.md": "x", "Work/Todo.md": "y"})
    with pytest.raises(PageNotFound) as refusal:
        bare_service.read("todo")
    assert refusal.value.similar == ("Notes/todo", "Work/Todo")
    assert "'Notes/todo' or 'Work/Todo'" in str(refusal.value)
    with pytest.raises(PageNotFound):
        bare_service.read("")


def test_pages_in_lower_case_files(bare_service: PageService) -> None:
    stock = PageService(bare_service.wiki, PageSettings())
    made = stock.write("Notes/To Do", "# TO do\n", by=BY_ALICE)
    assert (made.path, made.file, made.name) == ("notes/to do", "notes/to do.md", "TO do")
    assert stock.read("NOTES/TO DO").name == "TO do"
    assert stock.write("plain page", "no heading", by=BY_ALICE).name == "Plain Page"


@pytest.mark.parametrize("path", ["../other/Home", ".git/config", "-", "a\0b", "/etc/passwd", ".."])
def test_f2_no_page_lies_outside(service: PageService, path: str) -> None:
    put(service, {"Home.md": "x"})
    with pytest.raises(PageNotFound):
        service.read(path)
    with pytest.raises(PageNotFound):
        service.delete(path, by=BY_ALICE)
    with pytest.raises(PageNotFound):
        service.history(path)


def test_h3_another_wikis_pages_are_never_seen(
    service: PageService,
    other_service: PageService,
) -> None:
    put(service, {"Home.md": "mine"})
    there = other_service.read("Home").revision
    assert service.read("Home").content == "mine"
    with pytest.raises(NotFound):
        service.read("Home", there)
    with pytest.raises(NotFound):
        service.diff("Home", there)
    with pytest.raises(PageNotFound):
        service.history("Notes/todo")
    assert "canary" not in repr(service.recent_changes())


# ---------------------------------------------------------------------- history


def test_history_goes_on_where_its_cursor_says(bare_service: PageService) -> None:
    pages = bare_service
    revisions = [pages.write("A", "# A\n\n0\n", by=BY_ALICE).revision]
    revisions += [
        pages.write("A", f"# A\n\n{n}\n", base="HEAD", by=BY_BOB).revision for n in range(1, 4)
    ]
    revisions.append(pages.rename("A", "B", by=BY_ALICE).revision)
    revisions += [
        pages.write("B", f"# A\n\n{n}\n", base="HEAD", by=BY_BOB).revision for n in range(4, 8)
    ]
    found = []
    cursor = None
    while True:
        part = pages.history("B", limit=2, cursor=cursor)
        assert part.exists and part.path == "B"
        found += part.versions
        cursor = part.next_cursor
        if cursor is None:
            break
        put(pages, {"B.md": f"later {len(found)}"})  # comes before everything, shifts nothing
    assert [one.revision for one in found] == revisions[::-1]
    assert [one.path for one in found] == ["B"] * 5 + ["A"] * 4
    assert found[-1].author_name == "alice.test" and found[-1].message.startswith("Create A")


def test_cursors_belong_to_one_list(bare_service: PageService) -> None:
    pages = bare_service
    for number in range(3):
        pages.append("A", f"{number}\n", by=BY_ALICE)
        pages.append("B", f"{number}\n", by=BY_ALICE)
    cursor = pages.history("A", limit=1).next_cursor
    changes = pages.recent_changes(limit=1).next_cursor
    assert cursor and changes
    for bad in (changes, "", "x", "é", cursor[:-4], cursor + "A" * 9000, "bnVsbA", "W10"):
        with pytest.raises(BadCursor):
            pages.history("A", cursor=bad)
    key, _, hint = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    for place in ("0" * 40, "HEAD", "'", ""):
        with pytest.raises(BadCursor):
            pages.history("A", cursor=make_cursor(key, place, hint))
    assert pages.history("A", cursor=make_cursor(key, pages.read("A").revision, 0)).versions
    with pytest.raises(BadCursor):
        pages.history("A", cursor=make_cursor(key, pages.read("A").revision, 10**9))
    with pytest.raises(BadCursor):
        pages.history("B", cursor=cursor)
    with pytest.raises(BadCursor):
        pages.recent_changes(cursor=cursor)
    for limit in (0, -1, 10**6):
        with pytest.raises(BadValue):
            pages.history("A", limit=limit)


def test_a_diff_between_two_revisions(service: PageService) -> None:
    first = service.write("A", "1\n2\n3\n", by=BY_ALICE)
    put(service, {"Other.md": "not shown"})
    second = service.write("A", "1\n2b\n3\n4\n", base="HEAD", by=BY_BOB)
    difference = service.diff("A", first.revision[:8])
    assert (difference.from_revision, difference.to_revision) == (first.revision, second.revision)
    assert difference.unified.endswith("@@ -1,3 +1,4 @@\n 1\n-2\n+2b\n 3\n+4\n")
    assert (difference.added, difference.removed, difference.truncated) == (2, 1, False)
    assert "Other" not in difference.unified
    assert service.diff("A", second.revision, first.revision).added == 1
    assert service.diff("A", "HEAD", "HEAD").unified == ""
    with pytest.raises(PageNotFound):
        service.diff("Missing", first.revision)
    with pytest.raises(BadRevision):
        service.diff("A", first.revision, "--output=x")


def test_a_long_diff_is_cut_and_says_so(
    bare_service: PageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "MOST_DIFF_CHARACTERS", 300)
    first = bare_service.write("A", "", by=BY_ALICE)
    second = bare_service.write("A", "line\n" * 100, base=first.revision, by=BY_ALICE)
    assert second.diff_truncated and len(second.diff) <= 300 and second.diff.endswith("+line\n")
    difference = bare_service.diff("A", first.revision)
    assert difference.truncated and difference.added == 100
    with pytest.raises(StaleBase) as refusal:
        bare_service.write("A", "x", base=first.revision, by=BY_ALICE)
    assert refusal.value.diff_truncated and len(refusal.value.diff) <= 300


def test_recent_changes(service: PageService) -> None:
    first = service.write("A", "a", by=BY_ALICE, message="first")
    service.write_attachment("A", "x.txt", b"x", by=BY_BOB)
    third = service.rename("A", "B", by=BY_ALICE)
    changes = service.recent_changes()
    assert changes.total == 3 and changes.head == third.revision and changes.next_cursor is None
    assert [entry.pages for entry in changes.entries] == [("B",), (), ("A",)]
    assert [entry.files for entry in changes.entries] == [("B/x.txt",), ("A/x.txt",), ()]
    since = service.recent_changes(since=first.revision[:9])
    assert [entry.revision for entry in since.entries] == [
        entry.revision for entry in changes.entries[:2]
    ]
    assert since.total == 2
    assert service.recent_changes(since=datetime.now(UTC) - timedelta(days=1)).total == 3
    assert service.recent_changes(since=datetime.now(UTC) + timedelta(days=1)).entries == ()
    part = service.recent_changes(limit=2)
    put(service, {"New.md": "x"})
    rest = service.recent_changes(limit=2, cursor=part.next_cursor)
    assert [entry.revision for entry in (*part.entries, *rest.entries)] == [
        entry.revision for entry in changes.entries
    ]
    assert rest.next_cursor is None
    with pytest.raises(NotFound):
        service.recent_changes(since="0" * 40)
    with pytest.raises(BadRevision):
        service.recent_changes(since="yesterday")


def test_an_empty_wiki_has_no_changes(service: PageService) -> None:
    changes = service.recent_changes()
    assert (changes.entries, changes.total, changes.head) == ((), 0, None)


# ---------------------------------------------------------------------- delete and restore


def test_a_page_is_deleted_with_its_attachments_and_what_stays_is_told(
    service: PageService,
) -> None:
    put(
        service,
        {
            "A.md": "a",
            "A/x.txt": "x",
            "A/img/deep.txt": "y",
            "A/Sub.md": "sub",
            "A/Sub/z.txt": "z",
            "Home.md": "home",
        },
    )
    done = service.delete("a", by=BY_ALICE)
    assert done.path == "A" and done.deleted_files == ("A.md", "A/img/deep.txt", "A/x.txt")
    assert done.kept_pages == ("A/Sub",)
    assert files(service) == ["A/Sub.md", "A/Sub/z.txt", "Home.md"]
    with pytest.raises(PageNotFound) as refusal:
        service.read("A")
    assert refusal.value.deleted_in == done.revision
    with pytest.raises(PageNotFound):
        service.delete("A", by=BY_ALICE)


def test_deleting_checks_its_base(service: PageService) -> None:
    first = service.write("A", "a", by=BY_ALICE)
    second = service.append("A", "b", by=BY_BOB)
    with pytest.raises(StaleBase):
        service.delete("A", base=first.revision, by=BY_ALICE)
    assert service.delete("A", base=second.revision, by=BY_ALICE).parent == second.revision


def test_a_deleted_page_comes_back_with_the_attachments_it_had(service: PageService) -> None:
    first = put(service, {"A.md": b"a \xff", "A/x.txt": "x", "A/Sub.md": "sub", "Home.md": "home"})
    service.delete("A", by=BY_ALICE)
    put(service, {"A/Sub.md": "changed", "Home.md": "changed"})
    back = service.restore("A", first[:10], by=BY_BOB)
    assert back.created and back.with_files == ("A/x.txt",)
    assert raw(service, "A.md") == b"a \xff" and raw(service, "A/x.txt") == b"x"
    assert raw(service, "A/Sub.md") == b"changed" and raw(service, "Home.md") == b"changed"
    assert service.read("A").last_commit.message.startswith(f"Restore A of revision {first[:12]}")


def test_an_old_text_comes_back_and_attachments_stay(service: PageService) -> None:
    first = put(service, {"A.md": "old\n", "A/x.txt": "old"})
    put(service, {"A.md": "new\n", "A/x.txt": "new", "A/y.txt": "y"})
    back = service.restore("A", first, base="HEAD", by=BY_BOB)
    assert not back.created and back.with_files == () and "-new\n+old\n" in back.diff
    assert raw(service, "A.md") == b"old\n" and raw(service, "A/x.txt") == b"new"
    assert not service.restore("A", first, by=BY_BOB).changed
    with pytest.raises(StaleBase):
        put(service, {"A.md": "newer\n"})
        service.restore("A", first, base=back.revision, by=BY_BOB)


def test_a_renamed_page_gets_the_text_it_had_under_its_old_name(service: PageService) -> None:
    first = service.write("A", "old\nsame\nsame\n", by=BY_ALICE)
    service.rename("A", "B", by=BY_ALICE)
    service.edit("B", "old", "new", by=BY_ALICE)
    assert service.restore("B", first.revision, by=BY_ALICE).path == "B"
    assert raw(service, "B.md") == b"old\nsame\nsame\n" and files(service) == ["B.md"]


def test_what_can_not_be_restored(service: PageService) -> None:
    first = put(service, {"Home.md": "x", "notes/edit.md": "unreachable"})
    put(service, {"notes/edit.md": None, "New.md": "n"})
    with pytest.raises(PageNotFound):
        service.restore("New", first, by=BY_ALICE)
    with pytest.raises(PageNotFound):
        service.restore("Never", first, by=BY_ALICE)
    with pytest.raises(BadPageName, match="edit"):
        service.restore("notes/edit", first, by=BY_ALICE)
    with pytest.raises(NotFound):
        service.restore("Home", "0" * 40, by=BY_ALICE)
    with pytest.raises(BadRevision):
        service.restore("Home", "HEAD^", by=BY_ALICE)


def test_a_page_that_was_made_again_is_not_overwritten_by_chance(service: PageService) -> None:
    first = service.write("A", "old", by=BY_ALICE)
    gone = service.delete("A", by=BY_ALICE)
    service.write("A", "another", by=BY_BOB)
    with pytest.raises((StaleBase, PageExists)):
        service.restore("A", first.revision, base=gone.parent, by=BY_ALICE)
    assert raw(service, "A.md") == b"another"


def test_a_deleted_page_comes_back_with_what_it_had_when_it_went(service: PageService) -> None:
    first = service.write("A", "v1", by=BY_ALICE)
    service.write_attachment("A", "f.txt", b"f", by=BY_ALICE)
    service.write_attachment("A", "g.txt", b"g", by=BY_ALICE)
    service.write("A", "v2", base=first.revision, by=BY_ALICE)
    gone = service.delete("A", by=BY_ALICE)
    put(service, {"A/g.txt": "another", "Home.md": "x"})
    back = service.restore("A", first.revision, by=BY_BOB)
    assert back.created and back.with_files == ("A/f.txt",)
    assert raw(service, "A.md") == b"v1" and raw(service, "A/f.txt") == b"f"
    assert raw(service, "A/g.txt") == b"another"
    service.delete("A", by=BY_ALICE)
    service.restore("A", gone.revision, base=gone.revision, by=BY_BOB)
    assert raw(service, "A.md") == b"v2" and raw(service, "A/g.txt") == b"another"
    service.edit("A", "v2", "v3", by=BY_ALICE)
    service.restore("A", gone.revision, by=BY_BOB)
    assert raw(service, "A.md") == b"v2"
    with pytest.raises(StaleBase):
        service.delete("A", by=BY_ALICE)
        service.restore("A", first.revision, base=first.revision, by=BY_BOB)


def test_a_page_deleted_and_restored_in_one_batch_keeps_its_attachments(
    service: PageService,
) -> None:
    first = service.write("A", "v1", by=BY_ALICE)
    service.write_attachment("A", "f.txt", b"f", by=BY_ALICE)
    changes = [DeletePage("A"), RestorePage("A", first.revision)]
    assert not service.batch(changes, by=BY_ALICE).changed
    assert raw(service, "A/f.txt") == b"f"
