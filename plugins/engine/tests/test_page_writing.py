"""Writing pages: every change is checked against its base and made in one step."""

# ruff: noqa: F811 - fixtures are imported, and named again where they are used
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

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

from otterwiki_engine import hooks
from otterwiki_engine.authorship import Author
from otterwiki_engine.errors import BadRevision, BadText, QuotaExceeded
from otterwiki_engine.hooks import hookimpl
from otterwiki_engine.pages import texts
from otterwiki_engine.pages.errors import (
    BadPageName,
    BadValue,
    EditAmbiguous,
    EditNotFound,
    NotText,
    PageExists,
    PageNotFound,
    StaleBase,
)
from otterwiki_engine.pages.records import Writer
from otterwiki_engine.pages.service import PageService
from otterwiki_engine.proposals import Proposal
from otterwiki_engine.repository import Repository

pytestmark = pytest.mark.usefixtures("other_service")
TEXT = "# Todo\n\nfirst\n\nsecond\n"


# ---------------------------------------------------------------------- write


def test_a_page_is_made_and_answered_with_its_revision_and_diff(service: PageService) -> None:
    made = service.write("Notes/todo", TEXT, by=BY_ALICE)
    assert (made.path, made.name, made.file) == ("Notes/todo", "todo", "Notes/todo.md")
    assert made.created and made.changed and not made.merged and made.parent is None
    assert made.revision == service.wiki.repository.head()
    assert made.diff.startswith("diff --git a/Notes/todo.md b/Notes/todo.md\nnew file mode")
    assert "\n+first\n" in made.diff and not made.diff_truncated
    page = service.read("Notes/todo")
    assert page.content == TEXT and page.revision == made.revision


def test_a_page_is_replaced_on_the_revision_that_was_read(service: PageService) -> None:
    first = service.write("Todo", TEXT, by=BY_ALICE)
    elsewhere = service.write("Other", "x", by=BY_BOB)
    new = service.write("Todo", TEXT.replace("first", "1st"), base=first.revision, by=BY_BOB)
    assert not new.created and new.parent == elsewhere.revision
    assert "-first\n+1st\n" in new.diff
    assert service.read("Todo").revision == new.revision
    short = service.write("Todo", "short base\n", base=new.revision[:7], by=BY_BOB)
    assert service.write("Todo", "HEAD\n", base="HEAD", by=BY_BOB).parent == short.revision


def test_writing_what_is_there_makes_no_commit(service: PageService) -> None:
    first = service.write("Todo", TEXT, by=BY_ALICE)
    put(service, {"Other.md": "x"})
    again = service.write("Todo", TEXT, base=first.revision, by=BY_BOB)
    assert not again.changed and again.revision == first.revision and again.diff == ""
    assert service.recent_changes().total == 2


def test_failure_14_a_stale_base_is_told_with_what_changed_since(service: PageService) -> None:
    first = service.write("Todo", TEXT, by=BY_ALICE)
    second = service.write("Todo", TEXT.replace("second", "2nd"), base=first.revision, by=BY_BOB)
    put(service, {"Other.md": "later"})
    with pytest.raises(StaleBase) as refusal:
        service.write("Todo", "mine\n", base=first.revision, by=BY_ALICE)
    error = refusal.value
    assert error.page == "Todo" and error.paths == ("Todo.md",)
    assert error.base == first.revision and error.current_revision == second.revision
    assert "-second\n+2nd\n" in error.diff and not error.diff_truncated
    assert first.revision[:12] in str(error)
    assert raw(service, "Todo.md").decode() == TEXT.replace("second", "2nd")


def test_a_base_is_good_while_the_page_has_the_same_content(service: PageService) -> None:
    first = service.write("Todo", TEXT, by=BY_ALICE)
    second = service.write("Todo", "other\n", base=first.revision, by=BY_BOB)
    service.write("Todo", TEXT, base=second.revision, by=BY_BOB)
    assert service.write("Todo", "mine\n", base=first.revision, by=BY_ALICE).changed


def test_a_base_from_before_a_rename_is_good(service: PageService) -> None:
    first = service.write("Todo", TEXT, by=BY_ALICE)
    service.rename("Todo", "Done", by=BY_BOB)
    assert service.write("Done", "mine\n", base=first.revision, by=BY_ALICE).changed


def test_an_existing_page_is_not_made_again(service: PageService) -> None:
    first = service.write("Todo", TEXT, by=BY_ALICE)
    for name in ("Todo", "todo", "/Todo/"):
        with pytest.raises(PageExists) as refusal:
            service.write(name, "mine\n", by=BY_BOB)
        assert refusal.value.current_revision == first.revision and refusal.value.diff == ""
    assert files(service) == ["Todo.md"]


def test_a_page_that_was_deleted_since_its_base_is_a_conflict(service: PageService) -> None:
    first = service.write("Todo", TEXT, by=BY_ALICE)
    gone = service.delete("Todo", by=BY_BOB)
    for base in (first.revision, gone.revision, "HEAD"):
        for name in ("Todo", "TODO"):
            with pytest.raises(StaleBase, match="does not exist"):
                service.write(name, "mine\n", base=base, by=BY_ALICE)
            with pytest.raises(StaleBase, match="does not exist"):
                service.append(name, "mine\n", base=base, by=BY_ALICE)
    with pytest.raises(StaleBase) as refusal:
        service.write("Todo", "mine\n", base=first.revision, by=BY_ALICE)
    assert refusal.value.current_revision is None
    assert "deleted file mode" in refusal.value.diff
    assert service.write("Todo", "anew\n", by=BY_ALICE).created


def test_a_base_that_is_no_revision_of_this_wiki(
    service: PageService,
    other_service: PageService,
) -> None:
    service.write("Todo", TEXT, by=BY_ALICE)
    foreign = other_service.read("Notes/todo").revision
    for base in (foreign, "0" * 40, "abcdef12"):
        with pytest.raises(StaleBase) as refusal:
            service.write("Todo", "mine\n", base=base, by=BY_ALICE)
        assert "not in this wiki's history" in str(refusal.value) and refusal.value.diff == ""
    with pytest.raises(StaleBase):
        service.write("New", "mine\n", base=foreign, by=BY_ALICE)


@pytest.mark.parametrize("base", ["", "main", "-", "--output=x", "HEAD~1", "@{1}", ":(top)", "123"])
def test_f1_a_base_that_is_no_revision_is_refused(bare_service: PageService, base: str) -> None:
    bare_service.write("Todo", TEXT, by=BY_ALICE)
    with pytest.raises(BadRevision):
        bare_service.write("Todo", "mine\n", base=base, by=BY_ALICE)
    with pytest.raises(BadRevision):
        bare_service.read("Todo", base)
    with pytest.raises(BadRevision):
        bare_service.diff("Todo", base)


@pytest.mark.parametrize("content", ["a\0b", "a\udcffb", "\ud800"])
def test_a_page_is_text(bare_service: PageService, content: str) -> None:
    with pytest.raises(NotText):
        bare_service.write("Todo", content, by=BY_ALICE)
    bare_service.write("Todo", TEXT, by=BY_ALICE)
    for refused in (
        lambda: bare_service.edit("Todo", "first", content, by=BY_ALICE),
        lambda: bare_service.append("Todo", content, by=BY_ALICE),
        lambda: bare_service.prepend("Todo", content, by=BY_ALICE),
        lambda: bare_service.replace_section("Todo", "Todo", content, base="HEAD", by=BY_ALICE),
    ):
        with pytest.raises(NotText):
            refused()
    assert raw(bare_service, "Todo.md").decode() == TEXT


def test_a_page_has_a_size(bare_service: PageService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MOST_PAGE_BYTES", 20)
    with pytest.raises(QuotaExceeded) as refusal:
        bare_service.write("Todo", "ä" * 11, by=BY_ALICE)
    assert (refusal.value.what, refusal.value.limit, refusal.value.found) == ("page_bytes", 20, 22)
    put(bare_service, {"Long.md": "x" * 30})
    assert bare_service.edit("Long", "x" * 30, "x" * 25, by=BY_ALICE).changed
    with pytest.raises(QuotaExceeded):
        bare_service.append("Long", "y", by=BY_ALICE)


def test_a_name_no_url_reaches_is_refused(service: PageService) -> None:
    for refused in (
        lambda: service.write("notes/edit", "x", by=BY_ALICE),
        lambda: service.append("api/x", "x", by=BY_ALICE),
        lambda: service.write("../x", "x", by=BY_ALICE),
        lambda: service.write(".git/hooks/x", "x", by=BY_ALICE),
        lambda: service.write("-x", "x", by=BY_ALICE),
    ):
        with pytest.raises(BadPageName):
            refused()
    assert service.wiki.repository.head() is None


# ---------------------------------------------------------------------- who and why


def test_failure_12_a_commit_names_the_person_and_the_program(service: PageService) -> None:
    service.write("Todo", TEXT, by=BY_ALICE, message="Because\n\nActor: did:plc:mallory")
    commit = service.read("Todo").last_commit
    assert (commit.author_name, commit.author_email) == (
        "alice.test",
        "did.plc.alice@users.example.org",
    )
    assert commit.message == (
        "Because\n\n(Actor): did:plc:mallory\n\nActor: did:plc:alice\nClient: Claude Code\n"
    )


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda s: s.write("New", "x", by=BY_BOB), "Create New"),
        (lambda s: s.write("Todo", "x", base="HEAD", by=BY_BOB), "Update Todo"),
        (lambda s: s.edit("Todo", "first", "1st", by=BY_BOB), "Edit Todo"),
        (lambda s: s.append("Todo", "x", by=BY_BOB), "Append to Todo"),
        (lambda s: s.append("Fresh", "x", by=BY_BOB), "Create Fresh"),
        (lambda s: s.append("Todo", "x", section="todo", by=BY_BOB), "Append to Todo (Todo)"),
        (lambda s: s.prepend("Todo", "x", by=BY_BOB), "Prepend to Todo"),
        (lambda s: s.rename("Todo", "Done", by=BY_BOB), "Rename Todo to Done"),
        (lambda s: s.delete("Todo", by=BY_BOB), "Delete Todo"),
        (lambda s: s.write_attachment("Todo", "a.txt", b"x", by=BY_BOB), "Attach a.txt to Todo"),
        (lambda s: s.write("New", "x", by=BY_BOB, message="  \n"), "Create New"),
    ],
)
def test_a_commit_says_what_happened(
    bare_service: PageService, act: Callable[[PageService], object], message: str
) -> None:
    bare_service.write("Todo", TEXT, by=BY_ALICE)
    act(bare_service)
    (entry,) = bare_service.recent_changes(limit=1).entries
    assert entry.message == f"{message}\n\nActor: did:plc:bob\n"


@pytest.mark.parametrize("name", ["a\nb", "a<b", "a>b", "a\0b", "a\u2028b"])
def test_f5_no_author_breaks_a_commit(bare_service: PageService, name: str) -> None:
    for author in (Author(name, "a@example.org"), Author("a", name)):
        with pytest.raises(BadText):
            bare_service.write("Todo", TEXT, by=Writer(author))
    with pytest.raises(BadText):
        bare_service.write("Todo", TEXT, by=Writer(BY_ALICE.author, did=name))
    with pytest.raises(BadText):
        bare_service.write("Todo", TEXT, by=Writer(BY_ALICE.author, client=name))
    assert bare_service.wiki.repository.head() is None


# ---------------------------------------------------------------------- edit


def test_an_edit_replaces_what_occurs_once(service: PageService) -> None:
    first = service.write("Todo", TEXT, by=BY_ALICE)
    edited = service.edit("Todo", "first", "1st", base=first.revision, by=BY_BOB)
    assert "-first\n+1st\n" in edited.diff
    assert raw(service, "Todo.md").decode() == TEXT.replace("first", "1st")
    with pytest.raises(StaleBase):
        service.edit("Todo", "second", "2nd", base=first.revision, by=BY_BOB)
    assert service.edit("Todo", "second", "2nd", by=BY_BOB).changed


def test_an_edit_that_fits_nowhere_or_twice_changes_nothing(service: PageService) -> None:
    service.write("Todo", "# A\n\nsame here\nand  there\nsame here\naaa\n", by=BY_ALICE)
    before = service.wiki.repository.head()
    with pytest.raises(EditAmbiguous) as twice:
        service.edit("Todo", "same here", "x", by=BY_BOB)
    assert twice.value.count == 2 and twice.value.lines == (3, 5)
    with pytest.raises(EditAmbiguous) as overlapping:
        service.edit("Todo", "aa", "x", by=BY_BOB)
    assert overlapping.value.count == 2
    with pytest.raises(EditNotFound) as space:
        service.edit("Todo", "and there\nsame", "x", by=BY_BOB)
    assert "white space" in str(space.value) and "line 4" in str(space.value)
    with pytest.raises(EditNotFound) as case:
        service.edit("Todo", "Same Here\naaa", "x", by=BY_BOB)
    assert "upper and lower case" in str(case.value) and "line 5" in str(case.value)
    with pytest.raises(EditNotFound):
        service.edit("Todo", "nothing like it", "x", by=BY_BOB)
    with pytest.raises(BadValue):
        service.edit("Todo", "", "x", by=BY_BOB)
    with pytest.raises(PageNotFound):
        service.edit("Missing", "a", "b", by=BY_BOB)
    assert service.wiki.repository.head() == before


def test_line_feeds_of_an_edit_stand_for_the_lines_of_the_page(service: PageService) -> None:
    put(service, {"Dos.md": b"# A\r\n\r\none\r\ntwo\r\n", "Mixed.md": b"one\r\ntwo\nthree\n"})
    service.edit("Dos", "one\ntwo", "1\n2\n3", by=BY_ALICE)
    assert raw(service, "Dos.md") == b"# A\r\n\r\n1\r\n2\r\n3\r\n"
    service.edit("Mixed", "two\nthree", "2\n3", by=BY_ALICE)
    assert raw(service, "Mixed.md") == b"one\r\n2\n3\n"
    with pytest.raises(EditNotFound):
        service.edit("Mixed", "one\n2", "x", by=BY_ALICE)


def test_bytes_that_are_not_utf8_are_kept_by_edits_elsewhere(service: PageService) -> None:
    odd = b"# A\n\nbad \xff\xfe bytes\n\nfine\n"
    put(service, {"Odd.md": odd})
    page = service.read("Odd")
    assert not page.is_utf8 and "\N{REPLACEMENT CHARACTER}" in page.content
    page.content.encode()
    service.edit("Odd", "fine", "good", by=BY_ALICE)
    service.append("Odd", "more", by=BY_ALICE)
    service.prepend("Odd", "top", by=BY_ALICE)
    kept = b"top\n# A\n\nbad \xff\xfe bytes\n\ngood\nmore\n"
    assert raw(service, "Odd.md") == kept
    for refused in (
        lambda: service.write("Odd", page.content, base="HEAD", by=BY_ALICE),
        lambda: service.replace_section("Odd", "A", page.content, base="HEAD", by=BY_ALICE),
    ):
        with pytest.raises(NotText, match="not UTF-8"):
            refused()
    with pytest.raises(EditNotFound, match="not UTF-8"):
        service.edit("Odd", "bad \N{REPLACEMENT CHARACTER}", "x", by=BY_ALICE)
    assert raw(service, "Odd.md") == kept
    service.write("Odd", "# A\n\nall new\n", base="HEAD", by=BY_ALICE)
    assert service.read("Odd").is_utf8


def test_a_binary_file_with_a_pages_name_is_not_edited(service: PageService) -> None:
    put(service, {"Odd.md": b"\x00\x01 fine"})
    assert service.read("Odd").content == "\x00\x01 fine"
    with pytest.raises(NotText, match="NUL"):
        service.edit("Odd", "fine", "good", by=BY_ALICE)
    with pytest.raises(NotText, match="NUL"):
        service.append("Odd", "good", by=BY_ALICE)
    assert raw(service, "Odd.md") == b"\x00\x01 fine"


# ---------------------------------------------------------------------- append, prepend


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ("a\n", "b", "a\nb\n"),
        ("a", "b", "a\nb"),
        ("a", "b\n", "a\nb\n"),
        ("a\n\n", "b\n", "a\n\nb\n"),
        ("a\r\n", "b\nc", "a\r\nb\r\nc\r\n"),
        ("a\r", "b\nc", "a\rb\rc\r"),
        ("", "b", "b"),
        ("- one\n", "- two", "- one\n- two\n"),
        ("a\n", "", "a\n"),
        ("a\n", "===", "a\n\n===\n"),  # else it would make a heading of "a"
        ("a\n", "---\n\nb", "a\n\n---\n\nb\n"),
        ("```\nopen\n", "# b", "```\nopen\n# b\n"),
    ],
)
def test_append(bare_service: PageService, before: str, text: str, after: str) -> None:
    put(bare_service, {"Page.md": before})
    bare_service.append("Page", text, by=BY_ALICE)
    assert raw(bare_service, "Page.md").decode() == after


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ("a\n", "b", "b\na\n"),
        ("---\ntitle: x # y\n---\na\n", "b", "---\ntitle: x # y\n---\nb\na\n"),
        ("---\ntitle: x\n---", "b", "---\ntitle: x\n---\nb"),
        ("---\r\nt: x\r\n---\r\na\r\n", "b\n", "---\r\nt: x\r\n---\r\nb\r\na\r\n"),
        ("Title\n=====\n", "b", "b\n\nTitle\n=====\n"),  # else "b" would be of the heading
        ("# A\n", "<div>", "<div>\n\n# A\n"),
        ("text\n", "<div>", "<div>\n\ntext\n"),
        ("", "b", "b"),
        ("- old\n", "- new", "- new\n- old\n"),
        ("text\n", "- item", "- item\n\ntext\n"),  # else "text" would be of the item
    ],
)
def test_prepend_goes_behind_front_matter(
    bare_service: PageService, before: str, text: str, after: str
) -> None:
    put(bare_service, {"Page.md": before})
    bare_service.prepend("Page", text, by=BY_ALICE)
    assert raw(bare_service, "Page.md").decode() == after


@pytest.mark.parametrize("text", ["```", "<!-- ", "<script>", "~~~~\nx"])
def test_a_prepended_text_that_would_swallow_the_page_is_refused(
    bare_service: PageService, text: str
) -> None:
    put(bare_service, {"Page.md": "plain\n", "Titled.md": "# A\n"})
    for page in ("Page", "Titled"):
        with pytest.raises(BadValue, match="does not close"):
            bare_service.prepend(page, text, by=BY_ALICE)
    assert raw(bare_service, "Page.md") == b"plain\n"


def test_a_text_never_becomes_front_matter_with_what_is_there(bare_service: PageService) -> None:
    put(bare_service, {"Page.md": "a\n\n---\n\nb\n"})
    bare_service.prepend("Page", "---\nx", by=BY_ALICE)
    assert raw(bare_service, "Page.md") == b"\n---\nx\n\na\n\n---\n\nb\n"
    assert bare_service.read("Page").front_matter == {}
    bare_service.prepend("Whole", "---\ntitle: T\n---", by=BY_ALICE)
    assert bare_service.read("Whole").front_matter == {"title": "T"}


def test_appending_creates_a_page_unless_told_otherwise(service: PageService) -> None:
    made = service.append("Log", "- one", by=BY_ALICE)
    assert made.created and raw(service, "Log.md") == b"- one"
    assert not service.append("Log", "- two", by=BY_ALICE).created
    with pytest.raises(PageNotFound):
        service.append("Missing", "x", create=False, by=BY_ALICE)
    with pytest.raises(PageNotFound):
        service.append("Missing", "x", section="A", by=BY_ALICE)
    with pytest.raises(PageNotFound):
        service.prepend("Missing", "x", create=False, by=BY_ALICE)
    with pytest.raises(StaleBase):
        service.append("Log", "x", base=made.revision, by=BY_ALICE)


# ---------------------------------------------------------------------- at once


def _at_once(count: int, act: Callable[[int], object]) -> list[BaseException]:
    """Run `act` in so many threads that start together; what it raised."""
    barrier = threading.Barrier(count)
    raised: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            act(number)
        except Exception as error:  # noqa: BLE001 - judged by the test
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_all_who_append_at_once_land(service: PageService) -> None:
    service.write("Log", "# Log\n", by=BY_ALICE)
    raised = _at_once(12, lambda number: service.append("Log", f"- {number}", by=BY_BOB))
    assert raised == []
    lines = raw(service, "Log.md").decode().splitlines()
    assert lines[0] == "# Log" and sorted(lines[1:]) == sorted(f"- {n}" for n in range(12))
    assert service.recent_changes().total == 13


def test_one_who_creates_by_appending_at_once_with_others_loses_nothing(
    service: PageService,
) -> None:
    assert _at_once(8, lambda n: service.append("Log", f"- {n}\n", by=BY_BOB)) == []
    assert sorted(raw(service, "Log.md").splitlines()) == [b"- %d" % n for n in range(8)]
    messages = [entry.message.split("\n")[0] for entry in service.recent_changes().entries]
    assert sorted(messages) == ["Append to Log"] * 7 + ["Create Log"]


def test_failure_14_of_those_with_the_same_base_one_wins(service: PageService) -> None:
    first = service.write("Todo", TEXT, by=BY_ALICE)
    raised = _at_once(8, lambda n: service.write("Todo", f"{n}\n", base=first.revision, by=BY_BOB))
    assert [type(error) for error in raised] == [StaleBase] * 7
    (winner,) = {error.current_revision for error in raised if isinstance(error, StaleBase)}
    assert service.read("Todo").revision == winner
    assert service.recent_changes().total == 2


def test_failure_14_of_those_who_create_a_page_one_wins(service: PageService) -> None:
    raised = _at_once(8, lambda n: service.write("Todo", f"{n}\n", by=BY_BOB))
    assert [type(error) for error in raised] == [PageExists] * 7


# ---------------------------------------------------------------------- limits


@pytest.fixture
def one_page_limit(service: PageService) -> Iterator[None]:
    """The wiki under test may have one page only, as a farm limits them; the other may not."""

    class Limit:
        @hookimpl
        def check_commit(self, repository: Repository, proposal: Proposal) -> None:
            if repository is not service.wiki.repository:
                return
            more = proposal.added(".md")
            there = sum(path.endswith(".md") for path in proposal.before.entries)
            if more > 0 and there + more > 1:
                raise QuotaExceeded(
                    "One page.", what="pages", limit=1, found=there + more, advice="Delete one."
                )

    limit = Limit()
    hooks.manager.register(limit)
    yield
    hooks.manager.unregister(limit)


@pytest.mark.usefixtures("one_page_limit")
def test_failure_13_at_the_page_limit_what_exists_can_be_changed(service: PageService) -> None:
    first = service.write("Todo", TEXT, by=BY_ALICE)
    with pytest.raises(QuotaExceeded) as refusal:
        service.write("More", "x", by=BY_ALICE)
    assert refusal.value.what == "pages"
    with pytest.raises(QuotaExceeded):
        service.append("More", "x", by=BY_ALICE)
    assert service.wiki.repository.head() == first.revision
    service.write("Todo", TEXT + "more\n", base=first.revision, by=BY_ALICE)
    service.edit("Todo", "first", "1st", by=BY_ALICE)
    service.append("Todo", "x", by=BY_ALICE)
    service.replace_section("Todo", "Todo", "new", base="HEAD", by=BY_ALICE)
    service.write_attachment("Todo", "a.txt", b"x", by=BY_ALICE)
    service.rename("Todo", "Done", by=BY_ALICE)
    service.delete("Done", by=BY_ALICE)
    assert service.restore("Todo", first.revision, by=BY_ALICE).created
    with pytest.raises(QuotaExceeded):
        service.write("Next", "x", by=BY_ALICE)
