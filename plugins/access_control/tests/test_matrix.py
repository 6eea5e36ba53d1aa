"""H1: every route x method x role x visibility x credential, as the document says it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otterwiki_tenant.access import OF_CREDENTIAL, Credential, Role, lesser, permissions_of

from .matrix import MatrixFarm, World
from .matrix_guards import cross_site_posts, posts_without_form_token
from .matrix_oracle import DOCUMENT, OF_ROLE, OF_TOKEN, needs, tables
from .matrix_programs import API, NOWHERE

OPEN = [World(is_public=True), World(is_public=False)]
SUSPENDED = [
    World(is_public=is_public, suspended=what)
    for what in ("wiki", "owner")
    for is_public in (True, False)
]
#: Fewer would mean that the walk lost routes or people.
LEAST_CELLS = 3500
MOST_SHOWN = 400


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MatrixFarm]:
    made = MatrixFarm(tmp_path_factory.mktemp("matrix") / "home", DOCUMENT.read_text("utf-8"))
    yield made
    made.close()


def test_h1_the_walk_covers_every_route(matrix: MatrixFarm) -> None:
    walked = {(request.endpoint, request.method) for request in matrix.requests}
    documented = set(needs(DOCUMENT.read_text("utf-8")))
    assert walked == documented
    rules = {
        (rule.rule, method)
        for rule in matrix.small.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS"}
        if rule.endpoint != NOWHERE or rule.rule in API
    }
    assert len(matrix.requests) == len(rules)


def test_h1_the_matrix(matrix: MatrixFarm, record_property: pytest.RecordProperty) -> None:
    """For everybody while the wiki is open; then with the wiki or its owner suspended."""
    cells = served = 0
    wrong: list[str] = []
    for world in OPEN + SUSPENDED:
        walk = matrix.walk(world, matrix.subjects_in(world))
        cells, served, wrong = cells + walk.cells, served + walk.served, wrong + walk.wrong
    assert not wrong, f"{len(wrong)} of {cells} cells:\n" + "\n".join(wrong[:MOST_SHOWN])
    record_property("cells", cells)
    assert cells >= LEAST_CELLS
    assert cells / 10 < served < cells / 2, "a walk that is refused everywhere shows nothing"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "SAVE"])
def test_h1_other_methods_change_nothing(matrix: MatrixFarm, method: str) -> None:
    with matrix.world(World(is_public=True)):
        before = matrix.state()
        for request in matrix.requests:
            if request.method == "GET" and (request.endpoint, method) not in matrix.needs:
                for subject in (matrix.owner, matrix.token):
                    answer = matrix.send(subject, method, request.path, request.form())
                    assert answer.status_code in (403, 404, 405), (request, answer.status_code)
        assert matrix.state() == before


def test_d6_forms_of_other_origins_are_refused(matrix: MatrixFarm) -> None:
    """Even the owner's, with a valid form token."""
    assert cross_site_posts(matrix) == []


def test_d6_forms_without_their_own_token_are_refused(matrix: MatrixFarm) -> None:
    assert posts_without_form_token(matrix) == []


def test_h1_roles_are_those_of_the_product() -> None:
    """The document, the code and the product's rules say one thing."""
    rows = {row["who"]: row for row in tables(DOCUMENT.read_text("utf-8"))["Roles"]}
    names = {"nobody (not signed in)": "nobody", "signed in, no role": "stranger"}
    assert {names.get(who, who) for who in rows} == set(OF_ROLE)
    for who, row in rows.items():
        mine = OF_ROLE[names.get(who, who)]
        assert _words(row["private wiki"]) == mine
        assert _words(row["public wiki"]) == mine | {"read"}
        assert _words(row["suspended wiki"]) == frozenset()


def test_h1_credentials_cap_what_a_role_may_do() -> None:
    most = {
        Credential.NONE: frozenset({"read"}),
        Credential.SESSION: OF_ROLE["owner"],
        Credential.WIKI_TOKEN: OF_TOKEN,
        Credential.ACCESS_TOKEN: OF_TOKEN,
    }
    assert set(most) == set(Credential) == set(OF_CREDENTIAL)
    for credential, allowed in most.items():
        for role in (None, *Role):
            for is_public in (True, False):
                found = permissions_of(
                    role, is_public=is_public, is_suspended=False, credential=credential
                )
                of_role = OF_ROLE[role.value if role else "stranger"]
                named = {"ADMIN": "settings"}
                assert {named.get(item.value, item.value.lower()) for item in found} == (
                    of_role | ({"read"} if is_public else set())
                ) & allowed
    assert [lesser(Role.EDITOR, role) for role in Role] == [Role.EDITOR, Role.EDITOR, Role.VIEWER]
    assert lesser(Role.EDITOR, None) is None


def _words(cell: str) -> frozenset[str]:
    return frozenset() if cell == "-" else frozenset(cell.split(", "))
