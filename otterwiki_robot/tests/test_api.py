"""The management API: one's wikis, their members and tokens, and everything it refuses."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from otterwiki_robot.installation import Installation
from otterwiki_robot.root.app import create_root_app
from otterwiki_tenant import acls, audit, names, people, token_store, users, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import OPERATOR, Action
from otterwiki_tenant.credentials import CredentialRefused
from otterwiki_tenant.wikis import WikiRecord

from .made_farm import ALICE, BOB
from .openapi_check import complaints
from .root_visitor import ADDRESS, BASE, RootVisitor

Visit = Callable[..., RootVisitor]
PROBLEM = "application/problem+json"
STANDARD = {"type", "title", "status", "detail", "error"}


def did(handle: str) -> str:
    return names.development_did(handle)


def record(installation: Installation, slug: str = "alice") -> WikiRecord | None:
    with installation.farm.database.reading() as session:
        return wikis.by_slug(session, slug)


def served(answer: TestResponse, status: int = 200) -> Any:
    """The document of an answer, which is what the OpenAPI document says it is."""
    assert answer.status_code == status, answer.text
    assert complaints(answer) == []
    return answer.json


def problem(answer: TestResponse, status: int, words: str = "") -> Any:
    """The problem of a refusal, in the one shape."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == PROBLEM
    assert answer.headers["Cache-Control"] == "private, no-store"
    document = answer.json
    assert document is not None and set(document) >= STANDARD
    assert (document["status"], document["error"]) == (status, document["detail"])
    assert document["detail"][-1] in ".!?"
    assert words in document["detail"]
    return document


# ---------------------------------------------------------------------- one's own


def test_me(visit: Visit) -> None:
    me = served(visit(ALICE).get("/api/me"))
    assert (me["did"], me["handle"], me["username"]) == (did(ALICE), ALICE, "alice")
    assert (me["wikis"], me["max_wikis"]) == (1, 1)
    assert len(me["csrf_token"]) == 64


def test_my_wikis_and_those_shared_with_me(installation: Installation, visit: Visit) -> None:
    people.grant(installation.farm, "alice", did(BOB), Role.VIEWER, OPERATOR)
    found = served(visit(BOB).get("/api/wikis"))
    assert [(wiki["slug"], wiki["role"], wiki["public"]) for wiki in found["wikis"]] == [
        ("bob", "owner", True),
        ("alice", "viewer", False),
    ]
    assert found["total"] == 2
    assert [w["slug"] for w in served(visit(ALICE).get("/api/wikis"))["wikis"]] == ["alice"]
    one = served(visit(BOB).get("/api/wikis/alice"))
    assert one == found["wikis"][1]
    assert one["url"] == "http://alice.robot.localhost:8000"
    for secret in ("$2b$", "session_key", "token"):
        assert secret not in visit(ALICE).get("/api/wikis").text


def test_a_wiki_is_made_with_its_token_once(
    installation: Installation, visit: Visit, carol: str
) -> None:
    person = visit(carol)
    body = {"name": "Carol's notes", "description": "What I read", "public": True}
    answer = person.api("POST", "/api/wikis", body)
    made = served(answer, 201)
    assert answer.headers["Location"] == "/api/wikis/carol"
    assert (made["slug"], made["name"], made["public"]) == ("carol", "Carol's notes", True)
    admission = installation.farm.admit_authorized("carol", f"Bearer {made['token']}")
    assert admission.actor is not None and admission.actor.did == did(carol)
    shown = served(person.get("/api/wikis/carol"))
    assert shown == {name: value for name, value in made.items() if name != "token"}
    with installation.farm.database.reading() as session:
        entry = audit.of_wiki(session, wikis.get(session, "carol"))[0]
    assert (entry.action, entry.actor_did, entry.address) == (
        Action.WIKI_CREATED,
        did(carol),
        ADDRESS,
    )
    refused = problem(person.api("POST", "/api/wikis", {"slug": "carol-two"}), 409)
    assert refused["code"] == "limit_reached"


def test_the_address_of_a_new_wiki(installation: Installation, visit: Visit, carol: str) -> None:
    farm = installation.farm
    farm.limits = dataclasses.replace(farm.limits, max_wikis=5)
    person = visit(carol)
    problem(person.api("POST", "/api/wikis", {"slug": "else"}), 422, "your username, carol")
    assert served(person.api("POST", "/api/wikis", {"slug": "carol"}), 201)["name"] == "carol"
    problem(person.api("POST", "/api/wikis", {}), 422, "slug is missing")
    taken = [
        problem(person.api("POST", "/api/wikis", {"slug": slug}), 409)
        for slug in ("alice", "bob", "carol")  # private, public, one's own
    ]
    assert all(document == taken[0] for document in taken)
    for slug in ("Admin", "admin", "a", "x" * 31, "\ud800", "a/b", ""):
        problem(person.api("POST", "/api/wikis", {"slug": slug}), 422)
    assert served(person.api("POST", "/api/wikis", {"slug": "carol-two"}), 201)["pages"] == 3


def test_a_change_is_made_as_a_whole_or_not_at_all(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    before = record(installation)
    assert before is not None
    for body, status in (
        ({"name": "New", "listed": True}, 409),  # a private wiki can't be listed
        ({"name": "New", "public": False, "listed": True}, 409),
        ({"name": "New", "description": "x" * 301}, 422),
        ({"name": "", "public": True}, 422),
        ({"name": "a\nb"}, 422),
        ({"name": "\ud800"}, 422),
    ):
        problem(alice.api("PATCH", "/api/wikis/alice", body), status)
        assert record(installation) == before
    body = {"name": "New", "description": "Birds", "public": True, "listed": True}
    changed = served(alice.api("PATCH", "/api/wikis/alice", body))
    assert {name: changed[name] for name in body} == body
    changed = served(alice.api("PATCH", "/api/wikis/alice", {"public": False}))
    assert (changed["public"], changed["listed"], changed["name"]) == (False, False, "New")
    assert served(alice.api("PATCH", "/api/wikis/alice", {})) == changed
    with installation.farm.database.reading() as session:
        told = [e.action for e in audit.of_wiki(session, wikis.get(session, "alice"))]
    assert told[:5] == [
        Action.MADE_PRIVATE,
        Action.UNLISTED,
        Action.LISTED,
        Action.MADE_PUBLIC,
        Action.WIKI_DESCRIBED,
    ]


def test_a_wiki_is_deleted_with_its_address_repeated(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    for query in ("", "?confirm=", "?confirm=bob", "?confirm=ALICE", "?confirm=true"):
        problem(alice.api("DELETE", f"/api/wikis/alice{query}"), 422, "?confirm=alice")
    assert record(installation) is not None
    done = served(alice.api("DELETE", "/api/wikis/alice?confirm=alice"))
    assert done == {"slug": "alice", "deleted": True}
    assert record(installation) is None
    assert record(installation, "bob") is not None
    problem(alice.api("DELETE", "/api/wikis/alice?confirm=alice"), 404)


# ---------------------------------------------------------------------- members


@pytest.mark.parametrize("named", ["handle", "DID"])
def test_members_are_added_changed_and_removed(
    installation: Installation, visit: Visit, named: str
) -> None:
    alice = visit(ALICE)
    bob = "/api/wikis/alice/members/" + (BOB if named == "handle" else did(BOB))
    assert served(alice.api("PUT", bob, {"role": "viewer"}), 201)["role"] == "viewer"
    assert served(alice.api("PUT", bob, {"role": "editor"}), 200)["handle"] == BOB
    found = served(alice.get("/api/wikis/alice/members"))
    assert [(m["handle"], m["role"]) for m in found["members"]] == [
        (ALICE, "owner"),
        (BOB, "editor"),
    ]
    assert served(visit(BOB).get("/api/wikis/alice/members")) == found
    assert served(alice.api("DELETE", bob)) == {"did": did(BOB), "removed": True}
    problem(alice.api("DELETE", bob), 404)
    problem(visit(BOB).get("/api/wikis/alice/members"), 404)
    with installation.farm.database.reading() as session:
        assert [member.did for member in acls.members(session, "alice")] == [did(ALICE)]


def test_members_that_can_not_be(installation: Installation, visit: Visit, carol: str) -> None:
    farm, alice = installation.farm, visit(ALICE)
    members = "/api/wikis/alice/members"
    problem(alice.api("PUT", f"{members}/nobody.test", {"role": "viewer"}), 404)
    problem(alice.api("PUT", f"{members}/not-a-handle", {"role": "viewer"}), 422)
    problem(alice.api("PUT", f"{members}/did:plc:nobody", {"role": "viewer"}), 404)
    for role in ("owner", "Editor", "", None, 1, ["editor"]):
        problem(alice.api("PUT", f"{members}/{BOB}", {"role": role}), 422)
    problem(alice.api("PUT", f"{members}/{ALICE}", {"role": "viewer"}), 409, "one owner")
    problem(alice.api("DELETE", f"{members}/{ALICE}"), 409, "only be deleted")
    farm.limits = dataclasses.replace(farm.limits, max_collaborators=1)
    served(alice.api("PUT", f"{members}/{BOB}", {"role": "viewer"}), 201)
    refused = problem(alice.api("PUT", f"{members}/{carol}", {"role": "viewer"}), 409, "Remove one")
    assert refused["code"] == "limit_reached"
    served(alice.api("PUT", f"{members}/{BOB}", {"role": "editor"}))


# ---------------------------------------------------------------------- tokens


def test_i4_tokens_are_made_shown_once_replaced_and_revoked(
    installation: Installation, visit: Visit
) -> None:
    alice, tokens = visit(ALICE), "/api/wikis/alice/tokens"
    body = {"name": "laptop", "role": "viewer", "expires_in_days": 30}
    made = served(alice.api("POST", tokens, body), 201)
    assert (made["name"], made["role"], made["state"]) == ("laptop", "viewer", "active")
    assert installation.farm.admit_authorized("alice", f"Bearer {made['token']}").role == "viewer"
    listed = served(alice.get(tokens))
    assert {item["name"] for item in listed["tokens"]} == {"laptop", "first token"}
    assert made["token"] not in alice.get(tokens).text
    new = served(alice.api("POST", f"{tokens}/{made['id']}/replace"), 201)
    assert new["name"] == "laptop" and new["token"] != made["token"]
    with pytest.raises(CredentialRefused):
        installation.farm.admit_authorized("alice", f"Bearer {made['token']}")
    done = served(alice.api("DELETE", f"{tokens}/{new['id']}"))
    assert done == {"id": new["id"], "revoked": True}
    for path in (f"{tokens}/{new['id']}", f"{tokens}/{'0' * 16}"):
        problem(alice.api("DELETE", path), 404)
    states = {item["id"]: item["state"] for item in served(alice.get(tokens))["tokens"]}
    assert (states[made["id"]], states[new["id"]]) == ("revoked", "revoked")
    assert "active" in states.values()
    for page in ("/app/connect", "/app/activity", "/app/settings", "/api/wikis/alice"):
        text = alice.get(page).text
        assert made["token"] not in text and new["token"] not in text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "role must be one of"),
        ({"name": "x"}, "role must be one of"),
        ({"name": "x", "role": "owner"}, "editor, viewer"),
        ({"role": "viewer"}, "name is empty"),
        ({"name": "a\nb", "role": "viewer"}, "one line"),
        ({"name": "<b>", "role": "viewer"}, "must not contain"),
        ({"name": 1, "role": "viewer"}, "must be text"),
        ({"name": "\ud800", "role": "viewer"}, "control characters"),
        ({"name": "x", "role": "viewer", "expires_in_days": 0}, "1 to 3650"),
        ({"name": "x", "role": "viewer", "expires_in_days": 10**30}, "1 to 3650"),
        ({"name": "x", "role": "viewer", "expires_in_days": True}, "whole number"),
        ({"name": "x", "role": "viewer", "expires_in_days": 1.5}, "whole number"),
        ({"name": "x", "role": "viewer", "expires_in_days": "1"}, "whole number"),
        ({"name": "x", "role": "viewer", "expires": 1}, "no member 'expires'"),
    ],
)
def test_tokens_that_can_not_be(
    installation: Installation, visit: Visit, body: dict[str, object], words: str
) -> None:
    problem(visit(ALICE).api("POST", "/api/wikis/alice/tokens", body), 422, words)
    with installation.farm.database.reading() as session:
        assert len(token_store.of_wiki(session, "alice")) == 1


def test_i1_the_limit_of_tokens(installation: Installation, visit: Visit) -> None:
    farm, alice = installation.farm, visit(ALICE)
    farm.limits = dataclasses.replace(farm.limits, max_tokens=1)
    body = {"name": "x", "role": "viewer"}
    refused = problem(alice.api("POST", "/api/wikis/alice/tokens", body), 409, "Revoke one")
    assert refused["code"] == "limit_reached"


# ---------------------------------------------------------------------- who may not


def _acts(installation: Installation) -> list[tuple[str, str, object]]:
    """Everything that changes something of Alice's wiki."""
    with installation.farm.database.reading() as session:
        any_of_them = token_store.of_wiki(session, "alice")[0].token.id
    token = f"/api/wikis/alice/tokens/{any_of_them}"
    return [
        ("PATCH", "/api/wikis/alice", {"name": "hacked", "public": True}),
        ("DELETE", "/api/wikis/alice?confirm=alice", None),
        ("PUT", f"/api/wikis/alice/members/{BOB}", {"role": "editor"}),
        ("DELETE", f"/api/wikis/alice/members/{BOB}", None),
        ("POST", "/api/wikis/alice/tokens", {"name": "x", "role": "editor"}),
        ("POST", f"{token}/replace", None),
        ("DELETE", token, None),
    ]


def _state(installation: Installation) -> object:
    with installation.farm.database.reading() as session:
        return (
            [(found, acls.members(session, found.slug)) for found in wikis.all_wikis(session)],
            token_store.of_wiki(session, "alice"),
            [person.did for person in users.all_users(session)],
        )


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.EDITOR])
def test_c4_only_an_owner_changes_a_wiki(
    installation: Installation, visit: Visit, role: Role | None
) -> None:
    """A member is told so; to a stranger there is no such wiki, private or missing."""
    if role is not None:
        people.grant(installation.farm, "alice", did(BOB), role, OPERATOR)
    before, bob = _state(installation), visit(BOB)
    for method, path, body in _acts(installation):
        problem(bob.api(method, path, body), 403 if role else 404)
    readings = {"": 200, "/members": 200, "/tokens": 403}
    for path, status in readings.items():
        answer = bob.get(f"/api/wikis/alice{path}")
        assert answer.status_code == (status if role else 404), path
        if role is None:
            missing = bob.get(f"/api/wikis/missing{path}")
            assert missing.json == answer.json
    assert _state(installation) == before


@pytest.mark.parametrize("path", ["/api/me", "/api/wikis", "/api/wikis/alice"])
def test_c6_a_wikis_token_is_no_key_to_its_management(
    installation: Installation, visit: Visit, path: str
) -> None:
    """Also beside the owner's own cookie, with all guards: the header decides alone."""
    made = visit(ALICE).api("POST", "/api/wikis/alice/tokens", {"name": "x", "role": "editor"})
    before = _state(installation)
    stranger, alice = visit(), visit(ALICE)
    for header in (f"Bearer {served(made, 201)['token']}", "Bearer x", "Basic YTpi", ""):
        sent = {"Authorization": header}
        for browser in (stranger, alice):
            refused = problem(browser.get(path, headers=sent), 401, "nothing here")
            assert refused["code"] == "unauthorized"
            for act, address, body in _acts(installation):
                answer = browser.api(act, address, body, headers=sent)
                problem(answer, 401)
                assert "WWW-Authenticate" in answer.headers
    assert _state(installation) == before


def test_nobody_is_asked_to_sign_in(installation: Installation, visit: Visit) -> None:
    before, stranger = _state(installation), visit()
    for method, path, body in _acts(installation):
        problem(stranger.api(method, path, body), 401, "Sign in first")
    for path in ("/api/me", "/api/wikis", "/api/wikis/alice", "/api/wikis/bob"):
        problem(stranger.get(path), 401)
    assert _state(installation) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://bob.robot.localhost:8000"},
        {"Origin": "http://bob.robot.localhost:8000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": BASE, "Sec-Fetch-Site": "same-site"},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": "ü"},
    ],
)
def test_d6_what_changes_something_comes_from_here_and_says_so(
    installation: Installation, visit: Visit, headers: dict[str, str]
) -> None:
    before, alice = _state(installation), visit(ALICE)
    for method, path, body in _acts(installation):
        problem(alice.api(method, path, body, headers=headers), 403)
    assert _state(installation) == before


def test_d6_a_token_of_a_form_is_of_one_session_and_no_field_of_the_body(
    installation: Installation, visit: Visit
) -> None:
    before, alice, bob = _state(installation), visit(ALICE), visit(BOB)
    for headers in (
        {"X-CSRF-Token": bob.csrf_token()},
        {"X-CSRF-Token": visit(ALICE).csrf_token()},
    ):
        problem(alice.api("PATCH", "/api/wikis/alice", {"name": "x"}, headers=headers), 403)
    form = {"form_token": alice.csrf_token(), "name": "x"}
    answer = alice.client.patch(
        "/api/wikis/alice", base_url=BASE, data=form, headers={"Origin": BASE}
    )
    problem(answer, 403, "X-CSRF-Token")
    assert _state(installation) == before


def test_d9_no_other_origin_may_read_an_answer(visit: Visit) -> None:
    for path in ("/api/me", "/api/wikis", "/api/openapi.json"):
        headers = {"Origin": "http://bob.robot.localhost:8000"}
        answer = visit(ALICE).get(path, headers=headers)
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_c7_a_removed_owner_or_ended_session_is_refused_at_once(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    token = alice.csrf_token()
    people.suspend_wiki(installation.farm, "alice")
    problem(alice.api("PATCH", "/api/wikis/alice", {"name": "x"}), 403, "suspended")
    assert served(alice.get("/api/wikis/alice"))["suspended_at"] is not None
    people.suspend_user(installation.farm, did(ALICE))
    before = _state(installation)
    for method, path, body in _acts(installation):
        problem(alice.api(method, path, body, headers={"X-CSRF-Token": token}), 401)
    assert _state(installation) == before


# ---------------------------------------------------------------------- one shape of refusals


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/wikis/alice/nothing", 404),
        ("GET", "/api/wikis/Alice", 404),
        ("GET", "/api/wikis/a%00b", 404),
        ("GET", "/api/wikis/%2e%2e", 404),
        ("DELETE", "/api/wikis/alice/tokens/x", 404),
        ("PUT", "/api/me", 405),
        ("POST", "/api/wikis/alice", 405),
        ("TRACE", "/api/wikis", 405),
    ],
)
def test_what_is_not_there_is_a_problem(visit: Visit, method: str, path: str, status: int) -> None:
    answer = visit(ALICE).api(method, path)
    problem(answer, status)
    if status == 405:
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"name": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'"x"', "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"name": NaN}', "application/json", 422),
        (b'{"public": "yes"}', "application/json", 422),
        (b'{"public": 1}', "application/json", 422),
        (b'{"owner_did": "did:plc:x"}', "application/json", 422),
        (b"name=x", "application/x-www-form-urlencoded", 415),
        (b'{"name": "x"}', "text/plain", 415),
        (b'{"name": "x"}', "", 415),
        (b'{"name": "' + b"x" * 300_000 + b'"}', "application/json", 413),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bodies_that_are_not_understood(
    installation: Installation, visit: Visit, data: bytes, content_type: str, status: int
) -> None:
    before, alice = record(installation), visit(ALICE)
    headers = {"Content-Type": content_type} if content_type else {}
    problem(alice.api("PATCH", "/api/wikis/alice", data=data, headers=headers), status)
    assert record(installation) == before


def test_i8_a_registry_that_does_not_answer_is_a_problem_too(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    installation.farm.database.close()
    with sqlite3.connect(installation.farm.layout.registry) as connection:
        connection.execute("DROP TABLE wikis")
    connection.close()
    problem(alice.get("/api/wikis"), 503)


def test_i7_an_error_of_ours_tells_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Flask = create_root_app(installation.settings, installation.farm)
    alice = RootVisitor(installation, app).sign_in(ALICE)

    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("the secret of the house")

    monkeypatch.setattr(wikis, "shared_with", fail)
    assert "secret" not in problem(alice.get("/api/wikis"), 500)["detail"]
