"""A wiki's settings on the root host: name, who may read it, listing, deletion; owners only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otterwiki_robot.installation import Installation
from otterwiki_tenant import audit, names, people, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import OPERATOR, Action
from otterwiki_tenant.wikis import WikiRecord

from .made_farm import ALICE, BOB
from .root_visitor import ADDRESS, RootVisitor

Visit = Callable[..., RootVisitor]
HOSTILE = "<script>alert(1)</script>\"'{{7*7}}"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;{{7*7}}"


def record(installation: Installation, slug: str = "alice") -> WikiRecord:
    with installation.farm.database.reading() as session:
        return wikis.get(session, slug)


def change(visitor: RootVisitor, do: str, *, page: str = "/app/settings", **values: str) -> Any:
    data = {"wiki": "alice", "do": do, **values}
    return visitor.post("/app/settings", data, page=page)


def actions(installation: Installation, slug: str = "alice") -> list[Action]:
    with installation.farm.database.reading() as session:
        return [entry.action for entry in audit.search(session, wiki_slug=slug)]


# ------------------------------------------------------------------ name and description


def test_name_and_description_are_saved_with_who_and_where(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    done = change(alice, "describe", name="Garden", description="What grows")
    page = alice.follow(done).text
    assert "Name and description are saved." in page
    assert 'value="Garden"' in page and 'value="What grows"' in page
    found = record(installation)
    assert (found.display_name, found.description) == ("Garden", "What grows")
    with installation.farm.database.reading() as session:
        entry = audit.search(session, wiki_slug="alice", limit=1)[0]
    assert entry.action is Action.WIKI_DESCRIBED
    assert (entry.actor_did, entry.address) == (names.development_did(ALICE), ADDRESS)
    assert record(installation, "bob").display_name == "bob"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "", "description": "kept text"}, "The name is empty"),
        ({"name": "x" * 81, "description": "kept text"}, "The name has 81 characters"),
        ({"name": "kept name", "description": "y" * 301}, "The description has 301 characters"),
        ({"name": "kept name", "description": "two\nlines"}, "must be one line"),
        ({"name": "kept\u202ename", "description": ""}, "must be one line"),
    ],
)
def test_what_can_not_be_used_is_said_beside_the_field_and_kept(
    installation: Installation, visit: Visit, values: dict[str, str], words: str
) -> None:
    before = record(installation)
    answer = change(visit(ALICE), "describe", **values)
    assert answer.status_code == 422
    assert words in answer.text
    assert answer.text.count('aria-invalid="true"') == 1
    for text in values.values():
        assert text in answer.text
    assert record(installation) == before


def test_g1_hostile_names_are_only_text(installation: Installation, visit: Visit) -> None:
    alice = visit(ALICE)
    assert change(alice, "describe", name=HOSTILE, description=HOSTILE).status_code == 303
    assert record(installation).display_name == HOSTILE
    for path in ("/app/", "/app/settings", "/app/collaborators", "/app/activity", "/"):
        page = alice.get(path).text
        assert "<script>alert" not in page, path
        assert ESCAPED in page, path


# ------------------------------------------------------------------ public or private


def test_making_it_public_warns_and_takes_a_tick(installation: Installation, visit: Visit) -> None:
    alice = visit(ALICE)
    assert "Making it public opens the whole history" in alice.get("/app/settings").text
    for history in ("", "no"):
        answer = change(alice, "visibility", visibility="public", history=history)
        assert answer.status_code == 422
        assert "Tick this to make the wiki public." in answer.text
        assert 'value="public" checked' in answer.text
        assert not record(installation).is_public
    done = change(alice, "visibility", visibility="public", history="yes")
    assert "The wiki is public now" in alice.follow(done).text
    assert record(installation).is_public
    assert "Making it public" not in alice.get("/app/settings").text


def test_making_it_private_unlists_it_and_needs_no_tick(
    installation: Installation, visit: Visit
) -> None:
    people.set_listed(installation.farm, "bob", True, OPERATOR)
    bob = visit(BOB)
    done = bob.post("/app/settings", {"wiki": "bob", "do": "visibility", "visibility": "private"})
    assert "The wiki is private now" in bob.follow(done).text
    found = record(installation, "bob")
    assert (found.is_public, found.is_listed) == (False, False)
    assert {Action.MADE_PRIVATE, Action.UNLISTED} <= set(actions(installation, "bob"))


@pytest.mark.parametrize("visibility", ["", "both", "PUBLIC"])
def test_another_visibility_is_refused(
    installation: Installation, visit: Visit, visibility: str
) -> None:
    answer = change(visit(ALICE), "visibility", visibility=visibility, history="yes")
    assert answer.status_code == 422
    assert not record(installation).is_public


def test_only_a_public_wiki_can_be_listed(installation: Installation, visit: Visit) -> None:
    alice = visit(ALICE)
    assert 'name="listed"' not in alice.get("/app/settings").text
    assert change(alice, "listing", listed="yes").status_code == 422
    assert not record(installation).is_listed
    people.set_public(installation.farm, "alice", True, OPERATOR)
    assert change(alice, "listing", listed="yes").status_code == 303
    assert record(installation).is_listed
    assert change(alice, "listing").status_code == 303  # an unticked box sends nothing
    assert not record(installation).is_listed


# ------------------------------------------------------------------ deleting


def test_deleting_takes_the_typed_address_and_offers_an_export(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    assert 'href="/app/export?wiki=alice"' in alice.get("/app/settings").text
    for typed in ("", "ALICE", "bob", "alice "):
        answer = change(alice, "delete", confirmation=typed)
        if typed == "alice ":  # space around it is no doubt about what is meant
            assert answer.status_code == 303
        else:
            assert answer.status_code == 422, typed
            assert "Type alice to delete the wiki." in answer.text
            assert record(installation)
    assert "The wiki is deleted" in alice.get("/app/?done=wiki-deleted").text
    with installation.farm.database.reading() as session:
        assert wikis.by_slug(session, "alice") is None
        assert wikis.by_slug(session, "bob") is not None
    assert not installation.farm.layout.wiki("alice").exists()


# ------------------------------------------------------------------ who may


def share(installation: Installation, role: Role) -> None:
    """Give Bob a role on Alice's wiki."""
    people.grant(installation.farm, "alice", names.development_did(BOB), role, OPERATOR)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_h1_collaborators_are_told_that_settings_are_the_owners(
    installation: Installation, visit: Visit, role: Role
) -> None:
    share(installation, role)
    bob = visit(BOB)
    answer = bob.get("/app/settings?wiki=alice")
    assert answer.status_code == 403
    assert "Only the owner of this wiki" in answer.text
    before = record(installation)
    for do in ("describe", "visibility", "listing", "delete"):
        answer = change(bob, do, name="x", visibility="public", history="yes", confirmation="alice")
        assert answer.status_code == 403
    assert record(installation) == before


def test_h5_a_private_a_public_and_a_missing_wiki_answer_a_stranger_alike(
    installation: Installation, visit: Visit, carol: str
) -> None:
    person = visit(carol)
    pages = set()
    for slug in ("alice", "bob", "nobody", "../x", "a" * 400):
        for path in ("/app/settings", "/app/collaborators", "/app/activity"):
            answer = person.get(path, query_string={"wiki": slug})
            assert answer.status_code == 404
            pages.add(answer.text)
    assert len(pages) == 1
    as_json = person.get("/app/settings?wiki=alice", headers={"Accept": "application/json"})
    assert as_json.json is not None
    assert as_json.json["code"] == "not_found"


def test_a_role_that_was_taken_away_is_refused_at_the_next_request(
    installation: Installation, visit: Visit
) -> None:
    share(installation, Role.EDITOR)
    bob = visit(BOB)
    assert bob.get("/app/collaborators?wiki=alice").status_code == 200
    people.revoke(installation.farm, "alice", names.development_did(BOB), OPERATOR)
    assert bob.get("/app/collaborators?wiki=alice").status_code == 404


def test_a_suspended_wiki_says_so_and_keeps_its_settings(
    installation: Installation, visit: Visit
) -> None:
    people.suspend_wiki(installation.farm, "alice")
    alice = visit(ALICE)
    for path in ("/app/", "/app/settings"):
        assert "The operator has suspended this wiki" in alice.get(path).text
    answer = change(alice, "describe", name="New", description="")
    assert answer.status_code == 403
    assert "is suspended" in answer.text
    assert change(alice, "delete", confirmation="alice").status_code == 403
    assert record(installation).display_name == "alice"


@pytest.mark.parametrize("do", ["", "nothing", "describe "])
def test_a_form_that_no_button_sends_changes_nothing(
    installation: Installation, visit: Visit, do: str
) -> None:
    before = record(installation)
    answer = change(visit(ALICE), do, name="New", description="", confirmation="alice")
    assert answer.status_code == 400
    assert record(installation) == before


def test_somebody_with_several_wikis_chooses_one(installation: Installation, visit: Visit) -> None:
    installation.farm.create_wiki(
        "alice-two", owner_did=names.development_did(ALICE), display_name="Second"
    )
    alice = visit(ALICE)
    page = alice.get("/app/settings").text
    assert '<option value="alice" selected>' in page
    page = alice.get("/app/settings?wiki=alice-two").text
    assert '<option value="alice-two" selected>Second (alice-two)</option>' in page
    assert 'href="/app/collaborators?wiki=alice-two"' in page
    done = alice.post(
        "/app/settings",
        {"wiki": "alice-two", "do": "describe", "name": "Renamed", "description": ""},
    )
    assert done.status_code == 303
    assert record(installation, "alice-two").display_name == "Renamed"
    assert record(installation, "alice").display_name == "alice"
