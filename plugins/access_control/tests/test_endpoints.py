"""Every route of the application is served or refused on purpose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otterwiki_access_control.endpoints import READ_ONLY, REFUSED, SERVED, is_served
from otterwiki_tenant.testing import SmallFarm, base_url

_VALUES = {
    "extra": "x",
    "filename": "notes.txt",
    "name": "x",
    "pagepath": "Home",
    "path": "Home",
    "query": "canary",
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


def test_every_endpoint_is_in_exactly_one_table(small_farm: SmallFarm) -> None:
    endpoints = {rule.endpoint for rule in small_farm.app.url_map.iter_rules()}
    assert endpoints - SERVED - set(REFUSED) == set(), "decide whether the farm serves these"
    assert (SERVED | set(REFUSED)) - endpoints == set(), "these are gone upstream"
    assert SERVED & set(REFUSED) == set()
    assert READ_ONLY <= SERVED
    assert all(REFUSED.values())


def test_an_endpoint_nobody_decided_about_is_refused() -> None:
    assert not is_served("brand_new_upstream_page", "GET")
    assert is_served("view", "GET")
    assert not is_served("settings", "POST")


@pytest.mark.parametrize("who", ["nobody", "alice"])
def test_refused_endpoints_are_404_for_everybody(small_farm: SmallFarm, who: str) -> None:
    """Even for the owner of the wiki, by every method, without a form token and with one."""
    person, slug = (small_farm.alice, "alice") if who == "alice" else (None, "robert")
    visitor = small_farm.visitor(person)
    checked = set()
    for endpoint, method, path in _routes(small_farm):
        if endpoint in REFUSED:
            answer = visitor.client.open(path, method=method, base_url=base_url(slug))
            assert answer.status_code == 404, (endpoint, method, path)
            if method == "POST":
                assert visitor.post(slug, path, {}).status_code == 404
            checked.add(endpoint)
    assert checked == set(REFUSED)


def test_served_endpoints_answer_their_owner(small_farm: SmallFarm) -> None:
    """None of them fails, and none shows anything of the other wiki."""
    visitor = small_farm.visitor(small_farm.alice)
    for endpoint, method, path in _routes(small_farm):
        if endpoint in SERVED and method == "GET" and endpoint != "static":
            answer = visitor.get("alice", path)
            assert answer.status_code < 500, (endpoint, path)
            assert b"canary-robert" not in answer.get_data()


@pytest.mark.parametrize("who", ["nobody", "robert", "carol"])
def test_h5_no_route_of_a_private_wiki_is_open_to_others(small_farm: SmallFarm, who: str) -> None:
    """The matrix of all routes and methods: each answers as it would for a missing wiki."""
    person = {"nobody": None, "robert": small_farm.robert, "carol": small_farm.carol}[who]
    visitor = small_farm.visitor(person)
    for endpoint, method, path in _routes(small_farm):
        answers = []
        for slug in ("alice", "nadia"):
            answer = visitor.client.open(path, method=method, base_url=base_url(slug))
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
