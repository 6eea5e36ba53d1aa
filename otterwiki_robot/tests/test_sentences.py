"""The audit trail in sentences: one for every action, nothing in it that could be HTML or lost."""

from __future__ import annotations

import pytest

from otterwiki_robot.root.notices import SENTENCES as NOTICES
from otterwiki_robot.root.notices import Done, notice, with_notice
from otterwiki_robot.root.sentences import SENTENCES, browser_in_words, moment, sentence, told
from otterwiki_tenant.audit import Action, AuditEntry

ME, OTHER = "did:plc:me", "did:plc:other"


def entry(action: Action, **changed: object) -> AuditEntry:
    values: dict[str, object] = {
        "id": 1,
        "at": "2026-03-14T09:26:53Z",
        "action": action,
        "actor_did": ME,
        "wiki_slug": "alice",
        "subject_did": OTHER,
        "detail": None,
        "address": None,
        "actor_handle": "me.test",
        "subject_handle": "other.test",
    }
    return AuditEntry(**{**values, **changed})  # type: ignore[arg-type]


def test_every_action_has_a_sentence_and_every_notice_too() -> None:
    assert set(SENTENCES) == set(Action)
    assert set(NOTICES) == set(Done)
    for action in Action:
        line = told(entry(action, detail="editor"), ME)
        assert line.text.endswith(".") and line.text[0].isupper()
        assert "{" not in line.text


@pytest.mark.parametrize(
    ("changed", "reader", "text"),
    [
        ({}, ME, "You gave other.test access."),
        ({"detail": "viewer"}, ME, "You gave other.test access (viewer)."),
        ({}, OTHER, "me.test gave you access."),
        ({"actor_did": None, "actor_handle": None}, ME, "The operator gave other.test access."),
        (
            {"subject_handle": None},
            ME,
            "You gave a person without a handle today (did:plc:other) access.",
        ),
        ({"detail": "{who} <b>"}, ME, "You gave other.test access ({who} <b>)."),
    ],
)
def test_who_did_what_to_whom(changed: dict[str, object], reader: str, text: str) -> None:
    assert told(entry(Action.GRANTED, **changed), reader).text == text


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (None, "Unknown browser"),
        ("", "Unknown browser"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140 Safari/537.36 Edg/140",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile Safari/537.36", "Chrome on Android"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18 Safari/605",
            "Safari on macOS",
        ),
        ("curl/8.5.0", "curl"),
        ("<script>", "Unknown browser"),
        ("x" * 1000 + "Firefox/1", "Unknown browser"),
    ],
)
def test_browsers_in_words(user_agent: str | None, words: str) -> None:
    assert browser_in_words(user_agent) == words


def test_small_words() -> None:
    assert moment("2026-03-14T09:26:53Z") == "2026-03-14 09:26 UTC"
    assert sentence(ValueError("No")) == "No."
    assert sentence(ValueError("No!")) == "No!"
    assert notice(None) is None and notice("nothing") is None
    assert with_notice("/app/", Done.LEFT, wiki="a&b") == "/app/?wiki=a%26b&done=left"
