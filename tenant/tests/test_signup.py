"""Who may join by signing in for the first time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from otterwiki_tenant import acls, audit, users
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import Action
from otterwiki_tenant.errors import NameTaken, SignupRefused, Suspended
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.signup import SignupPolicy, sign_up

NOW = datetime(2026, 11, 23, 2, 3, 4, tzinfo=UTC)


def _join(farm: Farm, policy: SignupPolicy, *, invited: bool = False, **who: str) -> users.User:
    named = {"did": "did:plc:new", "handle": "new.test", **who}
    with farm.database.writing() as session:
        return sign_up(
            session, policy, invited=invited, now=NOW, address="192.0.2.1",
            abuse_contact="help@farm.test", **named,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "invited"),
    [(SignupPolicy.OPEN, False), (SignupPolicy.OPEN, True), (SignupPolicy.INVITE, True)],
)
def test_who_may_join_does(any_farm: Farm, policy: SignupPolicy, invited: bool) -> None:
    person = _join(any_farm, policy, invited=invited)
    assert (person.username, person.is_active) == ("new", True)
    with any_farm.database.reading() as session:
        (entry,) = audit.of_person(session, person.did)
    assert (entry.action, entry.actor_did, entry.address) == (
        Action.USER_ADDED,
        person.did,
        "192.0.2.1",
    )


@pytest.mark.parametrize(
    ("policy", "invited", "words"),
    [
        (SignupPolicy.INVITE, False, "to invite you"),
        (SignupPolicy.CLOSED, False, "no new people"),
        (SignupPolicy.CLOSED, True, "no new people"),
    ],
)
def test_who_may_not_join_is_told_what_to_do(
    any_farm: Farm, policy: SignupPolicy, invited: bool, words: str
) -> None:
    with pytest.raises(SignupRefused, match=words):
        _join(any_farm, policy, invited=invited)
    with any_farm.database.reading() as session:
        assert users.by_did(session, "did:plc:new") is None
        assert users.name_owner(session, "new") is None


def test_d5_who_joins_with_a_handle_another_had_gets_the_handle_and_no_more(
    any_farm: Farm,
) -> None:
    with pytest.raises(NameTaken):  # the username is Alice's for good
        _join(any_farm, SignupPolicy.OPEN, handle="alice.test")
    with any_farm.database.reading() as session:
        assert users.get(session, "alice.test").did == "did:plc:alice"  # a refusal moves nothing
    _join(any_farm, SignupPolicy.OPEN, handle="alice.test", username="another")
    with any_farm.database.reading() as session:
        assert users.get(session, "alice.test").did == "did:plc:new"
        assert users.get(session, "did:plc:alice").handle == ""
        assert acls.role_of(session, "alice", "did:plc:new") is None
        assert acls.role_of(session, "alice", "did:plc:alice") is Role.OWNER


def test_h6_a_suspended_person_does_not_come_back_as_a_new_one(any_farm: Farm) -> None:
    with any_farm.database.writing() as session:
        users.suspend(session, "did:plc:carol", NOW)
        users.bury(session, "did:plc:carol", NOW)
    with pytest.raises(Suspended, match=r"help@farm\.test"):
        _join(any_farm, SignupPolicy.OPEN, did="did:plc:carol", handle="carol.test")
