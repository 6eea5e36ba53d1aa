"""Renames: page, attachments, sub-pages and every link to them in one commit."""

# ruff: noqa: F811 - fixtures are imported, and named again where they are used
from __future__ import annotations

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

from otterwiki_engine.pages.errors import BadPageName, BadValue, PageExists, PageNotFound, StaleBase
from otterwiki_engine.pages.service import PageService

pytestmark = pytest.mark.usefixtures("other_service")


def text(pages: PageService, file: str) -> str:
    return raw(pages, file).decode()


def test_failure_14_a_rename_takes_attachments_and_sub_pages_along(service: PageService) -> None:
    put(
        service,
        {
            "Notes/todo.md": "# Todo\n",
            "Notes/todo/plan.png": b"\x89PNG",
            "Notes/todo/Later.md": "# Later\n",
            "Notes/todo/Later/deep.txt": "deep",
            "Notes/todo/loose/x.bin": b"\0\1",
            "Notes/todos.md": "# not it\n",
        },
    )
    commits = service.recent_changes().total
    done = service.rename("Notes/todo", "Tasks/Open", by=BY_ALICE)
    assert files(service) == [
        "Notes/todos.md",
        "Tasks/Open.md",
        "Tasks/Open/Later.md",
        "Tasks/Open/Later/deep.txt",
        "Tasks/Open/loose/x.bin",
        "Tasks/Open/plan.png",
    ]
    assert done.moved == (
        ("Notes/todo", "Tasks/Open"),
        ("Notes/todo/Later", "Tasks/Open/Later"),
    )
    assert ("Notes/todo/plan.png", "Tasks/Open/plan.png") in done.moved_attachments
    assert len(done.moved_attachments) == 3
    assert (done.old_path, done.new_path, done.name) == ("Notes/todo", "Tasks/Open", "Open")
    assert service.recent_changes().total == commits + 1
    assert done.revision == service.wiki.repository.head()
    assert "rename from Notes/todo.md\nrename to Tasks/Open.md\n" in done.diff
    assert raw(service, "Tasks/Open/plan.png") == b"\x89PNG"
    assert service.history("Tasks/Open").versions[-1].path == "Notes/todo"


LINKS = """# Links

[[Notes/todo]] [[the list|Notes/todo]] [[/Notes/todo#plan]] [text](/Notes/todo)
[anchor](/Notes/todo#plan "title") ![](/Notes/todo/plan.png) [[Notes/todo/Later]]
[ref][r] <a href="/Notes/todo">html</a>

`[[Notes/todo]]` \\[[Notes/todo]]

```
[[Notes/todo]]
```

[r]: /Notes/todo
"""
RELINKED = """# Links

[[Tasks/Open]] [[the list|Tasks/Open]] [[/Tasks/Open#plan]] [text](/Tasks/Open)
[anchor](/Tasks/Open#plan "title") ![](/Tasks/Open/plan.png) [[Tasks/Open/Later]]
[ref][r] <a href="/Tasks/Open">html</a>

`[[Notes/todo]]` \\[[Notes/todo]]

```
[[Notes/todo]]
```

[r]: /Tasks/Open
"""


def test_every_link_is_rewritten_in_the_same_commit(service: PageService) -> None:
    put(
        service,
        {
            "Notes/todo.md": "# Todo\n\nsee [[Notes/todo]] and ![](/Notes/todo/plan.png)\n",
            "Notes/todo/plan.png": b"\x89PNG",
            "Notes/todo/Later.md": "[up](/Notes/todo)\n",
            "Home.md": LINKS,
            "Dos.md": LINKS.replace("\n", "\r\n"),
            "Odd.md": b"[[Notes/todo]] \xff\xfe",
            "Other.md": "[[Notes/todos]] Notes/todo\n",
        },
    )
    done = service.rename("Notes/todo", "Tasks/Open", by=BY_ALICE)
    assert text(service, "Home.md") == RELINKED
    assert text(service, "Dos.md") == RELINKED.replace("\n", "\r\n")
    assert raw(service, "Odd.md") == b"[[Tasks/Open]] \xff\xfe"
    assert text(service, "Other.md") == "[[Notes/todos]] Notes/todo\n"
    assert text(service, "Tasks/Open.md") == (
        "# Todo\n\nsee [[Tasks/Open]] and ![](/Tasks/Open/plan.png)\n"
    )
    assert text(service, "Tasks/Open/Later.md") == "[up](/Tasks/Open)\n"
    assert done.updated_pages == ("Dos", "Home", "Odd", "Tasks/Open", "Tasks/Open/Later")
    (entry,) = service.recent_changes(limit=1).entries
    assert entry.revision == done.revision and "Home" in entry.pages


def test_links_stay_as_they_are_when_that_is_wanted(bare_service: PageService) -> None:
    put(bare_service, {"A.md": "a", "Home.md": "[[A]]"})
    done = bare_service.rename("A", "B", update_links=False, by=BY_ALICE)
    assert done.updated_pages == () and text(bare_service, "Home.md") == "[[A]]"


def test_another_case_of_the_same_name(service: PageService) -> None:
    put(service, {"notes.md": "x", "notes/a.txt": "a", "Home.md": "[[notes]]"})
    done = service.rename("notes", "Notes", by=BY_ALICE)
    assert files(service) == ["Home.md", "Notes.md", "Notes/a.txt"]
    assert text(service, "Home.md") == "[[Notes]]" and done.new_path == "Notes"


def test_a_page_moves_into_its_own_folder_and_out_again(bare_service: PageService) -> None:
    start = {"a.md": "1", "a/b.md": "2", "a/x.txt": "3"}
    put(bare_service, dict(start))
    bare_service.rename("a", "a/b", by=BY_ALICE)
    assert files(bare_service) == ["a/b.md", "a/b/b.md", "a/b/x.txt"]
    bare_service.rename("a/b", "a", by=BY_ALICE)
    assert {path: text(bare_service, path) for path in files(bare_service)} == start


def test_a_folder_that_is_no_page_itself_can_be_renamed(bare_service: PageService) -> None:
    put(bare_service, {"a/b.md": "1", "a/c.md": "2", "Home.md": "[[a/b]]"})
    done = bare_service.rename("a", "z", by=BY_ALICE)
    assert files(bare_service) == ["Home.md", "z/b.md", "z/c.md"]
    assert text(bare_service, "Home.md") == "[[z/b]]"
    assert done.moved == (("a/b", "z/b"), ("a/c", "z/c"))


@pytest.mark.parametrize("new", ["B", "b", "C"])
def test_nothing_is_renamed_onto_what_is_there(bare_service: PageService, new: str) -> None:
    put(bare_service, {"A.md": "a", "A/x.txt": "1", "B.md": "b", "C/x.txt": "2"})
    head = bare_service.wiki.repository.head()
    with pytest.raises(PageExists):
        bare_service.rename("A", new, by=BY_ALICE)
    assert bare_service.wiki.repository.head() == head


def test_names_that_no_url_reaches_are_refused_with_the_reason(service: PageService) -> None:
    put(service, {"A.md": "a", "A/plan.md": "b"})
    head = service.wiki.repository.head()
    for new, reason in (("notes/edit", "edit"), ("mcp", "mcp"), ("-x", "hyphen"), ("", "empty")):
        with pytest.raises(BadPageName, match=reason):
            service.rename("A", new, by=BY_ALICE)
    with pytest.raises(BadPageName, match="'a'"):  # A/plan would be at notes/a/plan
        service.rename("A", "notes/a", by=BY_ALICE)
    with pytest.raises(BadValue, match="already"):
        service.rename("A", "/A/", by=BY_ALICE)
    with pytest.raises(PageNotFound):
        service.rename("Missing", "B", by=BY_ALICE)
    assert service.wiki.repository.head() == head


def test_a_rename_checks_its_base(service: PageService) -> None:
    first = service.write("A", "a", by=BY_ALICE)
    service.append("A", "b", by=BY_BOB)
    with pytest.raises(StaleBase) as refusal:
        service.rename("A", "B", base=first.revision, by=BY_ALICE)
    assert "+b" in refusal.value.diff
    assert service.rename("A", "B", base="HEAD", by=BY_ALICE).new_path == "B"


def test_what_became_of_a_renamed_page_is_told(service: PageService) -> None:
    content = "# A\n\nsome text\n\nand all the rest of it\n"
    first = service.write("A", content, by=BY_ALICE)
    service.rename("A", "B", by=BY_ALICE)
    service.rename("B", "C", by=BY_ALICE)
    for name in ("A", "B"):
        with pytest.raises(PageNotFound) as refusal:
            service.edit(name, "some", "any", by=BY_BOB)
        assert refusal.value.renamed_to == "C" and "'C'" in str(refusal.value)
    old = service.read("C", first.revision)
    assert (old.path, old.content) == ("A", content)
    assert service.read("A", first.revision).content == old.content
    assert [one.path for one in service.history("C").versions] == ["C", "B", "A"]
    assert service.diff("C", first.revision).added == 0
    service.edit("C", "some", "any", by=BY_BOB)
    difference = service.diff("C", first.revision)
    assert "rename from A.md\nrename to C.md\n" in difference.unified
    assert (difference.added, difference.removed) == (1, 1)
    service.delete("C", by=BY_BOB)
    with pytest.raises(PageNotFound) as gone:
        service.read("A")
    assert gone.value.renamed_to is None and gone.value.deleted_in


def test_a_link_written_while_a_page_is_renamed_is_rewritten_too(
    bare_service: PageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else links to the page after the rename was worked out and before it is written."""
    put(bare_service, {"A.md": "a"})
    repository = bare_service.wiki.repository
    commit = repository.commit_work

    def overtaken(*args: object, **kwargs: object) -> object:
        monkeypatch.setattr(repository, "commit_work", commit)
        put(bare_service, {"New.md": "[[A]]", "A/late.txt": "late", "A/Sub.md": "sub"})
        return commit(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(repository, "commit_work", overtaken)
    done = bare_service.rename("A", "B", by=BY_ALICE)
    assert files(bare_service) == ["B.md", "B/Sub.md", "B/late.txt", "New.md"]
    assert text(bare_service, "New.md") == "[[B]]" and done.updated_pages == ("New",)


def test_no_sub_page_moves_onto_one_of_another_case(bare_service: PageService) -> None:
    head = put(bare_service, {"A.md": "a", "A/sub.md": "s", "B/Sub.md": "S"})
    with pytest.raises(PageExists) as refusal:
        bare_service.rename("A", "B", by=BY_ALICE)
    assert refusal.value.page == "B/Sub" and bare_service.wiki.repository.head() == head
    both = put(bare_service, {"C.md": "c", "c.md": "other c"})
    with pytest.raises(PageExists):
        bare_service.rename("A", "C", update_links=False, by=BY_ALICE)
    assert bare_service.wiki.repository.head() == both
    bare_service.rename("A", "a", by=BY_ALICE)
    assert "a/sub.md" in files(bare_service)
