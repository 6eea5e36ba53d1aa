"""The limits of a wiki, met in Otterwiki's own pages and forms."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from otterwiki_access_control import draft_limits
from otterwiki_tenant import skeleton, wikis
from otterwiki_tenant.limits import FarmLimits
from otterwiki_tenant.testing import SmallFarm, Visitor

LIMITS = FarmLimits(max_pages=3, page_bytes=2_000, attachment_bytes=3_000, repository_bytes=None)


@pytest.fixture
def small_farm(tmp_path: Path) -> Iterator[SmallFarm]:
    """Alice's wiki stands at its limit of 3 pages, Robert's has one page."""
    made = SmallFarm(tmp_path / "home", limits=LIMITS)
    visitor = made.visitor(made.alice)
    for name, text in (("Linked", "old"), ("Linking", "[[Linked]]")):
        assert save(visitor, name, text).status_code == 302
    yield made
    made.close()


@pytest.fixture
def alice(small_farm: SmallFarm) -> Visitor:
    return small_farm.visitor(small_farm.alice)


def save(visitor: Visitor, page: str, text: str, wiki: str = "alice") -> TestResponse:
    return visitor.post(wiki, f"/{page}/save", {"content": text, "commit": "m"})


def upload(visitor: Visitor, door: str, size_bytes: int, **options: Any) -> TestResponse:
    file = (io.BytesIO(b"x" * size_bytes), "data.txt")
    return visitor.post("alice", f"/Linked/{door}", {"file": file}, **options)


def pages(small_farm: SmallFarm, wiki: str = "alice") -> list[str]:
    with small_farm.farm.database.reading() as session:
        record = wikis.get(session, wiki)
    files = small_farm.farm.opened(record).wiki.repository.snapshot().files()
    assert record.page_count == sum(path.endswith(".md") for path in files)
    return files


def lower_limit(small_farm: SmallFarm, max_pages: int) -> None:
    with small_farm.farm.database.writing() as session:
        wikis.set_max_pages(session, "alice", max_pages)


def test_i1_a_new_page_at_the_limit_is_refused_with_its_text(
    small_farm: SmallFarm, alice: Visitor
) -> None:
    response = save(alice, "Fourth", "what I typed")
    assert response.status_code == 429
    shown = response.get_data(as_text=True)
    assert "This wiki may have 3 pages; with this change it would have 4." in shown
    assert "Delete or merge pages" in shown
    assert "what I typed" in shown
    assert pages(small_farm) == ["Home.md", "Linked.md", "Linking.md"]
    assert save(small_farm.visitor(small_farm.robert), "Second", "x", "robert").status_code == 302
    assert pages(small_farm, "robert") == ["Home.md", "Second.md"]


def test_i1_an_editor_meets_the_limit_too(small_farm: SmallFarm) -> None:
    edith = small_farm.visitor(small_farm.edith)
    assert save(edith, "Fourth", "x").status_code == 429
    assert save(edith, "Linked", "edited").status_code == 302


def test_i1_a_draft_of_a_new_page_stays_a_draft(small_farm: SmallFarm, alice: Visitor) -> None:
    kept = alice.post(
        "alice",
        "/Fourth/draft",
        {"content": "drafted", "revision": "", "cursor_line": "0", "cursor_ch": "0"},
    )
    assert kept.status_code == 200
    assert save(alice, "Fourth", "drafted").status_code == 429
    assert b"drafted" in alice.post("alice", "/Fourth/edit", {"draft": "edit"}).data
    assert alice.post("alice", "/Linking/delete", {"message": ""}).status_code == 302
    assert save(alice, "Fourth", "drafted").status_code == 302
    assert "Fourth.md" in pages(small_farm)


def draft(
    visitor: Visitor, page: str, text: str, wiki: str = "alice", **fields: str
) -> TestResponse:
    form = {"content": text, "revision": "", "cursor_line": "0", "cursor_ch": "0", **fields}
    return visitor.post(wiki, f"/{page}/draft", form)


def refused_draft(response: TestResponse, status: int, what: str) -> str:
    """The words a draft was refused with, as the editor's script gets them."""
    assert response.status_code == status
    assert response.json is not None
    assert response.json["what"] == what
    return response.json["detail"]


def test_i1_a_draft_may_be_as_large_as_a_page(small_farm: SmallFarm, alice: Visitor) -> None:
    for page in ("Linked", "Nowhere"):
        said = refused_draft(draft(alice, page, "x" * 2_001), 413, "page_bytes")
        assert "A draft may have 2,000 bytes" in said
        assert draft(alice, page, "x\r\n" * 1_000).status_code == 200, "newlines are one byte"
    assert draft(alice, "Linked", "y", revision="z" * 100_000).status_code == 400
    small_farm.farm.limits = FarmLimits(page_bytes=None)
    assert draft(alice, "Linked", "x" * 2_001).status_code == 200


def test_i1_nobody_has_any_number_of_drafts(
    small_farm: SmallFarm, alice: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_limits, "MOST_DRAFTS", 2)
    edith = small_farm.visitor(small_farm.edith)
    for page in ("One", "Two"):
        assert draft(edith, page, "x").status_code == 200
    said = refused_draft(draft(edith, "Three", "x"), 429, "drafts")
    assert "You have 2 drafts in this wiki" in said
    assert draft(edith, "Two", "continued").status_code == 200
    assert draft(alice, "Three", "x").status_code == 200, "another person's"
    assert draft(edith, "Three", "x", "robert").status_code == 200, "another wiki's"
    assert edith.post("alice", "/One/draft/discard", {}).status_code == 200
    assert draft(edith, "Three", "x").status_code == 200


def test_i1_drafts_of_a_wiki_take_so_much_together(
    small_farm: SmallFarm, alice: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_limits, "MOST_PAGES_WORTH", 1)
    edith = small_farm.visitor(small_farm.edith)
    assert draft(alice, "One", "x" * 1_000).status_code == 200
    assert draft(alice, "Two", "x" * 1_000).status_code == 200
    said = refused_draft(draft(edith, "Three", "x"), 413, "drafts_bytes")
    assert "may take 2,000 bytes together; with this one it would be 2,001" in said
    assert draft(edith, "Three", "x", "robert").status_code == 200, "another wiki's"
    assert draft(alice, "One", "x" * 2_000).status_code == 200, "one that is there may grow"
    refused_draft(draft(alice, "Two", "x" * 2_000 + "y"), 413, "page_bytes")
    assert draft(alice, "Two", "x" * 2_000).status_code == 200, "up to twice as much"
    small_farm.farm.limits = replace(LIMITS, page_bytes=1_900)
    assert draft(alice, "One", "x" * 1_850).status_code == 200, "shorter than it was"
    refused_draft(draft(alice, "One", "x" * 1_851), 413, "drafts_bytes")
    assert save(alice, "Linked", "saved all the same").status_code == 302


@pytest.mark.parametrize("max_pages", [3, 1])
def test_i1_edit_rename_revert_and_delete_work_at_and_above_the_limit(
    small_farm: SmallFarm, alice: Visitor, max_pages: int
) -> None:
    lower_limit(small_farm, max_pages)
    assert save(alice, "Linked", "edited").status_code == 302
    assert alice.post("alice", "/-/revert/HEAD", {"message": ""}).status_code == 302
    assert "old" in alice.get("alice", "/Linked").get_data(as_text=True)
    renamed = alice.post(
        "alice",
        "/Linked/rename",
        {"new_pagename": "Moved", "message": "", "update_backlinks": "1"},
    )
    assert renamed.status_code == 302
    assert pages(small_farm) == ["Home.md", "Linking.md", "Moved.md"]
    assert "Moved" in alice.get("alice", "/Linking/source").get_data(as_text=True)
    assert upload(alice, "attachments", 100).status_code == 302
    assert alice.post("alice", "/Moved/delete", {"message": ""}).status_code == 302
    assert "Moved.md" not in pages(small_farm)


def test_i1_a_revert_that_brings_a_page_back_is_refused(
    small_farm: SmallFarm, alice: Visitor
) -> None:
    assert alice.post("alice", "/Linked/delete", {"message": ""}).status_code == 302
    lower_limit(small_farm, 2)
    response = alice.post("alice", "/-/revert/HEAD", {"message": ""})
    assert response.status_code == 429
    assert "This wiki may have 2 pages" in response.get_data(as_text=True)


def test_i1_housekeeping_works_above_the_limit(small_farm: SmallFarm, alice: Visitor) -> None:
    assert save(alice, "Linked", "").status_code == 302
    lower_limit(small_farm, 1)
    form = {"task": "emptypages", "clean": "1", "delete_empty_page": "Linked"}
    assert alice.post("alice", "/-/housekeeping", form).status_code < 400
    assert "Linked.md" not in pages(small_farm)


def test_i1_a_page_that_is_too_large(small_farm: SmallFarm, alice: Visitor) -> None:
    response = save(alice, "Linked", "word " * 401)
    assert response.status_code == 413
    shown = response.get_data(as_text=True)
    assert "A page may have 2,000 bytes; the page Linked would have 2,005." in shown
    assert "word word" in shown
    assert "old" in alice.get("alice", "/Linked").get_data(as_text=True)


@pytest.mark.parametrize("door", ["attachments", "inline_attachment"])
def test_i1_an_upload_that_is_too_large(small_farm: SmallFarm, alice: Visitor, door: str) -> None:
    response = upload(alice, door, 3_001)
    assert response.status_code == 413
    said = "A file may have 3,000 bytes; the file data.txt would have 3,001."
    if door == "attachments":
        assert said in response.get_data(as_text=True)
    else:
        assert response.json is not None
        assert response.json["detail"].startswith(said)
        assert response.json["code"] == "quota_exceeded"
    assert pages(small_farm) == ["Home.md", "Linked.md", "Linking.md"]
    assert upload(alice, door, 3_000).status_code in (200, 302)


def test_i1_programs_get_json(small_farm: SmallFarm, alice: Visitor) -> None:
    response = alice.post(
        "alice",
        "/Fourth/save",
        {"content": "x"},
        headers={"Accept": "application/json"},
    )
    assert response.status_code == 429
    assert response.json is not None
    error = response.json
    assert (error["what"], error["limit"], error["found"]) == ("pages", 3, 4)


@pytest.fixture
def standard_limits(small_farm: SmallFarm, monkeypatch: pytest.MonkeyPatch) -> SmallFarm:
    """The farm with the limits that it has by default, in the settings of Otterwiki too."""
    small_farm.farm.limits = FarmLimits()
    settings = skeleton.settings(small_farm.farm, small_farm.farm.layout.run)
    for name in ("MAX_CONTENT_LENGTH", "MAX_FORM_MEMORY_SIZE"):
        monkeypatch.setitem(small_farm.app.config, name, settings[name])
    return small_farm


def test_i1_a_page_of_the_largest_size_can_be_sent_however_it_is_encoded(
    standard_limits: SmallFarm,
) -> None:
    """Otterwiki itself reads forms up to a million bytes only, and Cyrillic takes three each."""
    robert = standard_limits.visitor(standard_limits.robert)
    text = "\u0436" * 499_000 + "\n"
    assert 990_000 < len(text.encode()) < 1_000_000
    assert save(robert, "Long", text, "robert").status_code == 302
    assert save(robert, "Long", text * 2, "robert").status_code == 413
    assert save(robert, "Long", "\u0436" * 5_000_000, "robert").status_code == 413


def test_i1_a_request_that_is_too_large_is_answered(
    standard_limits: SmallFarm, alice: Visitor
) -> None:
    assert upload(alice, "attachments", 10_000_000).status_code == 302
    assert upload(alice, "attachments", 10_000_001).status_code == 413
    response = upload(alice, "attachments", 22_000_000)
    assert response.status_code == 413
    assert "larger than this wiki takes at once (21.0 MB)" in response.get_data(as_text=True)
