"""H1: every route of the root host is asked as everybody, and answers as its row says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from otterwiki_robot.installation import Installation
from otterwiki_robot.root import routes
from otterwiki_robot.root.routes import ROUTES, RootRoute, Who, needed
from otterwiki_tenant import acls, names, people, token_store, users, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import By

from .made_farm import ALICE, BOB
from .root_visitor import BASE, RootVisitor, make_app

#: The form that each POST takes; whoever may send it changes what is named.
FORMS: dict[str, dict[str, str]] = {
    "account.delete": {"confirmation": "alice.test"},
    "account.end_session": {"session": "x"},
    "account.sign_out_everywhere": {},
    "collaborators.change": {"do": "invite", "handle": BOB, "role": "viewer"},
    "create.create": {"name": "Second", "purpose": "x"},
    "export_pages.download": {"kind": "markdown"},
    "import_pages.decide": {"do": "discard"},
    "import_pages.stage": {"url": ""},
    "overview.leave": {"wiki": "alice"},
    "connect.change": {"do": "make", "name": "laptop", "role": "viewer", "lifetime": "30"},
    "signing.confirm": {"next": "http://alice.robot.localhost:8000/", "nonce": "x"},
    "signing.sign_out": {},
    "wiki_settings.change": {"do": "visibility", "visibility": "public", "sure": "yes"},
}
#: The JSON object that each unsafe route of the API takes; None: it takes none.
BODIES: dict[tuple[str, str], dict[str, object] | None] = {
    ("api.create_wiki", "POST"): {"name": "Second"},
    ("api.change_wiki", "PATCH"): {"name": "hacked", "public": True},
    ("api.delete_wiki", "DELETE"): None,
    ("api.set_member", "PUT"): {"role": "viewer"},
    ("api.remove_member", "DELETE"): None,
    ("api.create_token", "POST"): {"name": "laptop", "role": "editor"},
    ("api.replace_token", "POST"): None,
    ("api.revoke_token", "DELETE"): None,
}
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
VALUES = {
    "filename": "img/otter.png", "token": "x", "staged_id": "x", "size": "8", "extra": "x",
    "slug": "alice", "person": BOB,
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody who asks about Alice's private wiki, and what they are there."""

    handle: str | None
    who: frozenset[Who]


PEOPLE = {
    "nobody": Person(None, frozenset({Who.ANYONE})),
    "stranger": Person(BOB, frozenset({Who.ANYONE, Who.SIGNED_IN})),
    "member": Person("edith.test", frozenset({Who.ANYONE, Who.SIGNED_IN, Who.MEMBER})),
    "owner": Person(ALICE, frozenset(Who)),
}


@pytest.fixture
def app(installation: Installation) -> Flask:
    """The root host; Edith is an editor of Alice's wiki."""
    farm, alice = installation.farm, names.development_did(ALICE)
    edith = people.add_user(farm, did=names.development_did("edith.test"), handle="edith.test")
    people.grant(farm, "alice", edith.did, Role.EDITOR, By(alice, None))
    return make_app(installation)


def _sent(app: Flask, token_id: str = "0" * 16) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and address of every rule, about Alice's wiki and that token of it."""
    values = {**VALUES, "token_id": token_id}
    for rule in app.url_map.iter_rules():
        built = rule.build({name: values[name] for name in rule.arguments})
        assert built is not None, rule
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, f"{built[1]}?wiki=alice"


def test_h1_every_endpoint_and_method_has_a_row(app: Flask) -> None:
    """Both ways: a route without a row fails, and so does a row that nothing needs any more."""
    found = {(endpoint, method) for endpoint, method, _ in _sent(app)}
    rows = {
        (endpoint, method)
        for endpoint, row in ROUTES.items()
        for method in ("GET", *UNSAFE)
        if row.needs(method)
    }
    assert found - rows == set(), "decide who may use these"
    assert rows - found == set(), "these are gone"
    forms = {(endpoint, "POST") for endpoint in FORMS}
    assert {(endpoint, method) for endpoint, method in found if method in UNSAFE} == (
        forms | set(BODIES)
    )


def test_h1_what_changes_something_by_the_api_asks_for_a_person() -> None:
    """Nobody's requests pass the guards of the API, because the table refuses them."""
    for endpoint, method in BODIES:
        assert needed(endpoint, method) in (Who.SIGNED_IN, Who.MEMBER, Who.OWNER)
    for endpoint, row in ROUTES.items():
        if endpoint.startswith("api."):
            assert all(row.needs(method) is not Who.ANYONE for method in UNSAFE)


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_h1_every_route_as_everybody(installation: Installation, app: Flask, name: str) -> None:
    """By status, and by effect: what is refused changes nothing."""
    asker = PEOPLE[name]
    checked = 0
    for endpoint, method, address in _sent(app, _token_ids(installation)[0]):
        if endpoint in ("account.delete", "account.sign_out_everywhere", "signing.sign_out"):
            continue  # end what the walk needs; asked below
        who = needed(endpoint, method)
        assert who is not None
        browser = RootVisitor(installation, app)
        if asker.handle:
            browser.sign_in(asker.handle)
        before = _rows(installation)
        is_api = address.startswith("/api/")
        if method == "GET":
            answer = browser.get(address)
        elif is_api:
            answer = browser.api(method, address, BODIES[endpoint, method])
        else:
            answer = _post(browser, address, FORMS[endpoint])
        signs_in = answer.status_code == 303 and "/auth/login" in answer.headers["Location"]
        where = f"{name}: {method} {address} ({endpoint}): {answer.status_code}"
        if who in asker.who:
            assert not signs_in, where
            assert answer.status_code not in (401, 403), where
        elif name == "nobody" and is_api:
            assert answer.status_code == 401, where
        elif name == "nobody":
            assert signs_in or (method == "POST" and answer.status_code == 403), where
        else:
            assert answer.status_code in (403, 404), where
        if who not in asker.who or method == "GET":
            assert _rows(installation) == before, where
        checked += 1
    assert checked > 35


@pytest.mark.parametrize("path", ["/app/account/delete", "/app/account/sign-out-everywhere"])
def test_h1_nobody_has_no_account_to_end(installation: Installation, app: Flask, path: str) -> None:
    before = _rows(installation)
    assert _post(RootVisitor(installation, app), path, {}).status_code == 403
    assert _rows(installation) == before


def test_h1_a_route_nobody_decided_about_is_refused(
    installation: Installation, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table itself is asked, before the page and beside what the page asks."""
    owner = RootVisitor(installation, app).sign_in(ALICE)
    assert owner.get("/terms").status_code == 200
    kept = {endpoint: row for endpoint, row in ROUTES.items() if endpoint != "terms"}
    monkeypatch.setattr(routes, "ROUTES", kept)
    assert owner.get("/terms").status_code == 404
    monkeypatch.setattr(routes, "ROUTES", {**kept, "terms": RootRoute(get=Who.SIGNED_IN)})
    assert owner.get("/terms").status_code == 200
    assert RootVisitor(installation, app).get("/terms").status_code == 303
    assert needed("terms", "PUT") is None


def _post(browser: RootVisitor, address: str, form: dict[str, str]) -> TestResponse:
    """A form as a page of ours sends it; no page has one for somebody signed out."""
    if browser.get("/app/account").status_code == 200:
        return browser.post(address, form, page="/auth/logout")
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": BASE}
    return browser.client.post(address, base_url=BASE, data=form, headers=headers)


def _rows(installation: Installation) -> object:
    """What an account page could change of anybody's."""
    with installation.farm.database.reading() as session:
        return (
            [(person.did, person.is_active) for person in users.all_users(session)],
            [
                (record, wikis.shared_with(session, record.owner_did))
                for record in wikis.all_wikis(session)
            ],
            wikis.shared_with(session, names.development_did("edith.test")),
            acls.members(session, "alice"),
            token_store.of_wiki(session, "alice"),
        )


def _token_ids(installation: Installation) -> list[str]:
    with installation.farm.database.reading() as session:
        return [item.token.id for item in token_store.of_wiki(session, "alice")]
