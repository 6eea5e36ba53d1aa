"""One shape of refusal for programs: RFC 9457, with the members that clients of old read."""

from __future__ import annotations

import json

import pytest

from otterwiki_engine.problems import MEDIA_TYPE, STANDARD_MEMBERS, problem


def test_a_problem_has_the_members_of_rfc_9457_and_error() -> None:
    document, status = problem(409, "The page has changed.", current_revision="ab" * 20)
    assert status == 409
    assert document == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "The page has changed.",
        "error": "The page has changed.",
        "current_revision": "ab" * 20,
    }
    assert set(STANDARD_MEMBERS) < set(document)
    assert json.loads(json.dumps(document)) == document
    assert MEDIA_TYPE == "application/problem+json"


def test_what_is_none_is_left_out_and_a_code_is_one_word_more() -> None:
    document, _ = problem(404, "No such page.", code="not_found", current_revision=None)
    assert set(document) == {*STANDARD_MEMBERS, "code"}


@pytest.mark.parametrize("name", ["type", "title", "error"])
def test_no_member_takes_the_place_of_a_standard_one(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        problem(400, "No.", **{name: "x"})


def test_a_status_that_does_not_exist_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="999"):
        problem(999, "No.")
