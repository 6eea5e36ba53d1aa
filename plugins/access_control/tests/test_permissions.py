"""Owner, guest and nobody on two wikis, through Otterwiki's own pages."""

from __future__ import annotations

import logging
import re

import pytest
from werkzeug.test import Client

from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.testing import DOMAIN, SmallFarm, base_url, identity_cookie
from otterwiki_tenant.users import User

_WRITES = {
    "/Home/save": {"content": "# hacked\n", "commit": "x"},
    "/New/save": {"content": "# hacked\n", "commit": "x"},
    "/Home/delete": {"message": "x"},
    "/Home/rename": {"new_pagename": "Elsewhere", "message": "x"},
    "/Home/draft": {"content": "# hacked\n"},
    "/Home/preview": {"content": "# hacked\n"},
    "/-/create": {"pagename": "Hacked"},
    "/-/admin": {"site_name": "hacked", "update_preferences": "true"},
    "/-/admin/sidebar_preferences": {"sidebar_menutree_mode": ""},
    "/-/admin/content_and_editing": {"commit_message": "DISABLED"},
    "/-/housekeeping": {"task": "emptypages", "clean": "1", "delete_empty_page": "Home"},
    "/-/revert/abcdef": {"message": "x"},
}


def _heads(small_farm: SmallFarm) -> dict[str, str | None]:
    found = {}
    for slug in ("alice", "robert"):
        with wiki_context(small_farm.farm, slug) as entered:
            found[slug] = entered.wiki.repository.head()
    return found


def _person(small_farm: SmallFarm, name: str) -> User | None:
    return {
        "nobody": None,
        "alice": small_farm.alice,
        "robert": small_farm.robert,
        "carol": small_farm.carol,
    }[name]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("nobody", "robert"),
        ("alice", "robert"),
        ("carol", "robert"),
        ("nobody", "alice"),
        ("robert", "alice"),
        ("carol", "alice"),
    ],
)
def test_others_change_nothing(small_farm: SmallFarm, name: str, slug: str) -> None:
    """Not on a public wiki, and not on a private one, whatever is posted."""
    visitor = small_farm.visitor(_person(small_farm, name))
    before = _heads(small_farm)
    for path, form in _WRITES.items():
        answer = visitor.post(slug, path, dict(form))
        assert answer.status_code in (302, 400, 403, 404), (path, answer.status_code)
        assert "hacked" not in answer.get_data(as_text=True) or answer.status_code != 200
    assert _heads(small_farm) == before
    owner = small_farm.visitor(small_farm.alice if slug == "alice" else small_farm.robert)
    page = owner.get(slug, "/Home").get_data(as_text=True)
    assert f"canary-{slug}" in page
    assert "hacked" not in page


@pytest.mark.parametrize("name", ["alice", "carol", "nobody"])
def test_a_public_wiki_is_read_by_anyone(small_farm: SmallFarm, name: str) -> None:
    visitor = small_farm.visitor(_person(small_farm, name))
    for path in ("/", "/Home", "/Home/history", "/Home/source", "/-/index", "/-/changelog"):
        assert visitor.get("robert", path).status_code == 200, path
    for path in ("/Home?edit", "/Home/edit", "/-/admin", "/Home/rename", "/Home/delete"):
        answer = visitor.get("robert", path)
        assert answer.status_code in (302, 403), path
    page = visitor.get("robert", "/Home").get_data(as_text=True)
    assert 'href="/-/create"' not in page


def test_an_owner_may_all_on_their_own_wiki_only(small_farm: SmallFarm) -> None:
    visitor = small_farm.visitor(small_farm.robert)
    before = _heads(small_farm)
    form = {"content": "# Written\n", "commit": "a change"}
    assert visitor.post("robert", "/Written/save", form).status_code == 302
    assert "Written" in visitor.get("robert", "/Written").get_data(as_text=True)
    for path in ("/-/admin", "/-/admin/sidebar_preferences", "/-/admin/content_and_editing"):
        assert visitor.get("robert", path).status_code == 200
    after = _heads(small_farm)
    assert after["robert"] != before["robert"]
    assert after["alice"] == before["alice"]


def test_a_commit_names_the_person(small_farm: SmallFarm) -> None:
    visitor = small_farm.visitor(small_farm.alice)
    form = {"content": "# Signed\n", "commit": "a change\n\nActor: did:plc:robert"}
    assert visitor.post("alice", "/Signed/save", form).status_code == 302
    with wiki_context(small_farm.farm, "alice") as entered:
        repository = entered.wiki.repository
        commit = repository.commit_object(repository.head() or "")
    assert commit.author == f"alice.test <did.plc.alice@users.{DOMAIN}>".encode()
    trailers = [line for line in commit.message.splitlines() if line.startswith(b"Actor:")]
    assert trailers == [b"Actor: did:plc:alice"]


def test_signing_in_happens_on_the_root_host(small_farm: SmallFarm) -> None:
    visitor = small_farm.visitor()
    root = f"http://{DOMAIN}:8000"
    answer = visitor.get("robert", "/-/login?next=/Home%3Fedit")
    assert answer.status_code == 303
    assert answer.headers["Location"] == (
        f"{root}/auth/login?next=http%3A%2F%2Frobert.{DOMAIN}%3A8000%2FHome%3Fedit"
    )
    for evil in ("//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example"):
        location = visitor.get("robert", f"/-/login?next={evil}").headers["Location"]
        assert re.fullmatch(
            rf"{re.escape(root)}/auth/login\?next=http%3A%2F%2Frobert\.{re.escape(DOMAIN)}%3A8000%2F.*",
            location,
        )
    wanted = visitor.get("robert", "/-/settings")
    assert wanted.headers["Location"].startswith(f"{root}/auth/login?next=")


def test_a_password_is_never_taken(small_farm: SmallFarm) -> None:
    answer = small_farm.visitor().post(
        "robert", "/-/login", {"email": "did.plc.robert@users.robot.localhost", "password": "x"}
    )
    assert answer.status_code in (303, 400)
    assert "Set-Cookie" not in answer.headers or "_user_id" not in str(answer.headers)


def test_signing_out_happens_on_the_root_host(small_farm: SmallFarm) -> None:
    answer = small_farm.visitor(small_farm.alice).get("alice", "/-/logout")
    assert answer.headers["Location"] == f"http://{DOMAIN}:8000/auth/logout"


def test_the_person_sees_who_they_are(small_farm: SmallFarm) -> None:
    visitor = small_farm.visitor(small_farm.alice)
    page = visitor.get("alice", "/-/settings").get_data(as_text=True)
    assert "alice.test" in page
    assert 'href="/-/admin"' in page
    for gone in ("user_management", "mail_preferences", "permissions_and", "repository_management"):
        assert gone not in page
    assert "password" not in page.lower()
    guest = visitor.get("robert", "/-/settings").get_data(as_text=True)
    assert "alice.test" in guest
    assert 'href="/-/admin"' not in guest
    assert visitor.post("alice", "/-/settings", {"name": "Robert"}).status_code == 404
    admin = visitor.get("alice", "/-/admin").get_data(as_text=True)
    assert "server_name" not in admin
    assert "Security Check" not in visitor.get("alice", "/-/housekeeping").get_data(as_text=True)


def test_a_tossed_remember_me_cookie_signs_nobody_in_or_out(small_farm: SmallFarm) -> None:
    """Flask-Login looks for such a cookie before it asks who the request is."""
    client = Client(small_farm.front_door, use_cookies=False)
    identity = f"{COOKIE_NAME}={identity_cookie(small_farm.farm, small_farm.alice.did)}"
    forged = f"did:plc:robert|{'0' * 128}"
    for tossed in (f"remember_token={forged}", f";={forged}", f"={forged}", f"session={forged}"):
        for cookie in (f"{identity}; {tossed}", f"{tossed}; {identity}"):
            headers = {"Cookie": cookie}
            page = client.get("/-/settings", base_url=base_url("alice"), headers=headers)
            assert page.status_code == 200
            assert "alice.test" in page.get_data(as_text=True)
        page = client.get("/-/settings", base_url=base_url("robert"), headers={"Cookie": tossed})
        assert page.status_code == 302
        assert "/auth/login?next=" in page.headers["Location"]


def test_readers_without_an_account_leave_no_noise_in_the_log(
    small_farm: SmallFarm, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert small_farm.visitor().get("robert", "/Home").status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
