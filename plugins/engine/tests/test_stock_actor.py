"""Who a request is on a stock Otterwiki: its key, its users, its access settings."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from served_wikis import Site, otterwiki_app, site  # noqa: F401 - fixtures

from otterwiki_engine import hooks, stock_settings
from otterwiki_engine.actor import Actor, Permission
from otterwiki_engine.errors import BadCredential

READ, WRITE, UPLOAD = Permission.READ, Permission.WRITE, Permission.UPLOAD
KEY = "a key of the wiki with ümlaut"
PASSWORD = "correct horse"


@pytest.fixture
def app(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:  # noqa: F811
    """With a key, for approved users only, and with one of them, and one who waits for it."""
    from otterwiki.auth import SimpleAuth, generate_password_hash
    from otterwiki.server import db

    for name, value in (
        ("OTTERWIKI_API_KEY", KEY),
        ("READ_ACCESS", "APPROVED"),
        ("WRITE_ACCESS", "APPROVED"),
        ("ATTACHMENT_ACCESS", "APPROVED"),
    ):
        monkeypatch.setitem(site.app.config, name, value)
    with site.app.app_context():
        for name, is_approved, is_admin in (("mary", True, False), ("waits", False, False)):
            user = SimpleAuth.User(
                name=name,
                email=f"{name}@example.org",
                password_hash=generate_password_hash(PASSWORD),
                is_approved=is_approved,
                is_admin=is_admin,
                email_confirmed=True,
                first_seen=datetime.now(UTC),
                last_seen=datetime.now(UTC),
            )
            db.session.add(user)
        db.session.commit()
    yield site.app
    with site.app.app_context():
        SimpleAuth.User.query.delete()
        db.session.commit()


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def actor(app: Any, authorization: str | None = None, **options: Any) -> Actor:
    headers = {} if authorization is None else {"Authorization": authorization}
    with app.test_request_context("/", headers=headers, **options) as context:
        found: Actor = hooks.manager.hook.resolve_actor(request=context.request)
        assert hooks.manager.hook.resolve_actor(request=context.request) is found
        return found


@pytest.mark.parametrize("header", [basic("anybody", KEY), basic("", KEY)])
def test_the_key_reads_writes_and_uploads(app: Any, header: str) -> None:
    found = actor(app, header)
    assert found.permissions == {READ, WRITE, UPLOAD}
    assert (found.did, found.client) == (None, "API key")


def test_the_key_as_a_bearer_token(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "OTTERWIKI_API_KEY", "k3y-._~+/=")
    assert actor(app, "Bearer k3y-._~+/=").permissions == {READ, WRITE, UPLOAD}
    assert actor(app, "bearer k3y-._~+/=").client == "API key"


@pytest.mark.parametrize(
    "header",
    [
        basic("x", KEY + "x"),
        basic("x", KEY[:-1]),
        basic("x", ""),
        basic(KEY, "x"),
        basic("mary@example.org", "wrong"),
        basic("nobody@example.org", PASSWORD),
        basic("mary@example.org", ""),
        "Bearer x",
        "Bearer ",
        "Basic ?",
        "Digest x",
        "",
        KEY.encode().decode("latin-1"),
    ],
)
def test_c1_everything_else_is_refused_whatever_the_settings(
    app: Any, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "READ_ACCESS", "ANONYMOUS")
    with pytest.raises(BadCredential):
        actor(app, header)


@pytest.mark.parametrize("header", [basic("x", ""), "Bearer ", basic("", "")])
def test_no_key_is_not_the_empty_key(
    app: Any, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "OTTERWIKI_API_KEY", "")
    with pytest.raises(BadCredential):
        actor(app, header)


def test_a_key_in_the_address_is_none(app: Any) -> None:
    query = {"OTTERWIKI_API_KEY": KEY, "api_key": KEY, "access_token": KEY}
    assert actor(app, query_string=query).permissions == frozenset()


def test_users_may_what_otterwikis_settings_say(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mary, waits = (basic(f"{name}@example.org", PASSWORD) for name in ("mary", "waits"))
    assert actor(app, mary) == Actor(handle="mary", permissions=frozenset({READ, WRITE, UPLOAD}))
    assert actor(app, waits).permissions == frozenset()
    assert actor(app).permissions == frozenset()
    monkeypatch.setitem(app.config, "READ_ACCESS", "REGISTERED")
    assert actor(app, waits).permissions == {READ}
    monkeypatch.setitem(app.config, "READ_ACCESS", "ANONYMOUS")
    assert actor(app).permissions == {READ}


def test_somebody_signed_in_is_known_by_the_session(app: Any) -> None:
    client = app.test_client()
    client.post("/-/login", data={"email": "mary@example.org", "password": PASSWORD})
    with client:
        client.get("/")
        from flask import request

        found = hooks.manager.hook.resolve_actor(request=request)
    assert (found.handle, found.permissions) == ("mary", {READ, WRITE, UPLOAD})


def test_c1_a_header_decides_alone_beside_a_session(app: Any) -> None:
    client = app.test_client()
    client.post("/-/login", data={"email": "mary@example.org", "password": PASSWORD})
    with client:
        client.get("/", headers={"Authorization": "Bearer x"})
        from flask import request

        with pytest.raises(BadCredential):
            hooks.manager.hook.resolve_actor(request=request)


def test_pages_are_saved_behind_a_proxy_that_passes_its_own_credential_on(
    app: Any,
    site: Site,  # noqa: F811
) -> None:
    """Otterwiki's own pages never looked at that header."""
    client = app.test_client()
    client.post("/-/login", data={"email": "mary@example.org", "password": PASSWORD})
    form = {"content": "# Saved\n", "commit": "x", "base": site.head()}
    answer = client.post(
        "/Saved/save", data=form, headers={"Authorization": basic("proxy", "its own")}
    )
    assert answer.status_code == 302
    assert site.read("saved.md") == "# Saved\n"


def test_where_a_proxy_signs_in_its_header_is_its_own(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import otterwiki.auth

    headers, roles = ("x-name", "x-mail", "x-may"), ("READ", "WRITE", "UPLOAD", "ADMIN")
    proxy = otterwiki.auth.ProxyHeaderAuth(*headers, *roles)
    monkeypatch.setattr(otterwiki.auth, "auth_manager", proxy)
    user = proxy.User("ada", "ada@example.org", {"READ"})
    monkeypatch.setattr(otterwiki.auth, "current_user", user)
    assert actor(app, "Bearer of-the-proxy").permissions == {READ}
    assert actor(app, basic("x", KEY)).client == "API key"


def test_the_key_is_read_from_the_environment_where_no_setting_decides() -> None:
    from flask import Flask

    app = Flask("test")
    stock_settings.install(app, {"OTTERWIKI_API_KEY": "from outside"})
    assert stock_settings.api_key(app) == "from outside"
    stock_settings.install(app, {"OTTERWIKI_API_KEY": "another"})
    assert stock_settings.api_key(app) == "from outside"
    decided = Flask("farm")
    decided.config["OTTERWIKI_API_KEY"] = ""
    stock_settings.install(decided, {"OTTERWIKI_API_KEY": "from outside"})
    assert stock_settings.api_key(decided) == ""
