"""Who may do what through the API, by which credential, and whom a commit names."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from otterwiki_engine.actor import Permission
from otterwiki_rest_api.routes import PREFIX, ROUTES, Route
from otterwiki_tenant import clock, people, users, wiki_tokens
from otterwiki_tenant.access import Role
from otterwiki_tenant.people import By
from otterwiki_tenant.testing import Visitor, base_url

from .rest_clients import RestFarm

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
WRITE = {"content": "# Written\n"}


def form_token(browser: Visitor, wiki: str) -> str:
    found = _TOKEN.search(browser.get(wiki, "/-/search").get_data(as_text=True))
    assert found is not None
    return found.group(1)


def send(browser: Visitor, wiki: str, method: str, path: str, **options: Any) -> TestResponse:
    return browser.client.open(f"{PREFIX}{path}", method=method, base_url=base_url(wiki), **options)


def as_reader_of(farm: RestFarm, wiki: str) -> str:
    """A token of a viewer's worth."""
    owner = farm.alice if wiki == "alice" else farm.robert
    made = wiki_tokens.make(farm.farm, wiki, By(owner.did, None), name="reader", role=Role.VIEWER)
    return made.text


BODIES: dict[str, Any] = {
    "put_page": WRITE,
    "patch_page": {"old_string": "a", "new_string": "b", "revision": "0" * 40},
    "rename_page": {"new_path": "Elsewhere"},
    "edit_page": {"action": "append", "text": "x"},
    "restore_page": {"from_revision": "HEAD"},
    "batch": {"changes": [{"action": "append", "path": "Home", "text": "x"}]},
    "upload_attachment": {"filename": "a.txt", "content": "eA=="},
}
CHANGING = [route for route in ROUTES if not route.is_reading]
READING = [route for route in ROUTES if route.is_reading]


def request_of(route: Route) -> tuple[str, dict[str, Any]]:
    """Address and body of a request that is in order."""
    path = route.path.replace("{page}", "Home").replace("{filename}", "a.txt")
    if route.name == "page_diff":
        path += "?from=HEAD"
    if route.name in ("search", "semantic_search"):
        path += "?q=canary"
    if route.name in BODIES:
        return path, {"json": BODIES[route.name]}
    return path, {}


@pytest.fixture(scope="module")
def readers_token(shared: RestFarm) -> str:
    """One token of a viewer's worth for Robert's wiki; a wiki may have only so many."""
    return as_reader_of(shared, "robert")


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.name)
def test_h1_what_changes_something_asks_for_the_right_to(
    shared: RestFarm, readers_token: str, route: Route
) -> None:
    """Nobody: 401. Readers, by token and by cookie with a valid form token: 403."""
    path, options = request_of(route)
    before = shared.api("robert").get("/changelog?limit=1").json["head"]
    nobody = shared.api("robert", anonymous=True)
    answer = nobody.send(route.method, path, headers={"Origin": base_url("robert")}, **options)
    assert answer.status_code == 401
    stranger = shared.visitor(shared.carol)
    viewer = shared.visitor(shared.victor)
    for browser in (stranger, viewer):
        headers = {"X-CSRFToken": form_token(browser, "robert")}
        answer = send(browser, "robert", route.method, path, headers=headers, **options)
        assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert (
        shared.api("robert", readers_token).send(route.method, path, **options).status_code == 403
    )
    assert shared.api("robert").get("/changelog?limit=1").json["head"] == before


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_c3_a_token_of_another_wiki_opens_nothing(shared: RestFarm, route: Route) -> None:
    """Failure 1 of the systems people use. The wiki being public makes no difference."""
    path, options = request_of(route)
    for wiki, other in (("alice", "robert"), ("robert", "alice")):
        answer = shared.api(wiki, shared.tokens[other]).send(route.method, path, **options)
        assert answer.status_code == 401
        assert "canary" not in answer.text


@pytest.mark.parametrize("route", READING, ids=lambda route: route.name)
def test_c3_a_private_wiki_answers_like_a_missing_one(shared: RestFarm, route: Route) -> None:
    path, options = request_of(route)
    for token in (None, shared.tokens["robert"]):
        answers = [
            shared.api(wiki, token, anonymous=token is None).get(path, **options)
            for wiki in ("alice", "nadia")
        ]
        assert answers[0].status_code == 401
        assert answers[0].text == answers[1].text


def test_c1_tokens_are_taken_from_the_header_only(shared: RestFarm) -> None:
    token = shared.tokens["alice"]
    nobody = shared.api("alice", anonymous=True)
    for query in (f"access_token={token}", f"token={token}", f"api_key={token}"):
        assert nobody.get(f"/health?{query}").status_code == 401
    assert nobody.get("/health", headers={"Cookie": f"token={token}"}).status_code == 401
    assert nobody.get("/health", headers={"X-Api-Key": token}).status_code == 401


def test_d6_cookies_alone_never_write(shared: RestFarm) -> None:
    """A page of the wiki has to send its form token, and no other page's is good."""
    owner = shared.visitor(shared.alice)
    before = shared.api("alice").get("/changelog?limit=1").json["head"]
    good = form_token(owner, "alice")
    assert send(owner, "alice", "GET", "/pages/Home").status_code == 200
    bad_tokens = (None, "", "junk", form_token(shared.visitor(shared.edith), "alice"),
                  form_token(shared.visitor(shared.alice), "robert"))  # fmt: skip
    for route in CHANGING:
        path, options = request_of(route)
        for token in bad_tokens:
            headers = {} if token is None else {"X-CSRFToken": token}
            answer = send(owner, "alice", route.method, path, headers=headers, **options)
            assert (answer.status_code, answer.json["code"]) == (400, "form_token"), answer.text
        for origin in ({"Origin": base_url("robert")}, {"Origin": "null"}):
            headers = {"X-CSRFToken": good, **origin}
            answer = send(owner, "alice", route.method, path, headers=headers, **options)
            assert (answer.status_code, answer.json["code"]) == (403, "other_origin")
    assert shared.api("alice").get("/changelog?limit=1").json["head"] == before
    made = send(owner, "alice", "PUT", "/pages/by-browser", json=WRITE,
                headers={"X-CSRFToken": good})  # fmt: skip
    assert made.status_code == 201, made.text
    entry = shared.api("alice").get("/changelog?limit=1").json["entries"][0]
    assert entry["author"] == "alice.test"
    assert "Client:" not in entry["message"]


def test_the_header_decides_alone(shared: RestFarm) -> None:
    """With a bad token the owner's cookies are worth nothing; with a good one they are ignored."""
    owner = shared.visitor(shared.alice)
    other = f"Bearer {shared.tokens['robert']}"
    for header in ("Bearer rbt_x", "Bearer ", "Basic YWxpY2U6eA==", other):
        answer = send(owner, "alice", "GET", "/pages/Home", headers={"Authorization": header})
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    headers = {"Authorization": f"Bearer {as_reader_of(shared, 'alice')}"}
    body = {"json": WRITE, "headers": headers}
    assert send(owner, "alice", "PUT", "/pages/cookie-and-token", **body).status_code == 403
    token = {"Authorization": f"Bearer {shared.tokens['alice']}"}
    # No form token, and no Origin of the wiki's: these guards are for cookies.
    made = send(
        shared.visitor(shared.robert), "alice", "PUT", "/pages/cookie-and-token", json=WRITE,
        headers={**token, "Origin": "https://elsewhere.example"},
    )  # fmt: skip
    assert made.status_code == 201
    entry = shared.api("alice").get("/changelog?limit=1").json["entries"][0]
    assert entry["author"] == "alice.test"


def test_c7_a_lost_right_counts_at_the_next_request(farm: RestFarm) -> None:
    owner = By(farm.alice.did, None)
    made = wiki_tokens.make(farm.farm, "alice", owner, name="agent", role=Role.EDITOR)
    agent = farm.api("alice", made.text)
    revision = agent.make("mine", "# Mine\n")
    etag = {"If-None-Match": f'"{revision}"'}
    assert agent.get("/pages/mine", headers=etag).status_code == 304
    wiki_tokens.revoke(farm.farm, "alice", made.listed.token.id, owner)
    assert agent.get("/pages/mine", headers=etag).status_code == 401
    assert agent.put("/pages/other", WRITE).status_code == 401
    editor = farm.visitor(farm.edith)
    headers = {"X-CSRFToken": form_token(editor, "alice")}
    body = {"json": WRITE, "headers": headers}
    assert send(editor, "alice", "PUT", "/pages/editors", **body).status_code == 201
    people.revoke(farm.farm, "alice", farm.edith.did, owner)
    assert send(editor, "alice", "PUT", "/pages/editors2", **body).status_code == 404
    people.set_public(farm.farm, "alice", True, owner)
    reader = send(editor, "alice", "GET", "/pages/mine")
    assert reader.status_code == 200
    assert send(editor, "alice", "PUT", "/pages/editors2", **body).status_code == 403


def test_failure_11_rights_belong_to_the_person_not_to_the_handle(farm: RestFarm) -> None:
    """Whoever gets a collaborator's handle later gets none of their rights."""
    with farm.farm.database.writing() as session:
        users.release_handle(session, "edith.test", "did:plc:newcomer", clock.now())
        newcomer = users.add(
            session,
            did="did:plc:newcomer",
            handle="edith.test",
            username="newcomer",
            now=clock.now(),
        )
    recycled, editor = farm.visitor(newcomer), farm.visitor(farm.edith)
    assert send(recycled, "alice", "GET", "/pages/Home").status_code == 404
    headers = {"X-CSRFToken": form_token(recycled, "robert")}
    body = {"json": WRITE, "headers": headers}
    assert send(recycled, "robert", "PUT", "/pages/x", **body).status_code == 403
    headers = {"X-CSRFToken": form_token(editor, "alice")}
    body = {"json": WRITE, "headers": headers}
    assert send(editor, "alice", "PUT", "/pages/x", **body).status_code == 201


def test_failure_12_commits_name_person_and_program_for_every_kind_of_change(
    farm: RestFarm,
) -> None:
    made = wiki_tokens.make(
        farm.farm, "alice", By(farm.alice.did, None), name="Claude Code", role=Role.EDITOR
    )
    api = farm.api("alice", made.text)
    api.make("a", "# A\n")
    api.post("/pages/a/edit", {"action": "append", "text": "x\n"})
    api.put("/pages/a/attachments/a.txt", data=b"x")
    api.post("/pages/a/rename", {"new_path": "b", "commit_message": "Actor: did:plc:forged"})
    api.post("/batch", {"changes": [{"action": "append", "path": "b", "text": "y\n"}]})
    api.delete("/pages/b")
    entries = api.get("/changelog?limit=6").json["entries"]
    assert len(entries) == 6
    for entry in entries:
        assert entry["author"] == "alice.test"
        trailers = entry["message"].rstrip("\n").splitlines()[-2:]
        assert trailers == ["Actor: did:plc:alice", "Client: API token: Claude Code"]
    assert "Actor: did:plc:forged" not in "".join(entry["message"] for entry in entries)


def test_the_table_of_routes_and_the_farms_table_of_permissions_agree() -> None:
    from otterwiki_access_control.endpoints import ROUTES as FARM

    methods = {"GET": "get", "POST": "post", "PUT": "put", "PATCH": "patch", "DELETE": "delete"}
    mine: dict[str, dict[str, Permission]] = {}
    for route in ROUTES:
        mine.setdefault(f"rest_api.{route.endpoint}", {})[route.method] = route.permission
    for name in ("documentation", "openapi", "llms"):
        mine[f"rest_api.{name}"] = {"GET": Permission.READ}
    farms = {
        name: {
            method: getattr(row, field)
            for method, field in methods.items()
            if getattr(row, field, None) is not None
        }
        for name, row in FARM.items()
        if name.startswith("rest_api.") and name != "rest_api.nowhere"
    }
    assert farms == mine
    assert FARM["rest_api.nowhere"].refused
