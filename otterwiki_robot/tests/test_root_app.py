"""The root host: its few routes, who sees what, and where a sign-in may lead."""

from __future__ import annotations

import dataclasses
import logging
import re
import sqlite3
from http.cookies import SimpleCookie

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from otterwiki_engine import hooks
from otterwiki_robot.installation import Installation
from otterwiki_robot.root.app import create_root_app
from otterwiki_tenant import audit, clock, login_links, names, sessions
from otterwiki_tenant.audit import Action
from otterwiki_tenant.signup import SignupPolicy
from otterwiki_tenant.testing import identity_cookie

from .made_farm import ALICE

BASE = "http://robot.localhost:8000"


@pytest.fixture
def client(installation: Installation) -> FlaskClient:
    app = create_root_app(installation.settings, installation.farm)
    return app.test_client()


def link_for(installation: Installation, handle: str) -> str:
    with installation.farm.database.writing() as session:
        token = login_links.create(session, names.development_did(handle), clock.now())
    return f"/auth/dev/{token}"


def sign_in(client: FlaskClient, installation: Installation, handle: str = ALICE) -> None:
    assert client.get(link_for(installation, handle), base_url=BASE).status_code == 303


# ------------------------------------------------------------------ every page


@pytest.mark.parametrize("path", ["/", "/auth/login", "/nothing/here", "/health"])
def test_pages_are_guarded_and_kept_by_no_cache(client: FlaskClient, path: str) -> None:
    headers = client.get(path, base_url=BASE).headers
    assert headers["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers
    assert "Strict-Transport-Security" not in headers


def test_https_is_insisted_on_in_production(installation: Installation) -> None:
    settings = dataclasses.replace(installation.settings, dev=False, domain="wikis.example")
    client = create_root_app(settings, installation.farm).test_client()
    headers = client.get("/", base_url="https://wikis.example").headers
    assert "max-age=31536000" in headers["Strict-Transport-Security"]


def test_every_link_of_a_page_is_answered(client: FlaskClient) -> None:
    page = client.get("/", base_url=BASE).text
    addresses = [part.split('"')[0] for part in page.split('="/')[1:]]
    assert len(addresses) >= 7
    for address in addresses:
        assert client.get(f"/{address}", base_url=BASE).status_code == 200, address


def test_unknown_addresses_and_methods_are_refused_in_our_look(client: FlaskClient) -> None:
    for response in (client.get("/etc", base_url=BASE), client.post("/", base_url=BASE)):
        assert response.status_code in (404, 405)
        assert "navbar" in response.text


# ------------------------------------------------------------------ health


def test_health_says_ok(client: FlaskClient) -> None:
    response = client.get("/health", base_url="http://127.0.0.1")
    assert response.status_code == 200
    assert response.json == {
        "status": "ok",
        "checks": {"database": "ok", "repositories": "ok", "disk": "ok"},
    }


@pytest.mark.parametrize("broken", ["database", "repositories"])
def test_health_is_503_and_names_no_detail(
    client: FlaskClient,
    installation: Installation,
    broken: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    layout = installation.farm.layout
    if broken == "database":
        installation.farm.database.close()
        with sqlite3.connect(layout.registry) as connection:
            connection.execute("DROP TABLE users")
        connection.close()
    else:
        layout.wikis.rename(layout.home / "moved")
    with caplog.at_level(logging.ERROR):
        response = client.get("/health", base_url=BASE)
    assert response.status_code == 503
    assert response.json is not None
    assert response.json["checks"][broken] == "failing"
    assert str(layout.home) not in response.text
    assert [record.fields["probe"] for record in caplog.records] == [broken]  # type: ignore[attr-defined]


# ------------------------------------------------------------------ signing in


def test_a_link_signs_in_once(client: FlaskClient, installation: Installation) -> None:
    link = link_for(installation, ALICE)
    first = client.get(link, base_url=BASE)
    assert (first.status_code, first.headers["Location"]) == (303, "/")
    cookie = SimpleCookie(first.headers["Set-Cookie"])["robot_identity"]
    assert (cookie["domain"], cookie["path"]) == ("robot.localhost", "/")
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and not cookie["secure"]
    second = client.get(link, base_url=BASE)
    assert second.status_code == 410
    assert "Set-Cookie" not in second.headers


def test_a_head_request_does_not_use_the_link_up(
    client: FlaskClient, installation: Installation
) -> None:
    link = link_for(installation, ALICE)
    assert client.head(link, base_url=BASE).status_code == 405
    assert client.get(link, base_url=BASE).status_code == 303


def test_links_do_not_exist_in_production(installation: Installation) -> None:
    settings = dataclasses.replace(installation.settings, dev=False, domain="wikis.example")
    client = create_root_app(settings, installation.farm).test_client()
    link = link_for(installation, ALICE)
    response = client.get(link, base_url="https://wikis.example")
    assert response.status_code == 404
    assert "Set-Cookie" not in response.headers
    page = client.get("/auth/login", base_url="https://wikis.example").text
    assert "login-link" not in page


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/auth/login", "/auth/login"),
        ("http://alice.robot.localhost:8000/Home", "http://alice.robot.localhost:8000/Home"),
        ("http://robot.localhost:8000/", "http://robot.localhost:8000/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\tx", "/"),
        ("\\\\evil.example", "/"),
        ("http://evil.example/", "/"),
        ("http://robot.localhost.evil.example/", "/"),
        ("http://robot.localhost@evil.example/", "/"),
        ("http://evil.example\\@robot.localhost/", "/"),
        ("https://alice.robot.localhost:8000/", "/"),
        ("javascript:alert(1)", "/"),
        ("http:evil.example", "/"),
        ("evil", "/"),
    ],
)
def test_A19_a_sign_in_leads_to_this_farm_only(
    client: FlaskClient, installation: Installation, wanted: str, location: str
) -> None:
    link = link_for(installation, ALICE)
    response = client.get(link, base_url=BASE, query_string={"next": wanted})
    assert (response.status_code, response.headers["Location"]) == (303, location)


def test_the_sign_in_page_explains_itself_and_escapes(client: FlaskClient) -> None:
    address = "http://alice.robot.localhost:8000/'\"><script>alert(1)</script>"
    page = client.get("/auth/login", base_url=BASE, query_string={"next": address}).text
    assert "robot login-link HANDLE" in page
    assert "<script>alert" not in page


def test_the_sign_in_page_offers_what_plugins_bring(client: FlaskClient) -> None:
    class Plugin:
        @hooks.hookimpl
        def sign_in_methods(self) -> list[tuple[str, str]]:
            return [("Sign in with <Example>", "/auth/example")]

    plugin = Plugin()
    hooks.manager.register(plugin)
    try:
        page = client.get("/auth/login", base_url=BASE).text
    finally:
        hooks.manager.unregister(plugin)
    assert '<a class="btn btn-primary" role="button" href="/auth/example">' in page
    assert "Sign in with &lt;Example&gt;" in page


def test_D3_two_identity_cookies_are_nobody(
    client: FlaskClient, installation: Installation
) -> None:
    cookie = identity_cookie(installation.farm, names.development_did(ALICE))
    twice = f"robot_identity={cookie}; robot_identity={cookie}"
    page = client.get("/", base_url=BASE, headers={"Cookie": twice}).text
    assert "Signed in" not in page


def test_I8_a_registry_that_does_not_answer_is_503(
    client: FlaskClient, installation: Installation
) -> None:
    installation.farm.database.close()
    with sqlite3.connect(installation.farm.layout.registry) as connection:
        connection.execute("DROP TABLE wikis")
    connection.close()
    response = client.get("/", base_url=BASE)
    assert response.status_code == 503
    assert "OperationalError" not in response.text


# ------------------------------------------------------------------ signing out


def form_token(client: FlaskClient) -> dict[str, str]:
    page = client.get("/auth/logout", base_url=BASE).text
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found
    return {"form_token": found.group(1)}


def test_signing_out_is_a_form_of_our_own(client: FlaskClient, installation: Installation) -> None:
    sign_in(client, installation)
    assert f"<strong>{ALICE}</strong>" in client.get("/auth/logout", base_url=BASE).text
    assert f"Signed in as {ALICE}" in client.get("/", base_url=BASE).text  # a GET changes nothing
    headers = {"Sec-Fetch-Site": "same-origin"}
    done = client.post("/auth/logout", base_url=BASE, headers=headers, data=form_token(client))
    assert (done.status_code, done.location) == (303, "/")
    assert "Signed in as" not in client.get("/", base_url=BASE).text
    assert "You are not signed in" in client.get("/auth/logout", base_url=BASE).text


def test_a17_a_copied_cookie_is_dead_after_signing_out(
    client: FlaskClient, installation: Installation
) -> None:
    sign_in(client, installation)
    stolen = client.get_cookie("robot_identity", domain="robot.localhost")
    assert stolen is not None
    thief = client.application.test_client(use_cookies=False)
    headers = {"Cookie": f"robot_identity={stolen.value}"}
    assert f"Signed in as {ALICE}" in thief.get("/", base_url=BASE, headers=headers).text
    origin = {"Origin": BASE}
    client.post("/auth/logout", base_url=BASE, headers=origin, data=form_token(client))
    assert "Signed in as" not in thief.get("/", base_url=BASE, headers=headers).text


def test_d7_no_get_changes_anything_but_a_development_link(
    client: FlaskClient, installation: Installation
) -> None:
    """Every route of the root host that answers GET, with every statement it asks watched."""
    sign_in(client, installation)
    written: list[str] = []
    installation.farm.database.close()
    event.listen(
        installation.farm.database.engine,
        "connect",
        lambda connection, _: connection.set_trace_callback(written.append),
    )
    asked = 0
    for rule in client.application.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "signing.use_login_link":
            continue
        values = dict.fromkeys(rule.arguments, "x")
        built = rule.build(values)
        assert built is not None
        for method in ("GET", "HEAD"):
            client.open(built[1], method=method, base_url=BASE)
            asked += 1
        changes = re.compile(r"\s*(insert|update|delete)", re.IGNORECASE)
        assert [statement for statement in written if changes.match(statement)] == [], rule
    assert asked > 20


@pytest.mark.parametrize("policy", ["open", "invite", "closed"])
def test_the_sign_in_page_says_who_may_join(installation: Installation, policy: str) -> None:
    said = {"open": "Anyone may join", "invite": "by invitation", "closed": "no new people"}
    settings = dataclasses.replace(installation.settings, signup=SignupPolicy(policy))
    client = create_root_app(settings, installation.farm).test_client()
    page = client.get("/auth/login", base_url=BASE).text
    assert [word for word, text in said.items() if text in page] == [policy]


def test_signing_in_and_out_is_in_the_audit_trail(
    client: FlaskClient, installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "otterwiki_tenant.audit")
    link = link_for(installation, ALICE)
    agent = {"User-Agent": "a browser " * 50}
    client.get(link, base_url=BASE, headers=agent, environ_base={"robot.address": "192.0.2.4"})
    client.get(link, base_url=BASE, environ_base={"robot.address": "192.0.2.5"})
    did = names.development_did(ALICE)
    with installation.farm.database.reading() as session:
        found = [(e.action, e.actor_did, e.detail, e.address) for e in audit.search(session)][:1]
        (record,) = sessions.of_person(session, did)
    assert found == [(Action.SIGNED_IN, did, "login-link", "192.0.2.4")]
    lines = [record.__dict__["fields"] for record in caplog.records]
    assert [(e["action"], e["actor"], e["detail"], e["address"]) for e in lines] == [
        ("signed_in", did, "login-link", "192.0.2.4"),
        ("sign_in_refused", "nobody", "bad link", "192.0.2.5"),  # anybody can cause it: no row
    ]
    assert len(record.user_agent or "") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-site", "Origin": BASE},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.robot.localhost:8000"},
        {"Origin": "null"},
    ],
)
def test_d6_another_sites_page_can_not_sign_anybody_out(
    client: FlaskClient, installation: Installation, headers: dict[str, str]
) -> None:
    sign_in(client, installation)
    form = form_token(client)
    refused = client.post("/auth/logout", base_url=BASE, headers=headers, data=form)
    assert refused.status_code == 403
    assert f"Signed in as {ALICE}" in client.get("/", base_url=BASE).text
