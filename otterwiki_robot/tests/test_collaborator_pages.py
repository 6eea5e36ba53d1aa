"""Inviting, changing roles, removing and leaving, on the root host."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from otterwiki_robot.installation import Installation
from otterwiki_tenant import acls, names, people
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import OPERATOR

from .made_farm import ALICE, BOB
from .root_visitor import RootVisitor

Visit = Callable[..., RootVisitor]
PAGE = "/app/collaborators"


def did(handle: str) -> str:
    return names.development_did(handle)


def role(installation: Installation, handle: str, slug: str = "alice") -> Role | None:
    with installation.farm.database.reading() as session:
        return acls.role_of(session, slug, did(handle))


def change(visitor: RootVisitor, do: str, **values: str) -> Any:
    return visitor.post(PAGE, {"wiki": "alice", "do": do, **values})


def test_invite_change_remove(installation: Installation, visit: Visit) -> None:
    alice = visit(ALICE)
    done = change(alice, "invite", handle="@Bob.Test ", role="viewer")
    page = alice.follow(done).text
    assert "The collaborator is added" in page
    assert "bob.test" in page and "1 of 3 collaborators" in page
    assert role(installation, BOB) is Role.VIEWER
    done = change(alice, "role", did=did(BOB), role="editor")
    assert "The role is changed" in alice.follow(done).text
    assert role(installation, BOB) is Role.EDITOR
    done = change(alice, "remove", did=did(BOB))
    assert "The collaborator is removed" in alice.follow(done).text
    assert role(installation, BOB) is None
    activity = alice.get("/app/activity").text
    for sentence in (
        "You gave bob.test access (viewer).",
        "You changed the role of bob.test (viewer to editor).",
        "You removed bob.test (editor).",
    ):
        assert sentence in activity


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        ("", "Type the handle of the person"),
        ("nobody.test", "Nobody of that handle is known here"),
        ("not a handle", "That is no handle"),
        ("<b>x</b>.test", "That is no handle"),
        ("did:plc:abc", "That is no handle"),
        (ALICE, "A wiki has one owner"),
    ],
)
def test_who_can_not_be_invited_is_said_and_kept(
    installation: Installation, visit: Visit, handle: str, words: str
) -> None:
    answer = change(visit(ALICE), "invite", handle=handle, role="viewer")
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="viewer" selected' in answer.text
    assert "<b>x" not in answer.text
    if handle == "nobody.test":
        assert 'value="nobody.test"' in answer.text


def test_a_suspended_or_deleted_person_can_not_be_invited(
    installation: Installation, visit: Visit, carol: str
) -> None:
    people.suspend_user(installation.farm, did(carol))
    answer = change(visit(ALICE), "invite", handle=carol, role="editor")
    assert answer.status_code == 422
    assert role(installation, carol) is None


@pytest.mark.parametrize("wanted", ["", "owner", "admin", "Editor"])
def test_no_other_role_can_be_given(installation: Installation, visit: Visit, wanted: str) -> None:
    alice = visit(ALICE)
    assert change(alice, "invite", handle=BOB, role=wanted).status_code == 422
    assert role(installation, BOB) is None
    people.grant(installation.farm, "alice", did(BOB), Role.VIEWER, OPERATOR)
    assert change(alice, "role", did=did(BOB), role=wanted).status_code == 422
    assert role(installation, BOB) is Role.VIEWER


def test_at_the_limit_the_page_says_what_to_do_and_roles_still_change(
    installation: Installation, visit: Visit, carol: str
) -> None:
    farm = installation.farm
    farm.limits = dataclasses.replace(farm.limits, max_collaborators=1)
    people.grant(farm, "alice", did(BOB), Role.VIEWER, OPERATOR)
    alice = visit(ALICE)
    page = alice.get(PAGE).text
    assert "as many as a wiki may have" in page and "Remove one" in page
    assert 'name="handle"' not in page
    refused = change(alice, "invite", handle=carol, role="editor")  # an older page, still open
    assert refused.status_code == 422
    assert "Remove one to make room" in refused.text
    assert f'value="{carol}"' in refused.text
    assert role(installation, carol) is None
    assert change(alice, "role", did=did(BOB), role="editor").status_code == 303
    assert role(installation, BOB) is Role.EDITOR


def test_the_owner_can_neither_be_changed_nor_removed(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    assert change(alice, "role", did=did(ALICE), role="viewer").status_code == 409
    assert change(alice, "remove", did=did(ALICE)).status_code == 409
    assert role(installation, ALICE) is Role.OWNER


def test_somebody_removed_meanwhile_is_not_given_a_role_again(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    assert change(alice, "role", did=did(BOB), role="editor").status_code == 409
    assert change(alice, "remove", did=did(BOB)).status_code == 409
    assert role(installation, BOB) is None


@pytest.mark.parametrize("given", [Role.EDITOR, Role.VIEWER])
def test_a_collaborator_sees_the_members_and_leaves(
    installation: Installation, visit: Visit, given: Role
) -> None:
    people.grant(installation.farm, "alice", did(BOB), given, OPERATOR)
    bob = visit(BOB)
    assert "/app/collaborators?wiki=alice" in bob.get("/app/").text
    page = bob.get(f"{PAGE}?wiki=alice").text
    assert "alice.test" in page and "bob.test (you)" in page
    assert "Invite" not in page and "Remove" not in page
    for do, values in (
        ("invite", {"handle": ALICE, "role": "editor"}),
        ("role", {"did": did(BOB), "role": "editor"}),
        ("remove", {"did": did(ALICE)}),
    ):
        answer = bob.post(PAGE, {"wiki": "alice", "do": do, **values}, page=f"{PAGE}?wiki=alice")
        assert answer.status_code == 403
    assert role(installation, BOB) is given
    done = bob.post("/app/leave", {"wiki": "alice"}, page=f"{PAGE}?wiki=alice")
    assert "You have left the wiki." in bob.follow(done).text
    assert role(installation, BOB) is None
    assert bob.get(f"{PAGE}?wiki=alice").status_code == 404
    assert "bob.test left the wiki" in visit(ALICE).get("/app/activity").text


@pytest.mark.parametrize(("slug", "status"), [("alice", 409), ("bob", 409), ("nobody", 404)])
def test_leaving_what_one_is_not_a_collaborator_of_is_refused_in_words(
    installation: Installation, visit: Visit, slug: str, status: int
) -> None:
    answer = visit(ALICE).post("/app/leave", {"wiki": slug}, page="/app/account")
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert role(installation, ALICE) is Role.OWNER


def test_g1_a_hostile_display_name_is_only_text(installation: Installation, visit: Visit) -> None:
    from otterwiki_tenant import clock, users

    with installation.farm.database.writing() as session:
        users.refresh(session, did(BOB), BOB, "<script>alert(1)</script>", None, clock.now())
    people.grant(installation.farm, "alice", did(BOB), Role.VIEWER, OPERATOR)
    page = visit(ALICE).get(PAGE).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
