"""Batches: many changes on one copy of the head, all or nothing, in one commit."""

# ruff: noqa: F811 - fixtures are imported, and named again where they are used
from __future__ import annotations

import threading
from typing import Any

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

from otterwiki_engine.pages import batches
from otterwiki_engine.pages.batches import MOST_CHANGES
from otterwiki_engine.pages.changes import (
    AppendText,
    Change,
    DeleteAttachment,
    DeletePage,
    EditPage,
    InsertAfterSection,
    InsertBeforeSection,
    PrependText,
    PutAttachment,
    RenamePage,
    ReplaceSection,
    RestorePage,
    WritePage,
)
from otterwiki_engine.pages.errors import (
    BadPageName,
    BadValue,
    BatchRefused,
    EditNotFound,
    PageExists,
    PageNotFound,
    StaleBase,
    UnsuitableAttachment,
)
from otterwiki_engine.pages.service import PageService
from otterwiki_engine.pages.tools import Done
from otterwiki_engine.repository import CommitResult

pytestmark = pytest.mark.usefixtures("other_service")


def test_every_kind_of_change_in_one_commit(service: PageService) -> None:
    start = put(
        service,
        {
            "Edit.md": "one two\n",
            "Log.md": "# Log\n",
            "Top.md": "bottom\n",
            "Parts.md": "# A\n\na\n\n# B\n\nb\n",
            "Old.md": "see [[Edit]]\n",
            "Gone.md": "gone\n",
            "Gone/x.txt": "x",
            "Pic.md": "[[Old]]\n",
            "Pic/old.txt": "old",
        },
    )
    put(service, {"Back.md": "v1\n"})
    v1 = service.wiki.repository.head() or ""
    put(service, {"Back.md": "v2\n"})
    commits = service.recent_changes().total
    changes: list[Change] = [
        WritePage("New", "# New\n"),
        WritePage("Top", "middle\n", base=start),
        EditPage("Edit", "two", "2", base=start),
        AppendText("Log", "- entry"),
        PrependText("Top", "top"),
        InsertBeforeSection("Parts", "A", "before"),
        InsertAfterSection("Parts", "B", "after"),
        ReplaceSection("Parts", "A", "new a", base=start),
        RenamePage("Old", "Renamed"),
        DeletePage("Gone", base=start),
        RestorePage("Back", v1),
        PutAttachment("Pic", "new.txt", b"new"),
        PutAttachment("Pic", "old.txt", b"newer", base=start),
        DeleteAttachment("Pic", "new.txt"),
    ]
    done = service.batch(changes, by=BY_ALICE)
    assert service.recent_changes().total == commits + 1
    assert done.changed and done.revision == service.wiki.repository.head()
    assert [result.action for result in done.results] == [
        "write", "write", "edit", "append", "prepend", "insert_before", "insert_after",
        "replace_section", "rename", "delete", "restore", "put_attachment", "put_attachment",
        "delete_attachment",
    ]  # fmt: skip
    assert [result.created for result in done.results].count(True) == 2
    assert {path: raw(service, path).decode() for path in files(service)} == {
        "Back.md": "v1\n",
        "Edit.md": "one 2\n",
        "Log.md": "# Log\n- entry\n",
        "New.md": "# New\n",
        "Parts.md": "before\n\n# A\n\nnew a\n\n# B\n\nb\n\nafter\n",
        "Pic.md": "[[Renamed]]\n",
        "Pic/old.txt": "newer",
        "Renamed.md": "see [[Edit]]\n",
        "Top.md": "top\nmiddle\n",
    }
    renamed, deleted = done.results[8], done.results[9]
    assert (renamed.path, renamed.details["old_path"]) == ("Renamed", "Old")
    assert renamed.details["updated_pages"] == ["Pic"]
    assert deleted.details["files"] == ["Gone.md", "Gone/x.txt"]
    assert "+one 2" in done.diff and "rename from Old.md" in done.diff
    message = service.recent_changes(limit=1).entries[0].message
    assert message.startswith("Change New, Top, Edit and 6 more\n\n- Create New\n- Update Top\n")


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (EditPage("A", "nowhere", "x"), EditNotFound),
        (WritePage("A", "x"), PageExists),
        (WritePage("a/edit", "x"), BadPageName),
        (DeletePage("Missing"), PageNotFound),
        (RenamePage("A", "B"), PageExists),
        (PutAttachment("A", "x/y.txt", b""), UnsuitableAttachment),
    ],
)
def test_one_that_is_refused_refuses_all(
    service: PageService, bad: Change, error: type[Exception]
) -> None:
    head = put(service, {"A.md": "a", "B.md": "b"})
    with pytest.raises(BatchRefused) as refusal:
        service.batch([WritePage("New", "x"), EditPage("A", "a", "z"), bad], by=BY_ALICE)
    assert refusal.value.position == 2 and isinstance(refusal.value.error, error)
    assert str(refusal.value).startswith("Change 3 of the batch was refused")
    assert service.wiki.repository.head() == head and files(service) == ["A.md", "B.md"]


def test_each_change_is_checked_against_its_own_base(service: PageService) -> None:
    first = put(service, {"A.md": "a\n", "B.md": "b\n"})
    second = put(service, {"B.md": "b2\n"})
    with pytest.raises(BatchRefused) as refusal:
        service.batch(
            [WritePage("A", "x", base=first), WritePage("B", "x", base=first)], by=BY_ALICE
        )
    error = refusal.value.error
    assert isinstance(error, StaleBase) and refusal.value.position == 1
    assert error.current_revision == second and "-b\n+b2\n" in error.diff
    done = service.batch(
        [WritePage("A", "x", base=first), WritePage("B", "x", base=second)], by=BY_ALICE
    )
    assert done.parent == second


def test_several_changes_of_one_page_have_the_same_base(service: PageService) -> None:
    first = put(service, {"A.md": "one\ntwo\n", "Home.md": "[[A]]"})
    service.batch(
        [
            EditPage("A", "one", "1", base=first),
            EditPage("A", "two", "2", base=first),
            RenamePage("A", "B", base=first),
            AppendText("B", "3", base=first),
            RenamePage("B", "C"),
            WritePage("A", "anew [[C]]"),
        ],
        by=BY_ALICE,
    )
    assert raw(service, "C.md") == b"1\n2\n3\n" and raw(service, "Home.md") == b"[[C]]"
    assert raw(service, "A.md") == b"anew [[C]]"


def test_links_of_pages_made_in_the_same_batch_are_rewritten(bare_service: PageService) -> None:
    put(bare_service, {"A.md": "a\n"})
    done = bare_service.batch([WritePage("New", "[[A]]"), RenamePage("A", "B")], by=BY_ALICE)
    assert raw(bare_service, "New.md") == b"[[B]]"
    assert done.results[1].details["updated_pages"] == ["New"]


def test_a_batch_that_changes_nothing_makes_no_commit(bare_service: PageService) -> None:
    head = put(bare_service, {"A.md": "a\n"})
    done = bare_service.batch(
        [EditPage("A", "a", "b"), EditPage("A", "b", "a"), AppendText("A", "")], by=BY_ALICE
    )
    assert not done.changed and done.revision == head and done.diff == ""
    assert [result.changed for result in done.results] == [True, True, False]


def test_a_batch_has_a_size(bare_service: PageService) -> None:
    with pytest.raises(BadValue):
        bare_service.batch([], by=BY_ALICE)
    changes = [WritePage(f"P{n}", "x") for n in range(MOST_CHANGES + 1)]
    with pytest.raises(BadValue, match="allowed"):
        bare_service.batch(changes, by=BY_ALICE)
    assert len(bare_service.batch(changes[1:], by=BY_ALICE).results) == MOST_CHANGES


def test_a_batch_has_a_budget_of_work(
    bare_service: PageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = put(bare_service, {"A.md": "# Heading\n\n" * 1000})
    monkeypatch.setattr(batches, "MOST_CHARACTERS", 1_000_000)
    changes = [AppendText("A", f"{number}") for number in range(20)]
    with pytest.raises(BatchRefused, match="divide it") as refusal:
        bare_service.batch(changes, by=BY_ALICE)
    assert isinstance(refusal.value.error, BadValue) and refusal.value.error.field == "batch"
    assert 2 < refusal.value.position < 10 and bare_service.wiki.repository.head() == head
    assert bare_service.batch(changes[:3], by=BY_ALICE).changed
    monkeypatch.setattr(batches, "MOST_CHARACTERS", 100_000)
    with pytest.raises(BadValue, match="divide the page"):
        bare_service.append("A", "more", by=BY_ALICE)
    bare_service.rename("A", "B", by=BY_ALICE)


@pytest.mark.parametrize(
    ("change", "meanwhile", "plans"),
    [
        (AppendText("A", "x"), "Other.md", 1),
        (AppendText("A", "x"), "A.md", 2),
        (AppendText("A", "x", base="HEAD"), "Other.md", 1),
        (WritePage("New", "x"), "Other.md", 1),
        (WritePage("New", "x"), "NEW/sub.md", 1),
        (PutAttachment("A", "n.txt", b"n"), "Other.md", 1),
        (PutAttachment("A", "n.txt", b"n"), "A/m.txt", 2),
        (DeletePage("A"), "Other.md", 1),
        (DeletePage("A"), "A/m.txt", 2),
        (RenamePage("A", "B"), "Other.md", 2),
    ],
)
def test_what_others_change_elsewhere_needs_no_second_plan(
    bare_service: PageService,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    meanwhile: str,
    plans: int,
) -> None:
    put(bare_service, {"A.md": "a\n"})
    repository = bare_service.wiki.repository
    commit_work, make_all, made = repository.commit_work, batches.make_all, []

    def late(*arguments: Any, **named: Any) -> CommitResult:
        monkeypatch.setattr(repository, "commit_work", commit_work)
        put(bare_service, {meanwhile: "theirs\n[[A]]\n"})
        return commit_work(*arguments, **named)

    def counted(*arguments: Any) -> tuple[Done, ...]:
        made.append(1)
        return make_all(*arguments)

    monkeypatch.setattr(repository, "commit_work", late)
    monkeypatch.setattr(batches, "make_all", counted)
    done = bare_service.batch([change], by=BY_ALICE)
    assert done.changed and len(made) == plans
    if meanwhile == "Other.md":
        links = b"[[B]]" if isinstance(change, RenamePage) else b"[[A]]"
        assert raw(bare_service, meanwhile) == b"theirs\n" + links + b"\n"
    if isinstance(change, AppendText):
        assert raw(bare_service, "A.md").endswith(b"\nx\n")
    if isinstance(change, DeletePage):
        assert files(bare_service) == [path for path in [meanwhile] if path == "Other.md"]


def test_a_page_made_meanwhile_in_another_case_is_seen(
    bare_service: PageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = bare_service.wiki.repository
    commit_work = repository.commit_work

    def late(*arguments: Any, **named: Any) -> CommitResult:
        monkeypatch.setattr(repository, "commit_work", commit_work)
        put(bare_service, {"NEW.md": "theirs\n"})
        return commit_work(*arguments, **named)

    monkeypatch.setattr(repository, "commit_work", late)
    with pytest.raises(PageExists):
        bare_service.write("New", "mine\n", by=BY_ALICE)
    assert files(bare_service) == ["NEW.md"]


def test_batches_at_once_are_whole(bare_service: PageService) -> None:
    put(bare_service, {"A.md": "0\n", "B.md": "0\n"})
    barrier = threading.Barrier(6)
    failed: list[Exception] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            bare_service.batch(
                [AppendText("A", f"{number}"), AppendText("B", f"{number}")], by=BY_BOB
            )
        except Exception as error:  # noqa: BLE001 - judged below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert raw(bare_service, "A.md") == raw(bare_service, "B.md")
    assert sorted(raw(bare_service, "A.md").split()) == [b"%d" % n for n in range(7)]
