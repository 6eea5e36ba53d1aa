"""My wikis and my account: what is used, where I am signed in, the end of the account."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from otterwiki_robot.installation import Installation
from otterwiki_robot.root.account import SHOWN_SIGN_INS, is_confirmed
from otterwiki_robot.root.overview import overview_of
from otterwiki_robot.root.site import contact_of, menu, size_in_words
from otterwiki_tenant import acls, audit, clock, names, people, sessions, users, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import OPERATOR, Action

from .made_farm import ALICE, BOB
from .root_visitor import ADDRESS, BASE, RootVisitor

Visit = Callable[..., RootVisitor]
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1"
PAGES = (
    "/app/",
    "/app/create",
    "/app/settings",
    "/app/collaborators",
    "/app/connect",
    "/app/activity",
    "/app/account",
)


def did(handle: str) -> str:
    return names.development_did(handle)


# ------------------------------------------------------------------ signed out


@pytest.mark.parametrize("path", PAGES)
def test_signed_out_every_page_leads_to_the_sign_in_and_back(visit: Visit, path: str) -> None:
    stranger = visit()
    answer = stranger.get(f"{path}?wiki=alice&x=%2F")
    assert answer.status_code == 303
    expected = f"{path}?wiki%3Dalice%26x%3D%252F"
    assert answer.headers["Location"] == f"/auth/login?next={expected}"
    as_json = stranger.get(path, headers={"Accept": "application/json"})
    assert as_json.status_code == 401
    assert as_json.mimetype == "application/problem+json"
    assert (as_json.json["code"], as_json.json["detail"]) == ("unauthorized", "Sign in first.")


@pytest.mark.parametrize("path", [*PAGES, "/", "/terms"])
def test_every_page_is_built_for_a_screen_reader(visit: Visit, path: str) -> None:
    page = visit(ALICE).get(path).text
    assert page.count("<h1") == 1
    assert '<a class="skip-link" href="#main">' in page
    assert page.count('<main id="main"') == 1
    assert '<html lang="en"' in page
    assert "<style" not in page and "style=" not in page and "onclick" not in page
    assert page.count("aria-current=") == (0 if path in ("/", "/terms") else path != "/app/create")


@pytest.mark.parametrize("path", PAGES)
def test_d10_pages_are_kept_by_no_cache(visit: Visit, path: str) -> None:
    headers = visit(ALICE).get(path).headers
    assert headers["Cache-Control"] == "private, no-store"
    assert "Cookie" in headers["Vary"]


_FORMS = [
    ("/app/create", {"name": "x", "visibility": "public"}),
    ("/app/settings", {"wiki": "alice", "do": "delete", "confirmation": "alice"}),
    ("/app/collaborators", {"wiki": "alice", "do": "invite", "handle": BOB, "role": "editor"}),
    ("/app/leave", {"wiki": "bob"}),
    ("/app/account/sessions", {"session": "x"}),
    ("/app/account/sign-out-everywhere", {}),
    ("/app/account/delete", {"confirmation": ALICE}),
]


@pytest.mark.parametrize(("path", "data"), _FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-site", "Origin": "http://bob.robot.localhost:8000"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://example.org"},
        {"Sec-Fetch-Site": "same-origin", "Origin": BASE, "no": "token"},
    ],
)
def test_d6_no_form_is_taken_from_elsewhere_or_without_its_token(
    installation: Installation,
    visit: Visit,
    path: str,
    data: dict[str, str],
    headers: dict[str, str],
) -> None:
    alice = visit(ALICE)
    token = {} if "no" in headers else {"form_token": alice.token("/app/account")}
    sent = {key: value for key, value in headers.items() if key != "no"}
    answer = alice.client.post(path, base_url=BASE, data={**data, **token}, headers=sent)
    assert answer.status_code == 403
    with installation.farm.database.reading() as session:
        assert wikis.by_slug(session, "alice") is not None
        assert acls.role_of(session, "alice", did(BOB)) is None
        assert users.active_by_did(session, did(ALICE)) is not None
        assert sessions.of_person(session, did(ALICE))


@pytest.mark.parametrize(("path", "_data"), _FORMS)
def test_d7_a_get_changes_nothing(
    installation: Installation, visit: Visit, path: str, _data: dict[str, str]
) -> None:
    alice = visit(ALICE)
    query = {**_data, "form_token": alice.token("/app/account")}
    assert alice.get(path, query_string=query).status_code in (200, 404, 405)
    with installation.farm.database.reading() as session:
        assert wikis.by_slug(session, "alice") is not None
        assert users.active_by_did(session, did(ALICE)) is not None
        assert sessions.of_person(session, did(ALICE))


# ------------------------------------------------------------------ my wikis


def test_my_wikis_and_what_they_use(installation: Installation, visit: Visit) -> None:
    farm = installation.farm
    people.grant(farm, "alice", did(BOB), Role.VIEWER, OPERATOR)
    with farm.database.writing() as session:
        wikis.set_page_count(session, "alice", 500)
    found = overview_of(farm, did(ALICE))
    (own,) = found.own
    assert (own.pages, own.max_pages, own.is_full) == (500, 500, True)
    assert (own.collaborators, own.max_collaborators) == (1, 3)
    assert 0 < own.size_bytes < 100_000
    assert not found.may_create and not found.shared
    page = visit(ALICE).get("/app/").text
    assert "500 of 500" in page and "1 of 3" in page
    assert "Pages can still be changed, renamed and deleted" in page
    people.set_page_limit(farm, "alice", 600)
    assert "500 of 600" in visit(ALICE).get("/app/").text


def test_what_is_shared_with_me_has_my_role_and_the_owner(
    installation: Installation, visit: Visit
) -> None:
    farm = installation.farm
    people.grant(farm, "alice", did(BOB), Role.EDITOR, OPERATOR)
    (shared,) = overview_of(farm, did(BOB)).shared
    assert (shared.record.slug, shared.owner, shared.role) == ("alice", ALICE, Role.EDITOR)
    people.suspend_wiki(farm, "alice")
    assert "The operator has suspended this wiki" in visit(BOB).get("/app/").text


def test_a_wiki_of_an_account_that_is_ending_is_shared_with_nobody(
    installation: Installation, visit: Visit
) -> None:
    people.grant(installation.farm, "alice", did(BOB), Role.EDITOR, OPERATOR)
    bob = visit(BOB)
    assert "alice.robot.localhost" in bob.get("/app/").text
    with installation.farm.database.writing() as session:
        users.bury(session, did(ALICE), clock.now())
    page = bob.get("/app/")
    assert page.status_code == 200
    assert "alice.robot.localhost" not in page.text
    assert "bob.robot.localhost" in page.text


# ------------------------------------------------------------------ where I am signed in


def test_sessions_are_listed_in_words_and_one_can_be_ended(
    installation: Installation, visit: Visit
) -> None:
    here, phone = visit(ALICE), visit(ALICE, user_agent=IPHONE)
    page = here.get("/app/account").text
    assert "Firefox on Linux" in page and "Safari on iPhone" in page
    assert page.count("this browser") == 1
    assert page.count(f"from {ADDRESS}, signed in") == 2
    assert "You signed in (login-link)." in page
    with installation.farm.database.reading() as session:
        records = sessions.of_person(session, did(ALICE))
    sid = next(record.id for record in records if record.user_agent == IPHONE)
    done = here.post("/app/account/sessions", {"session": sid}, page="/app/account")
    assert "That browser is signed out." in here.follow(done).text
    assert phone.get("/app/").status_code == 303
    assert here.get("/app/").status_code == 200


def test_nobody_ends_anothers_session(installation: Installation, visit: Visit) -> None:
    alice, bob = visit(ALICE), visit(BOB)
    with installation.farm.database.reading() as session:
        sid = sessions.of_person(session, did(BOB))[0].id
    answer = alice.post("/app/account/sessions", {"session": sid}, page="/app/account")
    assert answer.status_code == 303
    assert bob.get("/app/").status_code == 200


def test_a_user_agent_is_told_in_fixed_words_only(visit: Visit) -> None:
    page = visit(ALICE, user_agent="<script>alert(1)</script> Firefox/1").get("/app/account").text
    assert "<script>alert" not in page and "&lt;script" not in page
    assert "Firefox" in page


def test_signing_out_everywhere_ends_every_browser(visit: Visit) -> None:
    here, there, bob = visit(ALICE), visit(ALICE), visit(BOB)
    done = here.post("/app/account/sign-out-everywhere", {}, page="/app/account")
    assert "You are signed out in every browser." in here.follow(done).text
    for visitor in (here, there):
        assert visitor.get("/app/").status_code == 303
    assert bob.get("/app/").status_code == 200


# ------------------------------------------------------------------ the end of the account


def test_deleting_the_account_takes_the_typed_handle(
    installation: Installation, visit: Visit
) -> None:
    alice, elsewhere = visit(ALICE), visit(ALICE)
    page = alice.get("/app/account").text
    assert "the wiki <strong>alice</strong>" in page and "those commits keep your name" in page
    for typed in ("", "alice", BOB, "<script>alert(1)</script>"):
        answer = alice.post("/app/account/delete", {"confirmation": typed}, page="/app/account")
        assert answer.status_code == 422
        assert "Type alice.test to delete your account." in answer.text
        assert "<script>alert" not in answer.text
    done = alice.post("/app/account/delete", {"confirmation": " @Alice.Test"}, page="/app/account")
    assert "Your account is deleted." in alice.follow(done).text
    assert elsewhere.get("/app/").status_code == 303
    with installation.farm.database.reading() as session:
        assert users.active_by_did(session, did(ALICE)) is None
        assert wikis.by_slug(session, "alice") is None
        assert wikis.by_slug(session, "bob") is not None
        assert users.name_owner(session, "alice") == did(ALICE)


def test_a_suspended_person_is_nobody_here(installation: Installation, visit: Visit) -> None:
    alice = visit(ALICE)
    people.suspend_user(installation.farm, did(ALICE))
    assert alice.get("/app/").status_code == 303


def test_an_account_with_a_suspended_wiki_is_not_deleted(
    installation: Installation, visit: Visit
) -> None:
    people.suspend_wiki(installation.farm, "alice")
    answer = visit(ALICE).post("/app/account/delete", {"confirmation": ALICE}, page="/app/account")
    assert answer.status_code == 403
    assert "is suspended" in answer.text


def test_without_a_handle_the_username_confirms(installation: Installation) -> None:
    with installation.farm.database.reading() as session:
        person = users.get(session, ALICE)
    assert is_confirmed("alice.test", person) and is_confirmed("@alice.test", person)
    assert not is_confirmed("alice", person) and not is_confirmed("", person)
    nameless = dataclasses.replace(person, handle="")
    assert is_confirmed("alice", nameless) and not is_confirmed("", nameless)


def test_somebody_whose_handle_is_anothers_now_still_has_an_account(
    installation: Installation, visit: Visit
) -> None:
    with installation.farm.database.writing() as session:
        users.release_handle(session, ALICE, did(BOB), clock.now())
    page = visit(ALICE).get("/app/account").text
    assert "none today: it is somebody else" in page
    assert "Type alice to confirm" in page
    assert f"Signed in as {did(ALICE)}<" in page and f'title="{did(ALICE)}"' in page


def test_sign_ins_are_shown_however_much_else_was_done(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    with installation.farm.database.writing() as session:
        for _ in range(120):
            audit.record(
                session,
                Action.WIKI_DESCRIBED,
                now=clock.now(),
                actor_did=did(ALICE),
                wiki_slug="alice",
            )
    page = alice.get("/app/account").text
    assert "You signed in (login-link)." in page
    assert "name or description" not in page
    for _ in range(SHOWN_SIGN_INS + 2):
        visit(ALICE)
    assert alice.get("/app/account").text.count("You signed in") == SHOWN_SIGN_INS


# ------------------------------------------------------------------ small things


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "nothing"),
        (1, "1 kB"),
        (4_499, "4 kB"),
        (1_000_000, "1 MB"),
        (1_540_000, "1.5 MB"),
        (250_000_000, "250 MB"),
    ],
)
def test_sizes_in_words(size_bytes: int, words: str) -> None:
    assert size_in_words(size_bytes) == words


def test_a_contact_is_a_mail_address_or_a_page() -> None:
    assert contact_of("") is None
    mail: Any = contact_of("a@example.org")
    page: Any = contact_of("https://example.org/x")
    assert (mail.url, page.url) == ("mailto:a@example.org", "https://example.org/x")


def test_the_menu_stays_with_the_chosen_wiki() -> None:
    assert [entry.label for entry in menu("/app/", [], None)] == ["My wikis", "Account"]
    one = menu("/app/settings", ["a"], "a")
    assert [entry.label for entry in one if entry.is_current] == ["Settings"]
    assert {entry.url for entry in one} >= {"/app/settings", "/app/export"}
    two = {entry.label: entry.url for entry in menu("/app/import/x", ["a", "b"], "b")}
    assert two["Settings"] == "/app/settings?wiki=b" and two["Account"] == "/app/account"
    stranger = {entry.label: entry.url for entry in menu("/app/", ["a", "b"], "<x>")}
    assert stranger["Settings"] == "/app/settings"
    shared = menu("/app/collaborators", ["a"], "somebody-elses")
    assert not any(entry.is_current for entry in shared)
