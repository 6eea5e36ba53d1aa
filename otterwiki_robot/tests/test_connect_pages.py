"""/app/connect: tokens made, shown once, replaced and revoked, and what to do with them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from otterwiki_robot.installation import Installation
from otterwiki_robot.root.connect import LIFETIMES
from otterwiki_tenant import clock, names, people, token_store, wiki_tokens
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import OPERATOR
from otterwiki_tenant.credentials import CredentialRefused
from otterwiki_tenant.token_store import Listed, State
from otterwiki_tenant.wiki_tokens import MAX_LIFETIME_DAYS

from .made_farm import ALICE, BOB
from .root_visitor import RootVisitor

Visit = Callable[..., RootVisitor]
PAGE = "/app/connect"
FORM = {"name": "Ann's laptop", "role": "viewer", "lifetime": "30"}
_TOKEN = re.compile(r"rbt_[0-9a-f]{16}_[A-Za-z0-9]{40}")


def change(visitor: RootVisitor, do: str, **values: str) -> Any:
    return visitor.post(PAGE, {"wiki": "alice", "do": do, **values}, page="/app/account")


def listed(installation: Installation, slug: str = "alice") -> list[Listed]:
    with installation.farm.database.reading() as session:
        return token_store.of_wiki(session, slug)


def named(installation: Installation, name: str) -> Listed:
    (found,) = (item for item in listed(installation) if item.token.name == name)
    return found


def opens(installation: Installation, token: str) -> bool:
    try:
        return installation.farm.admit_authorized("alice", f"Bearer {token}").actor is not None
    except CredentialRefused:
        return False


def test_i4_a_token_is_shown_in_the_answer_and_never_again(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    answer = change(alice, "make", **FORM)
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "private, no-store"
    (token,) = set(_TOKEN.findall(answer.text))
    assert opens(installation, token)
    record = named(installation, "Ann's laptop").token
    assert record.role is Role.VIEWER and record.expires_at is not None
    lives = clock.parse(record.expires_at) - clock.parse(record.created_at)
    assert lives == timedelta(days=30)
    for path in (PAGE, "/app/", "/app/settings", "/app/activity", "/app/account"):
        assert token not in alice.get(path).text
    assert "You made a token (Ann&#39;s laptop, viewer)." in alice.get("/app/activity").text


def test_the_list_says_role_maker_expiry_and_use(installation: Installation, visit: Visit) -> None:
    alice = visit(ALICE)
    change(alice, "make", **FORM)
    moment = clock.now()
    record = named(installation, "Ann's laptop").token
    with installation.farm.database.writing() as session:
        token_store.use(session, record.id, moment)
    page = unescape(alice.get(PAGE).text)
    assert "first token" in page and "never used" in page and "works until it is revoked" in page
    assert record.expires_at is not None
    assert f"{record.expires_at[:10]} {record.expires_at[11:16]} UTC" in page
    assert f'last used about <time datetime="{clock.timestamp(moment)}">' in page
    assert page.count("by you") == 2


def test_replace_and_revoke(installation: Installation, visit: Visit) -> None:
    alice = visit(ALICE)
    (old,) = _TOKEN.findall(change(alice, "make", **FORM).text)
    answer = change(alice, "replace", token_id=named(installation, "Ann's laptop").token.id)
    assert answer.status_code == 201
    (new,) = _TOKEN.findall(answer.text)
    assert (opens(installation, old), opens(installation, new)) == (False, True)
    token_id = new.split("_")[1]
    done = change(alice, "revoke", token_id=token_id)
    assert "The token is revoked" in alice.follow(done).text
    assert not opens(installation, new)
    assert "Tokens that have ended" in alice.get(PAGE).text
    for do in ("revoke", "replace"):
        for gone in (token_id, "", "x", "0" * 16):
            assert change(alice, do, token_id=gone).status_code == 409
    assert {item.token.state(clock.now()) for item in listed(installation)} == {
        State.ACTIVE,
        State.REVOKED,
    }


def test_c3_the_other_wikis_tokens_are_out_of_reach(
    installation: Installation, visit: Visit
) -> None:
    (theirs,) = listed(installation, "bob")
    alice = visit(ALICE)
    for do in ("revoke", "replace"):
        assert change(alice, do, token_id=theirs.token.id).status_code == 409
        answer = alice.post(
            PAGE, {"wiki": "bob", "do": do, "token_id": theirs.token.id}, page="/app/account"
        )
        assert answer.status_code == 404
    assert listed(installation, "bob") == [theirs]
    assert theirs.token.id not in alice.get(PAGE).text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": ""}, "The name is empty"),
        ({"name": "x" * 61}, "at most 60"),
        ({"name": "<script>alert(1)</script>"}, "must not contain"),
        ({"role": "owner"}, "Choose editor or viewer."),
        ({"role": ""}, "Choose editor or viewer."),
        ({"lifetime": "7000"}, "Choose how long"),
        ({"lifetime": "x"}, "Choose how long"),
    ],
)
def test_what_can_not_be_is_said_beside_the_field(
    installation: Installation, visit: Visit, values: dict[str, str], words: str
) -> None:
    answer = change(visit(ALICE), "make", **{**FORM, **values})
    assert answer.status_code == 422
    assert words in answer.text
    assert "<script>alert" not in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert len(listed(installation)) == 1


def test_another_button_changes_nothing(installation: Installation, visit: Visit) -> None:
    assert change(visit(ALICE), "x").status_code == 400
    assert len(listed(installation)) == 1


def test_i1_at_the_limit_the_page_says_what_to_do(installation: Installation, visit: Visit) -> None:
    farm, alice = installation.farm, visit(ALICE)
    farm.limits = dataclasses.replace(farm.limits, max_tokens=1)
    page = alice.get(PAGE).text
    assert "as many as a wiki may have" in page and 'name="lifetime"' not in page
    refused = change(alice, "make", **FORM)  # from an older page, still open
    assert refused.status_code == 409
    assert "Revoke one to make room" in refused.text
    assert change(alice, "replace", token_id=listed(installation)[0].token.id).status_code == 201


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_c4_tokens_are_the_owners(installation: Installation, visit: Visit, role: Role) -> None:
    people.grant(installation.farm, "alice", names.development_did(BOB), role, OPERATOR)
    bob = visit(BOB)
    assert bob.get(f"{PAGE}?wiki=alice").status_code == 403
    assert change(bob, "make", **FORM).status_code == 403
    token_id = listed(installation)[0].token.id
    assert change(bob, "revoke", token_id=token_id).status_code == 403
    assert len(listed(installation)) == 1


def test_h5_to_a_stranger_there_is_no_such_page(visit: Visit) -> None:
    bob = visit(BOB)
    private, missing = (bob.get(f"{PAGE}?wiki={slug}") for slug in ("alice", "missing"))
    assert private.status_code == missing.status_code == 404
    assert private.text == missing.text


def test_the_examples_are_of_this_wiki(installation: Installation, visit: Visit) -> None:
    private, public = visit(ALICE).get(PAGE).text, visit(BOB).get(PAGE).text
    for page, slug in ((private, "alice"), (public, "bob")):
        url = f"http://{slug}.robot.localhost:8000"
        assert f'curl --header "Authorization: Bearer TOKEN" \\\n  {url}/api/v1/pages<' in page
        assert f"git clone {url}/repo.git {slug}<" in page
    assert "git asks for a user name" in private and "git asks" not in public
    assert "Anyone can clone" in public


def test_a_hostile_name_of_a_maker_is_only_text(installation: Installation, visit: Visit) -> None:
    """A handle can't hold markup; a token's name may hold anything but the brackets."""
    wiki_tokens.make(installation.farm, "alice", OPERATOR, name="\"'&amp;{{7*7}}", role=Role.VIEWER)
    page = visit(ALICE).get(PAGE).text
    assert "&#34;&#39;&amp;amp;{{7*7}}" in page


def test_every_lifetime_of_the_form_is_one_that_a_token_can_have() -> None:
    assert all(days is None or 1 <= days <= MAX_LIFETIME_DAYS for _, _, days in LIFETIMES)
    assert len({value for value, _, _ in LIFETIMES}) == len(LIFETIMES)
