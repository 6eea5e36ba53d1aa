"""A plugin may refuse a commit, through every door, and whoever is refused loses nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures
from small_wikis import ALICE, make_bare

from otterwiki_engine import hooks
from otterwiki_engine.errors import CheckFailed, Conflict, QuotaExceeded
from otterwiki_engine.proposals import Proposal
from otterwiki_engine.repository import Repository

JSON = {"Accept": "application/json"}
SIZE_BYTES = 2_000


def full(what: str = "pages") -> QuotaExceeded:
    return QuotaExceeded(
        "There may be 2 <b>pages</b>.", what=what, limit=2, found=3, advice="Delete one first."
    )


class Checker:
    """A plugin that notes what it is asked, and answers with `answer`."""

    def __init__(self) -> None:
        self.answer: Callable[[Proposal], None] = lambda _proposal: None
        self.seen: list[tuple[Repository, Proposal]] = []

    @hooks.hookimpl
    def check_commit(self, repository: Repository, proposal: Proposal) -> None:
        self.seen.append((repository, proposal))
        self.answer(proposal)

    def refuse(self, error: Exception) -> None:
        def answer(_proposal: Proposal) -> None:
            raise error

        self.answer = answer


@pytest.fixture
def checker() -> Iterator[Checker]:
    made = Checker()
    hooks.manager.register(made, "checker")
    yield made
    hooks.manager.unregister(made)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    made = make_bare(tmp_path / "wiki")
    yield made
    made.close()


def put(repository: Repository, changes: dict[str, bytes | None], **options: Any) -> str:
    options = {"base": None, "author": ALICE, "message": "change", **options}
    return repository.commit(changes, **options).revision


def objects(repository: Repository) -> set[str]:
    return {str(path) for path in (repository.git_dir / "objects").rglob("*")}


# ---------------------------------------------------------------------- the hook


def test_i1_a_check_sees_what_will_be_written(repository: Repository, checker: Checker) -> None:
    base = put(repository, {"a.md": b"1\n2\n3\n4\n", "gone.md": b"x", "same.md": b"s"})
    head = put(repository, {"a.md": b"one\n2\n3\n4\n"})
    put(
        repository,
        {
            "a.md": b"1\n2\n3\nfour\n",
            "gone.md": None,
            "same.md": b"s",
            "new.md": b"n",
            "no.md": None,
        },
        base=base,
        merge=True,
        actor="did:plc:alice",
        client="robot",
    )
    asked, proposal = checker.seen[-1]
    assert asked is repository
    assert proposal.before.revision == head
    assert proposal.changes == {"a.md": b"one\n2\n3\nfour\n", "gone.md": None, "new.md": b"n"}
    assert (proposal.author, proposal.actor, proposal.client) == (ALICE, "did:plc:alice", "robot")
    assert proposal.added(".md") == 0


def test_i1_a_check_is_made_under_the_wikis_lock(repository: Repository, checker: Checker) -> None:
    import fcntl

    def answer(_proposal: Proposal) -> None:
        with (repository.state_dir / "lock").open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    checker.answer = answer
    put(repository, {"a.md": b"1"})
    assert len(checker.seen) == 1


def test_i1_a_refused_commit_leaves_nothing_behind(
    repository: Repository, checker: Checker
) -> None:
    head = put(repository, {"a.md": b"1"})
    before = objects(repository)
    checker.refuse(full())
    with pytest.raises(QuotaExceeded, match=r"There may be 2 .* Delete one first\."):
        put(repository, {"b.md": b"2"})
    with pytest.raises(QuotaExceeded):
        repository.revert(head, author=ALICE, message="undo")
    assert repository.head() == head
    assert objects(repository) == before


def test_a_commit_that_changes_nothing_or_conflicts_is_not_asked_about(
    repository: Repository, checker: Checker
) -> None:
    base = put(repository, {"a.md": b"1"})
    put(repository, {"a.md": b"2"})
    asked = len(checker.seen)
    checker.refuse(full())
    put(repository, {"a.md": b"2"})
    with pytest.raises(Conflict):
        put(repository, {"a.md": b"3"}, base=base)
    assert len(checker.seen) == asked


def test_i8_a_check_that_fails_stops_the_commit(
    repository: Repository, checker: Checker, caplog: pytest.LogCaptureFixture
) -> None:
    checker.refuse(ZeroDivisionError("no registry"))
    with pytest.raises(CheckFailed, match="could not be checked"):
        put(repository, {"a.md": b"1"})
    assert repository.head() is None
    assert "commit check failed" in caplog.text


# ---------------------------------------------------------------------- Otterwiki's doors


@pytest.fixture
def client(site: Site, checker: Checker) -> Any:  # noqa: F811
    """A browser on "red", which has a page with an attachment that another page links to."""
    client = site.pick("red")
    site.put("page.md", "# Page\n\nfirst\n")
    site.put("page/a.txt", "a")
    site.put("other.md", "[[Page]]\n")
    return client


def text_of(response: Any, element: str) -> str:
    import bs4

    found = bs4.BeautifulSoup(response.data, "html.parser").find(id=element)
    assert found is not None, response.data
    return " ".join(found.text.split())


def upload(client: Any, url: str, **options: Any) -> Any:
    data = {"file": (io.BytesIO(b"x" * SIZE_BYTES), "b.txt")}
    return client.post(url, data=data, content_type="multipart/form-data", **options)


@both_kinds
def test_i1_a_refused_save_keeps_the_text(client: Any, checker: Checker, site: Site) -> None:  # noqa: F811
    head = site.head()
    checker.refuse(full())
    typed = "my <script>text</script>\nsecond line\n"
    response = client.post("/New/save", data={"content": typed, "commit": "why", "base": head})
    assert response.status_code == 429
    assert response.headers["Cache-Control"] == "no-store"
    explanation = text_of(response, "conflict-explanation")
    assert "There may be 2 <b>pages</b>. Delete one first." in explanation
    assert "is kept as a draft" in explanation
    assert text_of(response, "conflict-content") == " ".join(typed.split())
    assert b"<script>text" not in response.data
    assert b'value="why"' in response.data
    assert site.head() == head
    draft = client.post("/New/edit", data={"draft": "edit"})
    assert b"second line" in draft.data
    checker.answer = lambda _proposal: None
    again = client.post("/New/save", data={"content": typed, "commit": "why", "base": head})
    assert again.status_code == 302
    assert site.read("new.md") == typed


def test_i1_a_size_is_413_and_programs_get_json(client: Any, checker: Checker) -> None:
    checker.refuse(full("page_bytes"))
    response = client.post("/New/save", data={"content": "x"}, headers=JSON)
    assert response.status_code == 413
    assert response.mimetype == "application/problem+json"
    sentence = "There may be 2 <b>pages</b>. Delete one first."
    assert response.json == {
        "type": "about:blank",
        "title": "Request Entity Too Large",
        "status": 413,
        "detail": sentence,
        "error": sentence,
        "code": "quota_exceeded",
        "what": "page_bytes",
        "limit": 2,
        "found": 3,
        "advice": "Delete one first.",
    }


DOORS: dict[str, Callable[[Any], Any]] = {
    "upload": lambda client: upload(client, "/Page/attachments"),
    "delete": lambda client: client.post("/Page/delete", data={}),
    "revert": lambda client: client.post("/-/revert/HEAD", data={}),
    "attachment rename": lambda client: client.post(
        "/Page/attachment/a.txt", data={"new_filename": "b.txt"}
    ),
    "attachment delete": lambda client: client.post("/Page/attachment/a.txt", data={"delete": "1"}),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("as_json", [False, True])
def test_i1_every_other_door_says_why(
    client: Any,
    checker: Checker,
    site: Site,  # noqa: F811
    door: str,
    as_json: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    head = site.head()
    asked = len(checker.seen)
    checker.refuse(full())
    if as_json:
        monkeypatch.setitem(client.environ_base, "HTTP_ACCEPT", "application/json")
    response = DOORS[door](client)
    assert len(checker.seen) == asked + 1, "the door did not come through Repository.commit"
    assert response.status_code == 429
    if as_json:
        assert response.json["code"] == "quota_exceeded"
    else:
        assert "There may be 2 <b>pages</b>." in text_of(response, "limit-explanation")
    assert site.head() == head


@pytest.mark.parametrize("door", DOORS)
def test_the_doors_lead_somewhere(client: Any, site: Site, door: str) -> None:  # noqa: F811
    """So that the test above can't pass because of a mistyped form."""
    head = site.head()
    assert DOORS[door](client).status_code in (200, 302)
    assert site.head() != head


@pytest.mark.parametrize("with_backlinks", [False, True])
def test_i1_a_refused_rename_says_why(
    client: Any,
    checker: Checker,
    site: Site,  # noqa: F811
    with_backlinks: bool,
) -> None:
    head = site.head()
    form = {"new_pagename": "Moved", "message": ""}
    if with_backlinks:
        form["update_backlinks"] = "1"
    checker.refuse(full())
    response = client.post("/Page/rename", data=form)
    assert response.status_code == 429
    assert "Delete one first." in response.get_data(as_text=True)
    assert client.post("/Page/rename", data=form, headers=JSON).json["limit"] == 2
    assert site.head() == head
    checker.answer = lambda _proposal: None
    assert client.post("/Page/rename", data=form).status_code == 302
    moved = checker.seen[-1][1]
    assert {"page.md", "moved.md", "page/a.txt", "moved/a.txt"} <= set(moved.changes)
    assert ("other.md" in moved.changes) == with_backlinks
    assert moved.added() == 0
    assert len({proposal.before.revision for _, proposal in checker.seen[-2:]}) == 1


def test_i1_the_editors_upload_is_refused_in_json(client: Any, checker: Checker) -> None:
    checker.refuse(full("attachment_bytes"))
    response = upload(client, "/Page/inline_attachment")
    assert response.status_code == 413
    assert response.json["detail"].endswith("Delete one first.")
    assert b"onFileUploadError" in client.post("/Page/edit").data


@pytest.mark.parametrize(("url", "status"), [("/New/save", 503), ("/Page/attachments", 503)])
def test_i8_a_failing_check_is_told_and_the_text_kept(
    client: Any, checker: Checker, url: str, status: int
) -> None:
    checker.refuse(OSError("the registry is gone"))
    if url.endswith("save"):
        response = client.post(url, data={"content": "typed"})
        assert text_of(response, "conflict-content") == "typed"
    else:
        response = upload(client, url)
    assert response.status_code == status
    assert "could not be checked" in response.get_data(as_text=True)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_i1_a_request_that_is_too_large_is_told_so(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    accept: str,
) -> None:
    monkeypatch.setitem(site.app.config, "MAX_CONTENT_LENGTH", 1_000)
    head = site.head()
    response = upload(client, "/Page/attachments", headers={"Accept": accept})
    assert response.status_code == 413
    if accept == "text/html":
        assert "larger than this wiki takes" in text_of(response, "limit-explanation")
    else:
        assert response.json["code"] == "too_large"
    assert site.head() == head
