"""The audit trail: written with the act, shown to the right people, logged without a secret."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from otterwiki_tenant import audit, clock, users, wikis
from otterwiki_tenant.audit import Action
from otterwiki_tenant.database import Database
from otterwiki_tenant.wikis import WikiRecord

NOW = datetime(2026, 11, 23, 2, 3, 4, tzinfo=UTC)
ALICE, ROBERT = "did:plc:alice", "did:plc:robert"


@pytest.fixture(autouse=True)
def people(database: Database) -> None:
    """Alice and Robert."""
    with database.writing() as session:
        for name in ("alice", "robert"):
            users.add(session, did=f"did:plc:{name}", handle=f"{name}.test", now=NOW)


def _wiki(slug: str = "alice", made: datetime = NOW) -> WikiRecord:
    return WikiRecord(
        slug, ALICE, slug, "/", "hash", "id", False, clock.timestamp(made), "", 0, None, "key"
    )


def _record(database: Database, action: Action, moment: datetime = NOW, **values: str) -> None:
    with database.writing() as session:
        audit.record(session, action, now=moment, **{"actor_did": None, **values})


def test_a_row_comes_back_as_written_with_todays_handles(database: Database) -> None:
    _record(
        database,
        Action.GRANTED,
        actor_did=ALICE,
        wiki_slug="alice",
        subject_did=ROBERT,
        detail="editor",
        address="192.0.2.1",
    )
    _record(database, Action.WIKI_SUSPENDED, wiki_slug="alice", detail="x" * 1000)
    with database.reading() as session:
        suspended, granted = audit.search(session)
    assert (granted.action, granted.at) == (Action.GRANTED, clock.timestamp(NOW))
    assert (granted.actor_did, granted.actor_handle) == (ALICE, "alice.test")
    assert (granted.subject_did, granted.subject_handle) == (ROBERT, "robert.test")
    assert (granted.detail, granted.address) == ("editor", "192.0.2.1")
    assert (suspended.actor_did, suspended.actor_handle, suspended.address) == (None, None, None)
    assert suspended.detail == "x" * audit.MAX_DETAIL_CHARACTERS


def test_an_act_that_is_undone_leaves_no_row_and_no_line(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "otterwiki_tenant.audit")

    def fail() -> None:
        with database.writing() as session:
            audit.record(session, Action.GRANTED, now=NOW, actor_did=ALICE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading() as session:
        audit.record(session, Action.GRANTED, now=NOW, actor_did=ALICE)
    with database.reading() as session:
        assert audit.search(session) == []
    assert caplog.records == []


def test_i6_each_row_is_one_log_line(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "otterwiki_tenant.audit")
    with database.writing() as session:
        audit.record(
            session,
            Action.REVOKED,
            now=NOW,
            actor_did=ALICE,
            wiki_slug="alice",
            detail="viewer",
            address="192.0.2.1",
        )
        audit.record(session, Action.USER_RESUMED, now=NOW, actor_did=None, subject_did=ROBERT)
        assert caplog.records == []  # nothing is told before it is so
    first, second = [record.__dict__["fields"] for record in caplog.records]
    assert {record.getMessage() for record in caplog.records} == {"audit"}
    assert first == {
        "action": "revoked",
        "actor": ALICE,
        "wiki": "alice",
        "subject": None,
        "detail": "viewer",
        "address": "192.0.2.1",
    }
    assert (second["action"], second["actor"]) == ("user_resumed", "operator")
    with database.writing() as session:  # once told, not told again
        audit.record(session, Action.SIGNED_IN, now=NOW, actor_did=ALICE)
    assert len(caplog.records) == 3


def test_i6_a_refused_sign_in_of_somebody_unknown_is_not_the_operators(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "otterwiki_tenant.audit")
    _record(database, Action.SIGN_IN_REFUSED, detail="bad link")
    _record(database, Action.WIKI_SUSPENDED, wiki_slug="alice")
    _record(database, Action.SIGN_IN_REFUSED, actor_did=ALICE)
    _record(database, Action.SIGN_IN_REFUSED, actor_did="did:plc:gone")
    with database.reading() as session:
        shown = [entry.actor_name for entry in reversed(audit.search(session))]
    logged = [record.__dict__["fields"]["actor"] for record in caplog.records]
    assert shown == ["nobody", "operator", "alice.test", "did:plc:gone"]
    assert logged == ["nobody", "operator", ALICE, "did:plc:gone"]


def test_h6_the_owner_sees_nothing_of_an_earlier_wiki(database: Database) -> None:
    """Not even within the second in which one was deleted and the next was made."""
    _record(database, Action.WIKI_CREATED, actor_did=ALICE, wiki_slug="alice")
    _record(database, Action.GRANTED, actor_did=ALICE, wiki_slug="alice", subject_did=ROBERT)
    _record(database, Action.GRANTED, actor_did=ROBERT, wiki_slug="robert", subject_did=ALICE)
    with database.reading() as session:
        seen = [entry.action for entry in audit.of_wiki(session, _wiki())]
    assert seen == [Action.GRANTED, Action.WIKI_CREATED]
    _record(database, Action.WIKI_DELETED, actor_did=ALICE, wiki_slug="alice")
    _record(database, Action.WIKI_CREATED, actor_did=ALICE, wiki_slug="alice")
    with database.reading() as session:
        assert [e.action for e in audit.of_wiki(session, _wiki())] == [Action.WIKI_CREATED]
        assert audit.of_wiki(session, _wiki(made=NOW + timedelta(seconds=1))) == []
        everything = [e.action for e in audit.search(session, wiki_slug="alice")]
    assert len(everything) == 4


def test_addresses_are_shown_to_those_who_had_them(database: Database) -> None:
    _record(database, Action.GRANTED, actor_did=ALICE, wiki_slug="alice", subject_did=ROBERT,
            address="192.0.2.1")  # fmt: skip
    _record(database, Action.LEFT, actor_did=ROBERT, wiki_slug="alice", subject_did=ROBERT,
            address="192.0.2.2")  # fmt: skip
    with database.reading() as session:
        of_wiki = [entry.address for entry in audit.of_wiki(session, _wiki())]
        of_robert = [entry.address for entry in audit.of_person(session, ROBERT)]
        of_operator = [entry.address for entry in audit.search(session, did=ROBERT)]
    assert of_wiki == [None, "192.0.2.1"]
    assert of_robert == ["192.0.2.2", None]
    assert of_operator == ["192.0.2.2", "192.0.2.1"]


def test_a_person_sees_what_concerns_them_only(database: Database) -> None:
    _record(database, Action.SIGNED_IN, actor_did=ALICE, detail="login-link")
    _record(database, Action.SIGNED_IN, actor_did=ROBERT, detail="login-link")
    _record(database, Action.USER_SUSPENDED, subject_did=ALICE, detail="spam")
    with database.reading() as session:
        entries = audit.of_person(session, ALICE)
        assert [e.action for e in entries] == [Action.USER_SUSPENDED, Action.SIGNED_IN]
        assert len(audit.of_person(session, ALICE, limit=1)) == 1
        # the limit is on what was asked for
        (old,) = audit.of_person(session, ALICE, 1, {Action.SIGNED_IN, Action.LEFT})
        assert (old.action, old.actor_did) == (Action.SIGNED_IN, ALICE)
        assert audit.of_person(session, ALICE, actions=()) == []
        assert len(audit.search(session, limit=2)) == 2
        assert [e.actor_did for e in audit.search(session, action=Action.SIGNED_IN)] == [
            ROBERT,
            ALICE,
        ]


def test_rows_are_removed_after_a_year(database: Database) -> None:
    for days in (0, audit.KEPT_DAYS, audit.KEPT_DAYS + 1):
        _record(database, Action.SIGNED_IN, NOW - timedelta(days=days), actor_did=ALICE)
    with database.writing() as session:
        assert audit.prune(session, NOW) == 1
        assert audit.prune(session, NOW) == 0
        assert audit.prune(session, NOW, days=1) == 1
    with database.reading() as session:
        assert len(audit.search(session)) == 1


def test_a_row_outlives_whom_and_what_it_is_about(database: Database) -> None:
    _record(database, Action.GRANTED, actor_did=ALICE, wiki_slug="alice", subject_did=ROBERT)
    with database.writing() as session:
        users.bury(session, ROBERT, NOW)
        assert wikis.by_slug(session, "alice") is None
    with database.reading() as session:
        (entry,) = audit.search(session, did=ROBERT)
    assert (entry.subject_did, entry.subject_handle) == (ROBERT, None)
