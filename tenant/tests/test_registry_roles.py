"""Roles, suspension, listing, handles that move and accounts that end: the stores, on both kinds
of database."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from otterwiki_tenant import acls, audit, clock, login_links, sessions, users, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import Action
from otterwiki_tenant.database import Database
from otterwiki_tenant.errors import (
    CollaboratorLimit,
    DeletionUnfinished,
    NameRefused,
    NameTaken,
    NoSuchCollaborator,
    NoSuchUser,
    NoSuchWiki,
    NotPublic,
    RegistryConflict,
    RoleRefused,
    TextRefused,
    UserExists,
)
from otterwiki_tenant.names import MAX_DESCRIPTION_CHARACTERS, MAX_DISPLAY_NAME_CHARACTERS
from otterwiki_tenant.users import User
from otterwiki_tenant.wikis import WikiRecord

NOW = datetime(2026, 11, 23, 2, 3, 4, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def _add(database: Database, name: str, **options: str) -> User:
    with database.writing() as session:
        return users.add(session, did=f"did:plc:{name}", handle=f"{name}.test", now=NOW, **options)


def _add_wiki(database: Database, owner: User) -> None:
    slug = owner.username
    record = WikiRecord(
        slug=slug,
        owner_did=owner.did,
        display_name=slug,
        repo_path=f"/srv/wikis/{slug}/repo.git",
        mcp_token_hash="$2b$secret",
        token_id=f"id-{slug}",
        is_public=False,
        created_at=clock.timestamp(NOW),
        last_accessed=clock.timestamp(NOW),
        page_count=0,
        template_revision=None,
        session_key="5e55",
    )
    with database.writing() as session:
        wikis.add(session, record, owner, NOW, None)


@pytest.fixture
def alice(database: Database) -> User:
    """Somebody with a wiki."""
    person = _add(database, "alice")
    _add_wiki(database, person)
    return person


@pytest.fixture
def robert(database: Database) -> User:
    """Somebody else with a wiki."""
    person = _add(database, "robert")
    _add_wiki(database, person)
    return person


def _grant(
    database: Database, slug: str, did: str, role: Role, most: int | None = 3
) -> Role | None:
    with database.writing() as session:
        wikis.lock(session, slug)
        return acls.grant(
            session,
            slug,
            grantee_did=did,
            role=role,
            granted_by="did:plc:alice",
            now=LATER,
            max_collaborators=most,
        )


# ---------------------------------------------------------------------- roles


def test_a_role_is_given_changed_and_taken_away(
    database: Database, alice: User, robert: User
) -> None:
    assert _grant(database, "alice", robert.did, Role.VIEWER) is None
    assert _grant(database, "alice", robert.did, Role.EDITOR) is Role.VIEWER
    assert _grant(database, "alice", robert.did, Role.EDITOR) is Role.EDITOR
    with database.reading() as session:
        assert acls.role_of(session, "alice", robert.did) is Role.EDITOR
        assert acls.role_of(session, "robert", alice.did) is None
        owner, member = acls.members(session, "alice")
        assert (owner.did, owner.role) == (alice.did, Role.OWNER)
        assert (member.handle, member.role) == ("robert.test", Role.EDITOR)
        assert member.granted_at == clock.timestamp(LATER)
        assert [m.did for m in acls.members(session, "robert")] == [robert.did]
        assert acls.count_collaborators(session, "alice") == 1
    with database.writing() as session:
        assert acls.revoke(session, "alice", robert.did) is Role.EDITOR
        with pytest.raises(NoSuchCollaborator):
            acls.revoke(session, "alice", robert.did)
        assert acls.role_of(session, "robert", robert.did) is Role.OWNER


def test_the_owner_stays_the_only_owner(database: Database, alice: User, robert: User) -> None:
    for did, role in [(robert.did, Role.OWNER), (alice.did, Role.EDITOR), (alice.did, Role.OWNER)]:
        with pytest.raises(RoleRefused):
            _grant(database, "alice", did, role)
    with pytest.raises(RoleRefused), database.writing() as session:
        acls.revoke(session, "alice", alice.did)
    with database.reading() as session:
        assert [(a.grantee_did, a.role) for a in acls.of_wiki(session, "alice")] == [
            (alice.did, "owner")
        ]


def test_i1_the_limit_counts_new_collaborators_only(database: Database, alice: User) -> None:
    people = [_add(database, f"person{number}") for number in range(4)]
    for person in people[:3]:
        _grant(database, "alice", person.did, Role.VIEWER)
    with pytest.raises(CollaboratorLimit, match=r"3 collaborators.*Remove one"):
        _grant(database, "alice", people[3].did, Role.VIEWER)
    assert _grant(database, "alice", people[0].did, Role.EDITOR) is Role.VIEWER
    with database.writing() as session:
        acls.revoke(session, "alice", people[1].did)
    _grant(database, "alice", people[3].did, Role.VIEWER)
    with database.reading() as session:
        assert acls.count_collaborators(session, "alice") == 3


def test_i1_of_two_grants_at_once_at_the_limit_one_passes(database: Database, alice: User) -> None:
    for number in range(2):
        _grant(database, "alice", _add(database, f"person{number}").did, Role.VIEWER)
    wanted = [_add(database, f"new{number}") for number in range(4)]
    barrier = threading.Barrier(len(wanted))
    outcomes: list[str] = []

    def want(person: User) -> None:
        barrier.wait()
        try:
            _grant(database, "alice", person.did, Role.EDITOR)
            outcomes.append("granted")
        except CollaboratorLimit:
            outcomes.append("refused")

    threads = [threading.Thread(target=want, args=(person,)) for person in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["granted", "refused", "refused", "refused"]
    with database.reading() as session:
        assert acls.count_collaborators(session, "alice") == 3


# ---------------------------------------------------------------------- a wiki's settings


def test_only_public_wikis_of_active_people_are_listed(
    database: Database, alice: User, robert: User
) -> None:
    with pytest.raises(NotPublic), database.writing() as session:
        wikis.set_listed(session, "alice", True)
    with database.writing() as session:
        for slug, name in (("alice", "zoo"), ("robert", "Attic")):
            wikis.set_public(session, slug, True)
            wikis.set_listed(session, slug, True)
            wikis.describe(session, slug, name=name, description="about it")

    def listed() -> list[str]:
        with database.reading() as session:
            return [record.slug for record in wikis.listed(session)]

    assert listed() == ["robert", "alice"]  # by name, whatever its case
    with database.writing() as session:
        assert wikis.suspend(session, "robert", NOW) is True
        assert wikis.suspend(session, "robert", NOW) is False
    assert listed() == ["alice"]
    with database.writing() as session:
        assert wikis.resume(session, "robert") is True
        assert wikis.resume(session, "robert") is False
        users.suspend(session, alice.did, NOW)
    assert listed() == ["robert"]
    with database.writing() as session:
        users.resume(session, alice.did)
        wikis.set_public(session, "robert", False)
        wikis.set_public(session, "robert", True)  # private unlisted it
    assert listed() == ["alice"]


def test_what_is_shared_with_a_person(database: Database, alice: User, robert: User) -> None:
    _grant(database, "alice", robert.did, Role.EDITOR)
    with database.reading() as session:
        assert [(w.slug, role) for w, role in wikis.shared_with(session, robert.did)] == [
            ("alice", Role.EDITOR)
        ]
        assert wikis.shared_with(session, alice.did) == []
        assert wikis.shared_with(session, robert.did)[0][0] == wikis.get(session, "alice")
    _delete(database, alice)  # the wiki is about to be removed
    with database.reading() as session:
        assert acls.role_of(session, "alice", robert.did) is Role.EDITOR
        assert wikis.shared_with(session, robert.did) == []


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("", ""),
        ("   ", ""),
        ("two\nlines", ""),
        ("tab\tbed", ""),
        ("esc\x1b[2J", ""),
        ("turned \u202e around", ""),
        ("half \ud800", ""),
        ("x" * (MAX_DISPLAY_NAME_CHARACTERS + 1), ""),
        ("fine", "two\u2028lines"),
        ("fine", "x" * (MAX_DESCRIPTION_CHARACTERS + 1)),
    ],
)
def test_texts_that_are_no_single_line_are_refused(
    database: Database, alice: User, name: str, description: str
) -> None:
    with pytest.raises(TextRefused), database.writing() as session:
        wikis.describe(session, "alice", name=name, description=description)
    with database.reading() as session:
        assert wikis.get(session, "alice").display_name == "alice"


def test_a_wikis_settings_come_back_as_stored(
    database: Database, alice: User, robert: User
) -> None:
    with database.reading() as session:
        before, other = wikis.get(session, "alice"), wikis.get(session, "robert")
    with database.writing() as session:
        wikis.describe(session, "alice", name=" Gärten ", description="\N{SEEDLING} <b>&amp;")
        wikis.set_max_pages(session, "alice", 7)
        for missing in (
            lambda: wikis.describe(session, "nothing", name="x", description=""),
            lambda: wikis.set_max_pages(session, "nothing", 7),
            lambda: wikis.set_listed(session, "nothing", True),
            lambda: wikis.suspend(session, "nothing", NOW),
            lambda: wikis.resume(session, "nothing"),
        ):
            with pytest.raises(NoSuchWiki):
                missing()
    with database.reading() as session:
        assert wikis.get(session, "robert") == other
        assert wikis.get(session, "alice") == replace(
            before, display_name="Gärten", description="\N{SEEDLING} <b>&amp;", max_pages=7
        )


# ---------------------------------------------------------------------- people


def test_a_suspended_person_is_there_but_not_active(database: Database, alice: User) -> None:
    with database.writing() as session:
        assert users.suspend(session, alice.did, NOW) is True
        assert users.suspend(session, alice.did, LATER) is False
    with database.reading() as session:
        found = users.get(session, "alice.test")
        assert found.suspended_at == clock.timestamp(NOW)
        assert not found.is_active
        assert users.active_by_did(session, alice.did) is None
    with database.writing() as session:
        assert users.resume(session, alice.did) is True
        assert users.resume(session, alice.did) is False
        assert users.active_by_did(session, alice.did) == replace(alice, wiki_count=1)
        with pytest.raises(NoSuchUser):
            users.suspend(session, "did:plc:nobody", NOW)


def test_d5_a_handle_that_moved_carries_no_right(
    database: Database, alice: User, robert: User
) -> None:
    """Rights are of the DID: who has the handle now is somebody else."""
    _grant(database, "robert", alice.did, Role.EDITOR)
    mallory = _add(database, "mallory")
    with database.writing() as session:
        taken = users.refresh(session, mallory.did, "alice.test", "Mallory", None, LATER)
    assert (taken.did, taken.handle, taken.username) == (mallory.did, "alice.test", "mallory")
    with database.reading() as session:
        assert users.get(session, "alice.test") == taken
        stale = users.get_by_did(session, alice.did)
        assert (stale.handle, stale.shown_name, stale.is_active) == ("", alice.did, True)
        for slug, role in (("alice", Role.OWNER), ("robert", Role.EDITOR)):
            assert acls.role_of(session, slug, alice.did) is role
            assert acls.role_of(session, slug, mallory.did) is None
        assert [m.shown_name for m in acls.members(session, "robert")] == [
            "robert.test",
            alice.did,
        ]
        told = [
            [(e.subject_did, e.detail) for e in audit.of_person(session, did)]
            for did in (mallory.did, alice.did)
        ]
        assert told == [
            [(mallory.did, "mallory.test to alice.test")],
            [(alice.did, "alice.test is another person's now")],
        ]
    with database.writing() as session:  # Alice signs in again, with the handle she has today
        back = users.refresh(session, alice.did, "alice.example", None, None, LATER)
        assert back == replace(alice, handle="alice.example", wiki_count=1)
        assert users.refresh(session, alice.did, "alice.example", None, None, LATER) == back
        with pytest.raises(NoSuchUser):
            users.refresh(session, "did:plc:nobody", "nobody.test", None, None, LATER)
    with database.reading() as session:
        changed = audit.search(session, action=Action.HANDLE_CHANGED)
        assert len(changed) == 3  # nothing is told where nothing changed


def test_the_operator_is_told_whose_a_handle_is(database: Database, alice: User) -> None:
    words = r"registered already, for did:plc:alice.*delete that"
    with pytest.raises(UserExists, match=words), database.writing() as session:
        users.add(session, did="did:plc:new", handle="alice.test", username="new", now=NOW)


def _delete(database: Database, person: User) -> None:
    with database.writing() as session:
        acls.revoke_all(session, person.did)
        users.bury(session, person.did, NOW)


def test_a_deleted_account_is_a_name_and_no_more(
    database: Database, alice: User, robert: User
) -> None:
    _grant(database, "alice", robert.did, Role.EDITOR)
    with database.writing() as session:
        users.refresh(session, robert.did, "robert.test", "Robert", "https://x/y.png", NOW)
        wikis.remove(session, "robert")
    _delete(database, robert)
    with database.reading() as session:
        tomb = users.by_did(session, robert.did)
        assert tomb == User(
            robert.did, "", None, None, "robert", robert.created_at, 0, None, clock.timestamp(NOW)
        )
        assert not tomb.is_active
        assert users.active_by_did(session, robert.did) is None
        assert users.by_handle(session, "robert.test") is None
        assert users.by_username(session, "robert") is None
        assert users.all_users(session) == [replace(alice, wiki_count=1)]
        assert wikis.shared_with(session, robert.did) == []
        assert users.name_owner(session, "robert") == robert.did
        for look in (robert.did, "robert.test"):
            with pytest.raises(NoSuchUser):
                users.get(session, look)
        with pytest.raises(NoSuchUser):
            users.lock(session, robert.did)
    with pytest.raises(NameTaken), database.writing() as session:
        users.add(session, did="did:plc:other", handle="robert.test", now=NOW)


def test_h6_a_person_who_comes_back_has_the_name_and_nothing_else(
    database: Database, alice: User, robert: User
) -> None:
    _grant(database, "alice", robert.did, Role.EDITOR)
    with database.writing() as session:
        wikis.remove(session, "robert")
    _delete(database, robert)
    with database.writing() as session:  # a sign-in that raced with the deletion left these
        sessions.start(session, robert.did, "login-link", LATER)
        link = login_links.create(session, robert.did, LATER)
    with pytest.raises(NameRefused, match="for good"), database.writing() as session:
        users.add(session, did=robert.did, handle="bob.test", username="bobby", now=LATER)
    with database.writing() as session:
        back = users.add(session, did=robert.did, handle="admin.example", now=LATER)
    assert back == User(
        robert.did, "admin.example", None, None, "robert", clock.timestamp(LATER), 0
    )
    with database.writing() as session:
        assert acls.role_of(session, "alice", robert.did) is None
        assert sessions.of_person(session, robert.did, LATER) == []
        with pytest.raises(Exception, match="never made"):
            login_links.consume(session, link, LATER)


def test_h6_a_suspended_person_stays_so_through_deletion(database: Database, alice: User) -> None:
    robert = _add(database, "robert")
    with database.writing() as session:
        users.suspend(session, robert.did, NOW)
        users.bury(session, robert.did, LATER)
    with database.writing() as session:
        back = users.add(session, did=robert.did, handle="robert.test", now=LATER)
    assert back.suspended_at == clock.timestamp(NOW)


def test_h6_nobody_comes_back_while_their_wikis_are_still_there(
    database: Database, alice: User, robert: User
) -> None:
    _delete(database, alice)
    with database.reading() as session:
        assert [w.slug for w in wikis.of_deleted_accounts(session)] == ["alice"]
    with pytest.raises(DeletionUnfinished) as refused, database.writing() as session:
        users.add(session, did=alice.did, handle="alice.test", now=NOW)
    assert "Try again in a minute" in str(refused.value)
    assert "robot" not in str(refused.value)  # a person who signs in can't run commands here
    with database.writing() as session:
        wikis.remove(session, "alice")
        users.add(session, did=alice.did, handle="alice.test", now=NOW)
        assert wikis.of_deleted_accounts(session) == []


def test_no_wiki_is_made_for_a_deleted_account(database: Database, alice: User) -> None:
    robert = _add(database, "robert")
    _delete(database, robert)
    with pytest.raises(NoSuchUser):
        _add_wiki(database, robert)


def test_two_people_at_once_get_one_handle_once(database: Database) -> None:
    """Two registrations of one handle for two DIDs: a handle names one person."""
    barrier = threading.Barrier(4)
    outcomes: list[str] = []

    def want(number: int) -> None:
        barrier.wait()
        try:
            with database.writing() as session:
                users.add(
                    session,
                    did=f"did:plc:p{number}",
                    handle="same.test",
                    username=f"person{number}",
                    now=NOW,
                )
            outcomes.append("added")
        except (UserExists, RegistryConflict):
            outcomes.append("refused")

    threads = [threading.Thread(target=want, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["added", "refused", "refused", "refused"]
    with database.reading() as session:
        count = text("SELECT count(*) FROM users WHERE handle = 'same.test'")
        assert session.execute(count).scalar_one() == 1
