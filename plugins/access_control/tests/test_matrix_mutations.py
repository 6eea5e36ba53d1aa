"""H1: with any one check off, the walk through the matrix (or the test of that guard) fails.

Each mutation takes one check away in the running farm and walks the part of the matrix it
concerns, which must go wrong. Where two checks guard one thing, each alone must hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask_wtf.csrf import CSRFProtect

from otterwiki_access_control import endpoints, standins
from otterwiki_access_control.endpoints import ROUTES, Route
from otterwiki_access_control.farm_auth import FarmAuth
from otterwiki_engine.actor import Permission
from otterwiki_tenant import (
    access,
    admission,
    clock,
    late_rights,
    origins,
    sessions,
    users,
    wsgi,
)
from otterwiki_tenant.access import EVERYTHING, OF_CREDENTIAL, OF_ROLE, READING, Credential, Role

from .matrix import MatrixFarm, Subject, World
from .matrix_guards import cross_site_posts, posts_without_form_token
from .matrix_oracle import DOCUMENT
from .test_matrix import test_h1_credentials_cap_what_a_role_may_do as credentials_cap

PUBLIC, PRIVATE = World(is_public=True), World(is_public=False)
SUSPENDED = World(is_public=True, suspended="wiki")
Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MatrixFarm]:
    made = MatrixFarm(tmp_path_factory.mktemp("mutated") / "home", DOCUMENT.read_text("utf-8"))
    yield made
    made.close()


def walk(matrix: MatrixFarm, world: World, *subjects: Subject, names: str = "") -> list[str]:
    """What is wrong with the endpoints `names` (all of them by default), HEAD left out."""
    wanted = set(names.split())
    only = [
        request
        for request in matrix.requests
        if request.method != "HEAD" and (not wanted or request.endpoint in wanted)
    ]
    assert only
    return matrix.walk(world, subjects, only).wrong


def role(patch: Patch, changed: Role | None, permissions: frozenset[Permission]) -> None:
    patch.setattr(access, "OF_ROLE", {**OF_ROLE, changed: permissions})


def credential(patch: Patch, changed: Credential) -> None:
    patch.setattr(access, "OF_CREDENTIAL", {**OF_CREDENTIAL, changed: EVERYTHING})


def rights(patch: Patch, **always: Any) -> None:
    """permissions_of() is told this, whatever the rows say."""
    real = access.permissions_of
    patch.setattr(access, "permissions_of", lambda role, **facts: real(role, **{**facts, **always}))


def row(patch: Patch, endpoint: str, route: Route) -> None:
    patch.setattr(endpoints, "ROUTES", {**ROUTES, endpoint: route})


def no_guard(patch: Patch, matrix: MatrixFarm) -> None:
    before_request = matrix.small.app.before_request_funcs[None]
    patch.setitem(
        matrix.small.app.before_request_funcs,
        None,
        [function for function in before_request if function is not standins.check_request],
    )


SAMPLE = "view source changelog changelog_feed_rss get_attachment search save admin settings static"
WRITES = "save rename delete revert draft attachments inline_attachment create housekeeping preview"


def test_with_all_checks_on_the_samples_are_right(matrix: MatrixFarm) -> None:
    """Else the mutations below would show nothing."""
    everybody = matrix.subjects_in(PUBLIC)
    for world in (PUBLIC, PRIVATE):
        assert walk(matrix, world, *everybody, names=f"{SAMPLE} save") == []
    assert walk(matrix, SUSPENDED, *matrix.subjects_in(SUSPENDED), names=SAMPLE) == []


@pytest.mark.parametrize(
    ("changed", "permissions", "subject", "world"),
    [
        (None, READING, "stranger", PRIVATE),
        (None, READING, "nobody", PRIVATE),
        (Role.VIEWER, access.WRITING, "viewer", PRIVATE),
        (Role.VIEWER, frozenset({Permission.READ, Permission.UPLOAD}), "viewer", PUBLIC),
        (Role.EDITOR, EVERYTHING, "editor", PUBLIC),
        (Role.OWNER, access.WRITING, "owner", PRIVATE),
    ],
)
def test_h1_a_role_that_may_more_or_less(
    matrix: MatrixFarm,
    monkeypatch: Patch,
    changed: Role | None,
    permissions: frozenset[Permission],
    subject: str,
    world: World,
) -> None:
    role(monkeypatch, changed, permissions)
    assert walk(matrix, world, getattr(matrix, subject), names=f"{SAMPLE} inline_attachment")


@pytest.mark.parametrize("changed", [c for c in Credential if c is not Credential.SESSION])
def test_h1_a_credential_that_may_all(monkeypatch: Patch, changed: Credential) -> None:
    credential(monkeypatch, changed)
    with pytest.raises(AssertionError):
        credentials_cap()


def test_h1_a_token_is_held_twice(matrix: MatrixFarm, monkeypatch: Patch) -> None:
    """By the lesser role and by what a token may do at most: both off is noticed."""
    with monkeypatch.context() as one:
        credential(one, Credential.WIKI_TOKEN)
        assert walk(matrix, PUBLIC, matrix.token, names="admin") == []
    with monkeypatch.context() as other:
        other.setattr(access, "lesser", lambda one, other: other)
        assert walk(matrix, PUBLIC, matrix.token, names="admin") == []
        credential(other, Credential.WIKI_TOKEN)
        assert walk(matrix, PUBLIC, matrix.token, names="admin")


def test_h1_a_suspension_that_is_ignored(matrix: MatrixFarm, monkeypatch: Patch) -> None:
    rights(monkeypatch, is_suspended=False)
    for subject in (matrix.nobody, matrix.viewer, matrix.owner, matrix.token):
        assert walk(matrix, SUSPENDED, subject, names="view"), subject.name


def test_h1_a_private_wiki_taken_for_public(matrix: MatrixFarm, monkeypatch: Patch) -> None:
    rights(monkeypatch, is_public=True)
    for subject in (matrix.nobody, matrix.stranger, *matrix.gone):
        assert walk(matrix, PRIVATE, subject, names="source"), subject.name


def test_a17_a_session_nobody_looks_up(matrix: MatrixFarm, monkeypatch: Patch) -> None:
    """The cookie is right, the session behind it is gone: only the look-up tells."""

    def believe(_asked: Any, sid: str, _now: Any) -> Any:
        did = next(
            identity.did
            for subject in (*matrix.gone, matrix.owner)
            for identity in matrix.farm.identity.read_all(subject.cookie)
            if identity.session_id == sid
        )
        times = [clock.timestamp(clock.now())] * 3
        record = sessions.SessionRecord(sid, did, "test", *times, None, None)
        with matrix.farm.database.reading() as session:
            person = users.by_did(session, did)
        return (record, person) if person else None

    monkeypatch.setattr(admission.sessions, "with_user", believe)
    for subject in matrix.gone:
        assert walk(matrix, PRIVATE, subject, names="view"), subject.name


def test_d6_an_origin_nobody_looks_at(matrix: MatrixFarm, monkeypatch: Patch) -> None:
    monkeypatch.setattr(wsgi.origins, "is_same_origin", lambda **_: True)
    assert cross_site_posts(matrix, names="save admin")


def test_d6_a_method_taken_for_safe(matrix: MatrixFarm, monkeypatch: Patch) -> None:
    monkeypatch.setattr(origins, "SAFE_METHODS", origins.SAFE_METHODS | {"POST"})
    assert cross_site_posts(matrix, names="save admin")


def test_d6_a_form_token_nobody_looks_at(matrix: MatrixFarm, monkeypatch: Patch) -> None:
    monkeypatch.setattr(CSRFProtect, "protect", lambda self: None)
    assert posts_without_form_token(matrix, names="save admin")


# ---------------------------------------------------------------------- the table of routes


def test_h1_no_table_of_routes(matrix: MatrixFarm, monkeypatch: Patch) -> None:
    no_guard(monkeypatch, matrix)
    refused = " ".join(name for name, row in ROUTES.items() if not (row.get or row.post))
    wrong = walk(matrix, PUBLIC, matrix.owner, matrix.viewer, names=f"{refused} create")
    assert any("user_management" in line for line in wrong), "refused to everybody"
    assert any("create" in line for line in wrong), "Otterwiki does not ask"


@pytest.mark.parametrize(
    ("endpoint", "route", "subject"),
    [
        ("create", Route(get=Permission.READ, post=Permission.WRITE), "viewer"),
        ("housekeeping", Route(get=Permission.READ, post=Permission.WRITE), "viewer"),
        ("draft", Route(get=Permission.WRITE, post=Permission.WRITE), "editor"),
        ("settings", Route(get=Permission.READ, post=Permission.READ, person=True), "nobody"),
        ("healthz", Route(get=Permission.READ), "nobody"),
        ("admin_user_management", Route(get=Permission.ADMIN, post=Permission.ADMIN), "owner"),
        ("rename", Route(get=Permission.READ, post=Permission.WRITE), "nobody"),
        ("source", Route(get=Permission.WRITE), "viewer"),
        ("rest_api.pages", Route(get=Permission.WRITE), "viewer"),
        ("rest_api.page", Route(get=Permission.READ, put=Permission.WRITE), "editor"),
    ],
)
def test_h1_a_row_that_says_something_else(
    matrix: MatrixFarm, monkeypatch: Patch, endpoint: str, route: Route, subject: str
) -> None:
    row(monkeypatch, endpoint, route)
    assert walk(matrix, PUBLIC, getattr(matrix, subject), names=endpoint)


def test_h1_the_table_holds_without_otterwikis_own_questions(
    matrix: MatrixFarm, monkeypatch: Patch
) -> None:
    """And with them off, every write whose row is loosened is noticed."""
    monkeypatch.setattr(FarmAuth, "has_permission", lambda *_: True)
    everybody = (matrix.nobody, matrix.stranger, matrix.viewer)
    assert walk(matrix, PUBLIC, *everybody, names=f"{WRITES} {SAMPLE}") == []
    monkeypatch.setattr(late_rights, "check", lambda *_: None)  # asked again before a commit
    for endpoint in f"{WRITES} edit_attachment admin".split():
        with monkeypatch.context() as patch:
            row(patch, endpoint, Route(get=Permission.READ, post=Permission.READ))
            assert walk(matrix, PUBLIC, matrix.viewer, names=endpoint), endpoint


def test_h1_without_the_table_otterwikis_own_questions_hold(
    matrix: MatrixFarm, monkeypatch: Patch
) -> None:
    """Nothing is written without the permission, whichever of the two is off."""
    no_guard(monkeypatch, matrix)
    for subject in (matrix.nobody, matrix.stranger, matrix.viewer):
        wrong = walk(matrix, PUBLIC, subject, names=f"{WRITES} admin")
        assert [line for line in wrong if "changed" in line] == []


def test_every_check_is_back(matrix: MatrixFarm) -> None:
    assert matrix.small.app.before_request_funcs[None][0] is standins.check_request
    assert walk(matrix, PRIVATE, *matrix.subjects_in(PRIVATE), names=SAMPLE) == []
