"""Every route of the application is served or refused on purpose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otterwiki_access_control import endpoints
from otterwiki_access_control.endpoints import METHODS, ROUTES, WITH_EDITOR, route_of
from otterwiki_engine.actor import Permission
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.testing import SmallFarm, base_url

from .matrix_programs import OF_A_SEARCH

REFUSED = {
    name for name, route in ROUTES.items() if not any(route.need(method) for method in METHODS)
}
_FROM_HERE = {"Sec-Fetch-Site": "same-origin"}
_VALUES = {
    "extra": "x",
    "filename": "notes.txt",
    "name": "x",
    "page": "Home",
    "pagepath": "Home",
    "path": "Home",
    "query": "canary",
    "rest": "x",
    "rev_a": "abcdef",
    "rev_b": "abcdef",
    "revision": "abcdef",
    "size": 80,
    "email": "x@example.org",
    "token": "x",
    "topic": "syntax",
    "uid": "1",
    "webhook_hash": "x",
}


def _routes(small_farm: SmallFarm) -> Iterator[tuple[str, str, str]]:
    """(endpoint, method, path) of every rule of the URL map."""
    adapter = small_farm.app.url_map.bind("x")
    for rule in small_farm.app.url_map.iter_rules():
        values = {name: _VALUES[name] for name in rule.arguments}
        built = rule.build(values)
        assert built is not None, rule
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            assert adapter.match(built[1], method=method)[0] == rule.endpoint, (
                "this rule is shadowed by another one, so its answer can't be tested"
            )
            yield rule.endpoint, method, built[1]


def test_h1_every_endpoint_and_method_has_a_row(small_farm: SmallFarm) -> None:
    """Both ways: an endpoint without a row fails, and so does a row that nothing needs any more."""
    methods: dict[str, set[str]] = {}
    for rule in small_farm.app.url_map.iter_rules():
        methods.setdefault(rule.endpoint, set()).update(rule.methods or set())
    assert set(methods) - set(ROUTES) == set(), "decide what these ask for"
    assert set(ROUTES) - set(methods) == set(), "these are gone upstream"
    for endpoint, route in ROUTES.items():
        offered = methods[endpoint] - {"HEAD", "OPTIONS"}
        assert offered <= set(METHODS), endpoint
        decided = {method for method in METHODS if route.need(method)}
        assert decided <= offered, f"{endpoint} does not know {decided - offered}"
        assert offered == decided or route.refused, f"{endpoint}: why not {offered - decided}?"


def test_h1_an_endpoint_nobody_decided_about_is_refused(
    small_farm: SmallFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = route_of("brand_new_upstream_page", {})
    assert [route.need(method) for method in ("GET", "POST", "OPTIONS", "PUT")] == [None] * 4
    assert route_of("settings", {}).need("POST") is None
    assert route_of("view", {}).need("DELETE") is None
    owner = small_farm.visitor(small_farm.alice)
    assert owner.get("alice", "/-/about").status_code == 200
    kept = {name: row for name, row in ROUTES.items() if name != "about"}
    monkeypatch.setattr(endpoints, "ROUTES", kept)
    assert owner.get("alice", "/-/about").status_code == 404


def test_the_editor_is_no_page_to_read(small_farm: SmallFarm) -> None:
    """Otterwiki opens it on a page's own address."""
    for endpoint in WITH_EDITOR:
        assert route_of(endpoint, {"edit": ""}) is ROUTES["edit"]
        assert route_of(endpoint, {"editor": ""}) is ROUTES[endpoint]
    assert route_of("history", {"edit": ""}) is ROUTES["history"]
    opened = set()
    owner = small_farm.visitor(small_farm.alice)
    for endpoint, method, path in _routes(small_farm):
        if method == "GET" and ROUTES[endpoint].get is Permission.READ:
            page = owner.get("alice", f"{path}?edit").get_data()
            if b"saveform" in page:
                opened.add(endpoint)
    assert opened == WITH_EDITOR


def test_d7_head_is_get_without_a_body(small_farm: SmallFarm) -> None:
    """Otterwiki would take it for a form that was sent, and any page may send one anywhere."""
    owner = small_farm.visitor(small_farm.alice)
    form = {"sidebar_menutree_mode": "SORTED", "sidebar_shortcut_home": "True"}
    assert owner.post("alice", "/-/admin/sidebar_preferences", form).status_code == 302
    for endpoint, method, path in _routes(small_farm):
        if ROUTES[endpoint].get and method == "GET":
            answer = owner.client.head(path, base_url=base_url("alice"))
            assert answer.get_data() == b""
            assert answer.status_code == owner.get("alice", path).status_code, path
    with wiki_context(small_farm.farm, "alice") as entered:
        assert entered.settings["SIDEBAR_MENUTREE_MODE"] == "SORTED"
        assert entered.settings["SIDEBAR_SHORTCUTS"] == "home"


def test_refused_in_the_form_the_client_asked_for(small_farm: SmallFarm) -> None:
    """JSON for programs; people are sent to the sign-in page and back."""
    accept = {"Accept": "application/json"}
    for person, html, json in ((None, 302, 401), (small_farm.carol, 403, 403)):
        visitor = small_farm.visitor(person)
        page = visitor.get("robert", "/Home/rename?x=1")
        assert page.status_code == html
        if person is None:
            assert page.headers["Location"].endswith(
                "/auth/login?next=http%3A%2F%2Frobert.robot.localhost%3A8000%2FHome%2Frename%3Fx%3D1"
            )
        answer = visitor.get("robert", "/Home/rename", headers=accept)
        assert answer.status_code == json
        assert answer.mimetype == "application/problem+json"
        assert answer.get_json()["status"] == json


@pytest.mark.parametrize("who", ["nobody", "alice"])
def test_refused_endpoints_are_404_for_everybody(small_farm: SmallFarm, who: str) -> None:
    """Even for the owner of the wiki, by every method, without a form token and with one."""
    person, slug = (small_farm.alice, "alice") if who == "alice" else (None, "robert")
    visitor = small_farm.visitor(person)
    checked = set()
    for endpoint, method, path in _routes(small_farm):
        if endpoint in REFUSED:
            answer = visitor.client.open(
                path, method=method, base_url=base_url(slug), headers=_FROM_HERE
            )
            known = 405 if path.startswith("/api/v1/") and path != "/api/v1/x" else 404
            assert answer.status_code == known, (endpoint, method, path)
            if method == "POST":
                assert visitor.post(slug, path, {}).status_code == known
            checked.add(endpoint)
    assert checked == REFUSED


def test_served_endpoints_answer_their_owner(small_farm: SmallFarm) -> None:
    """None of them fails, and none shows anything of the other wiki."""
    visitor = small_farm.visitor(small_farm.alice)
    for endpoint, method, path in _routes(small_farm):
        if ROUTES[endpoint].need(method) and method == "GET" and endpoint != "static":
            answer = visitor.get("alice", path)
            assert answer.status_code < 500 or endpoint in OF_A_SEARCH, (endpoint, path)
            assert b"canary-robert" not in answer.get_data()


@pytest.mark.parametrize("who", ["nobody", "robert", "carol"])
def test_h5_no_route_of_a_private_wiki_is_open_to_others(small_farm: SmallFarm, who: str) -> None:
    """The matrix of all routes and methods: each answers as it would for a missing wiki."""
    person = {"nobody": None, "robert": small_farm.robert, "carol": small_farm.carol}[who]
    visitor = small_farm.visitor(person)
    for endpoint, method, path in _routes(small_farm):
        answers = []
        for slug in ("alice", "nadia"):
            answer = visitor.client.open(
                path, method=method, base_url=base_url(slug), headers=_FROM_HERE
            )
            text = answer.get_data(as_text=True).replace(slug, "SLUG")
            location = answer.headers.get("Location", "").replace(slug, "SLUG")
            answers.append((answer.status_code, location, text))
        assert answers[0] == answers[1], (endpoint, method, path)
        assert answers[0][0] in ((401, 302) if person is None else (404,))


def test_the_app_itself_answers_nothing_without_the_front_door(small_farm: SmallFarm) -> None:
    """A request that reaches Otterwiki with no wiki active, by a wiring error, gets nothing."""
    client = small_farm.app.test_client()
    for path in ("/", "/Home", "/-/about", "/static/img/otter.png", "/-/healthz", "/nothing/x"):
        assert client.get(path).status_code == 404
