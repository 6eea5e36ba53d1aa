"""What is done to people and roles: rights, audit and act in one transaction, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from otterwiki_tenant import acls, audit, clock, login_links, people, sessions, users, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import Action
from otterwiki_tenant.errors import (
    CollaboratorLimit,
    DeletionUnfinished,
    Forbidden,
    LimitReached,
    LinkRefused,
    NameTaken,
    NoSuchCollaborator,
    NoSuchUser,
    NoSuchWiki,
    NotPublic,
    RoleRefused,
    Suspended,
    TextRefused,
    Unavailable,
)
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.people import OPERATOR, By
from otterwiki_tenant.testing import add_person

ALICE, ROBERT, CAROL = "did:plc:alice", "did:plc:robert", "did:plc:carol"


def by(did: str | None) -> By:
    return By(did, "192.0.2.1")


def role(farm: Farm, slug: str, did: str) -> Role | None:
    with farm.database.reading() as session:
        return acls.role_of(session, slug, did)


def told(farm: Farm) -> list[tuple[Any, ...]]:
    """Everything in the audit trail but what made the farm, oldest first."""
    with farm.database.reading() as session:
        entries = audit.search(session, limit=1000)
    return [
        (e.action, e.actor_did, e.wiki_slug, e.subject_did, e.detail, e.address)
        for e in reversed(entries)
        if not (e.action is Action.WIKI_CREATED and e.actor_did is None)
    ]


def everything(farm: Farm) -> list[object]:
    """All that may change, to see that nothing has."""
    with farm.database.reading() as session:
        return [
            wikis.all_wikis(session),
            users.all_users(session),
            acls.of_wiki(session, "alice"),
            acls.of_wiki(session, "robert"),
            audit.search(session, limit=1000),
        ]


# ---------------------------------------------------------------------- acts


def test_an_owner_gives_changes_and_takes_roles(any_farm: Farm) -> None:
    assert people.grant(any_farm, "alice", CAROL, Role.VIEWER, by(ALICE)) is None
    assert people.grant(any_farm, "alice", CAROL, Role.EDITOR, by(ALICE)) is Role.VIEWER
    people.grant(any_farm, "alice", CAROL, Role.EDITOR, by(ALICE))  # changes and tells nothing
    assert role(any_farm, "alice", CAROL) is Role.EDITOR
    assert role(any_farm, "robert", CAROL) is None
    people.revoke(any_farm, "alice", CAROL, by(ALICE))
    assert role(any_farm, "alice", CAROL) is None
    people.grant(any_farm, "alice", CAROL, Role.VIEWER, OPERATOR)
    people.leave(any_farm, "alice", by(CAROL))
    assert told(any_farm) == [
        (Action.GRANTED, ALICE, "alice", CAROL, "viewer", "192.0.2.1"),
        (Action.ROLE_CHANGED, ALICE, "alice", CAROL, "viewer to editor", "192.0.2.1"),
        (Action.REVOKED, ALICE, "alice", CAROL, "editor", "192.0.2.1"),
        (Action.GRANTED, None, "alice", CAROL, "viewer", None),
        (Action.LEFT, CAROL, "alice", CAROL, "viewer", "192.0.2.1"),
    ]


def test_an_owner_settles_how_a_wiki_is_shown(any_farm: Farm) -> None:
    people.describe_wiki(any_farm, "alice", "Garden", "What grows", by(ALICE))
    people.describe_wiki(any_farm, "alice", "Garden", "What grows", by(ALICE))
    with pytest.raises(NotPublic):
        people.set_listed(any_farm, "alice", True, by(ALICE))
    for is_public in (True, True):
        people.set_public(any_farm, "alice", is_public, by(ALICE))
    people.set_listed(any_farm, "alice", True, by(ALICE))
    people.set_public(any_farm, "alice", False, by(ALICE))
    with pytest.raises(TextRefused):
        people.describe_wiki(any_farm, "alice", "two\nlines", "", by(ALICE))
    with any_farm.database.reading() as session:
        record = wikis.get(session, "alice")
        assert (record.display_name, record.description) == ("Garden", "What grows")
        assert (record.is_public, record.is_listed) == (False, False)
        assert wikis.get(session, "robert").is_public
    assert [(action, slug) for action, _, slug, *_ in told(any_farm)] == [
        (Action.WIKI_DESCRIBED, "alice"),
        (Action.MADE_PUBLIC, "alice"),
        (Action.LISTED, "alice"),
        (Action.UNLISTED, "alice"),
        (Action.MADE_PRIVATE, "alice"),
    ]


def test_the_operator_suspends_and_resumes(any_farm: Farm) -> None:
    with any_farm.database.writing() as session:
        mine = sessions.start(session, ALICE, "login-link", clock.now())
        other = sessions.start(session, ROBERT, "login-link", clock.now())
        link = login_links.create(session, ALICE, clock.now())
    assert people.suspend_user(any_farm, ALICE, OPERATOR, "spam") is True
    assert people.suspend_user(any_farm, ALICE) is False
    with any_farm.database.asking() as questions:
        assert sessions.with_user(questions, mine.id, clock.now()) is None
        assert sessions.with_user(questions, other.id, clock.now()) is not None
    with any_farm.database.writing() as session:
        assert sessions.of_person(session, ALICE) == []
        with pytest.raises(LinkRefused):
            login_links.consume(session, link, clock.now())
    assert people.resume_user(any_farm, ALICE) is True
    assert people.resume_user(any_farm, ALICE) is False
    assert people.suspend_wiki(any_farm, "alice", OPERATOR, "spam") is True
    assert people.suspend_wiki(any_farm, "alice") is False
    assert people.resume_wiki(any_farm, "alice") is True
    assert people.resume_wiki(any_farm, "alice") is False
    people.set_page_limit(any_farm, "alice", 900)
    people.set_page_limit(any_farm, "alice", None)
    assert told(any_farm) == [
        (Action.USER_SUSPENDED, None, None, ALICE, "spam", None),
        (Action.USER_RESUMED, None, None, ALICE, None, None),
        (Action.WIKI_SUSPENDED, None, "alice", None, "spam", None),
        (Action.WIKI_RESUMED, None, "alice", None, None, None),
        (Action.LIMIT_CHANGED, None, "alice", None, "900 pages", None),
        (Action.LIMIT_CHANGED, None, "alice", None, "the farm's", None),
    ]


def test_a_wiki_of_ones_own(any_farm: Farm) -> None:
    limit = any_farm.limits.max_wikis
    made = any_farm.create_wiki(None, owner_did=CAROL, max_wikis=limit, by=by(CAROL))
    assert made.record.slug == "carol"
    with pytest.raises(LimitReached):
        any_farm.create_wiki("more", owner_did=CAROL, max_wikis=limit, by=by(CAROL))
    with pytest.raises(Forbidden):
        any_farm.create_wiki("more", owner_did=ROBERT, by=by(CAROL))
    with pytest.raises(TextRefused):
        any_farm.create_wiki("more", owner_did=CAROL, display_name="a\nb")
    any_farm.delete_wiki("carol", by=by(CAROL))
    assert [(action, slug) for action, _, slug, *_ in told(any_farm)] == [
        (Action.WIKI_CREATED, "carol"),
        (Action.WIKI_DELETED, "carol"),
    ]


# ---------------------------------------------------------------------- who may not

Act = Callable[[Farm, str, By], object]
#: What only a wiki's owner (or the operator) does.
OWNERS_ACTS: dict[str, Act] = {
    "grant": lambda farm, slug, who: people.grant(farm, slug, CAROL, Role.EDITOR, who),
    "revoke": lambda farm, slug, who: people.revoke(farm, slug, CAROL, who),
    "describe": lambda farm, slug, who: people.describe_wiki(farm, slug, "x", "", who),
    "publish": lambda farm, slug, who: people.set_public(farm, slug, True, who),
    "close": lambda farm, slug, who: people.set_public(farm, slug, False, who),
    "list": lambda farm, slug, who: people.set_listed(farm, slug, True, who),
    "unlist": lambda farm, slug, who: people.set_listed(farm, slug, False, who),
    "delete": lambda farm, slug, who: farm.delete_wiki(slug, by=who),
}
#: What only the operator does.
OPERATORS_ACTS: dict[str, Act] = {
    "suspend user": lambda farm, slug, who: people.suspend_user(farm, CAROL, who),
    "resume user": lambda farm, slug, who: people.resume_user(farm, CAROL, who),
    "suspend wiki": lambda farm, slug, who: people.suspend_wiki(farm, slug, who),
    "resume wiki": lambda farm, slug, who: people.resume_wiki(farm, slug, who),
    "page limit": lambda farm, slug, who: people.set_page_limit(farm, slug, 9, who),
    "add user": lambda farm, slug, who: people.add_user(
        farm, did="did:plc:new", handle="new.test", by=who
    ),
}


def test_every_act_is_refused_to_whom_it_is_not_for(any_farm: Farm) -> None:
    """H1: members, strangers, nobody, the suspended and the deleted; nothing changes, nothing
    is told."""
    for slug, owner in (("alice", ALICE), ("robert", ROBERT)):
        for handle, given in (("edith.test", Role.EDITOR), ("victor.test", Role.VIEWER)):
            did = f"did:plc:{handle.partition('.')[0]}"
            if role(any_farm, slug, did) is None:
                with any_farm.database.reading() as session:
                    known = users.by_did(session, did)
                if known is None:
                    add_person(any_farm, handle)
                people.grant(any_farm, slug, did, given, by(owner))
    for handle in ("gone.test", "sue.test"):
        add_person(any_farm, handle)
    people.delete_account(any_farm, "did:plc:gone", OPERATOR)
    people.suspend_user(any_farm, "did:plc:sue")
    before = everything(any_farm)
    refused: dict[str, dict[str, type[Exception]]] = {
        "robert": {  # public
            ALICE: Forbidden,
            "did:plc:edith": Forbidden,
            "did:plc:victor": Forbidden,
            CAROL: Forbidden,
            "did:plc:nobody": Forbidden,
            "did:plc:gone": Forbidden,
            "did:plc:sue": Suspended,
        },
        "alice": {  # private: strangers are told that there is no such wiki
            ROBERT: NoSuchWiki,
            "did:plc:edith": Forbidden,
            "did:plc:victor": Forbidden,
            CAROL: NoSuchWiki,
            "did:plc:nobody": Forbidden,
            "did:plc:sue": Suspended,
        },
        "nothing": {ALICE: NoSuchWiki, CAROL: NoSuchWiki},
    }
    for slug, visitors in refused.items():
        for did, error in visitors.items():
            for name, act in OWNERS_ACTS.items():
                with pytest.raises(error) as caught:
                    act(any_farm, slug, by(did))
                assert type(caught.value) is error, (slug, did, name)
            for act in OPERATORS_ACTS.values():
                with pytest.raises(Forbidden):
                    act(any_farm, slug, by(did))
    for act in OPERATORS_ACTS.values():
        with pytest.raises(Forbidden):
            act(any_farm, "alice", by(ALICE))
    assert everything(any_farm) == before


def test_h5_a_private_wiki_and_none_at_all_are_refused_in_the_same_words(any_farm: Farm) -> None:
    for act in (*OWNERS_ACTS.values(), lambda farm, slug, who: people.leave(farm, slug, who)):
        words = []
        for slug in ("alice", "other"):
            with pytest.raises(NoSuchWiki) as caught:
                act(any_farm, slug, by(CAROL))
            words.append(str(caught.value).replace(slug, "SLUG"))
        assert words[0] == words[1]


def test_h5_a_suspended_public_wiki_is_none_to_a_stranger_who_leaves_it(any_farm: Farm) -> None:
    people.grant(any_farm, "robert", CAROL, Role.VIEWER, by(ROBERT))
    people.suspend_wiki(any_farm, "robert")
    with pytest.raises(NoSuchWiki) as refused:
        people.leave(any_farm, "robert", by(ALICE))
    with pytest.raises(NoSuchWiki) as none_such:
        people.leave(any_farm, "nothing", by(ALICE))
    assert str(refused.value) == str(none_such.value).replace("nothing", "robert")
    people.leave(any_farm, "robert", by(CAROL))  # a collaborator may go all the same
    assert role(any_farm, "robert", CAROL) is None


def test_what_cannot_be_done_to_whom(any_farm: Farm) -> None:
    people.suspend_user(any_farm, CAROL)
    refused: list[tuple[type[Exception], Callable[[], object]]] = [
        (NoSuchUser, lambda: people.grant(any_farm, "alice", "did:plc:x", Role.VIEWER, by(ALICE))),
        (RoleRefused, lambda: people.grant(any_farm, "alice", CAROL, Role.VIEWER, by(ALICE))),
        (RoleRefused, lambda: people.grant(any_farm, "alice", ALICE, Role.VIEWER, by(ALICE))),
        (RoleRefused, lambda: people.grant(any_farm, "alice", ROBERT, Role.OWNER, by(ALICE))),
        (RoleRefused, lambda: people.revoke(any_farm, "alice", ALICE, OPERATOR)),
        (NoSuchCollaborator, lambda: people.revoke(any_farm, "alice", ROBERT, by(ALICE))),
        (RoleRefused, lambda: people.leave(any_farm, "alice", by(ALICE))),
        (NoSuchCollaborator, lambda: people.leave(any_farm, "robert", by(ALICE))),
        (Forbidden, lambda: people.leave(any_farm, "robert", OPERATOR)),
        (Suspended, lambda: people.leave(any_farm, "robert", by(CAROL))),
        (Suspended, lambda: any_farm.create_wiki(None, owner_did=CAROL, by=by(CAROL))),
        (Suspended, lambda: any_farm.create_wiki(None, owner_did=CAROL)),
        (NoSuchUser, lambda: people.delete_account(any_farm, "did:plc:x", OPERATOR)),
        (Forbidden, lambda: people.delete_account(any_farm, ALICE, by(ROBERT))),
    ]
    before = everything(any_farm)
    for error, act in refused:
        with pytest.raises(error):
            act()
    assert everything(any_farm) == before


def test_h6_a_suspension_is_not_escaped_by_deleting(any_farm: Farm) -> None:
    people.suspend_wiki(any_farm, "alice")
    with pytest.raises(Suspended, match=r"write to help@farm\.test"):
        any_farm.delete_wiki("alice", by=by(ALICE))
    with pytest.raises(Suspended, match=r"alice.*help@farm\.test.*can't be deleted"):
        people.delete_account(any_farm, ALICE, by(ALICE))
    people.suspend_user(any_farm, ROBERT)
    with pytest.raises(Suspended, match=r"help@farm\.test.*can't be deleted"):
        people.delete_account(any_farm, ROBERT, by(ROBERT))
    for slug in ("alice", "robert"):
        assert any_farm.layout.wiki(slug).is_dir()
        assert not (any_farm.layout.wiki(slug) / "pending").exists()
    any_farm.delete_wiki("alice", by=OPERATOR)  # the operator may; and what is made anew is new
    again = any_farm.create_wiki("alice", owner_did=ALICE, by=by(ALICE)).record
    assert again.suspended_at is None
    people.delete_account(any_farm, ROBERT, OPERATOR)
    back = people.add_user(any_farm, did=ROBERT, handle="robert.test")
    assert back.suspended_at is not None


def test_h6_a_wiki_made_anew_inherits_nothing(any_farm: Farm) -> None:
    people.grant(any_farm, "alice", CAROL, Role.EDITOR, by(ALICE))
    people.describe_wiki(any_farm, "alice", "Old name", "Old words", by(ALICE))
    people.set_public(any_farm, "alice", True, by(ALICE))
    people.set_listed(any_farm, "alice", True, by(ALICE))
    people.set_page_limit(any_farm, "alice", 9999)
    with any_farm.database.reading() as session:
        old, other = wikis.get(session, "alice"), wikis.get(session, "robert")
        others = acls.of_wiki(session, "robert")
    any_farm.delete_wiki("alice", by=by(ALICE))
    new = any_farm.create_wiki("alice", owner_did=ALICE, by=by(ALICE)).record
    assert (new.display_name, new.description) == ("alice", "")
    assert (new.is_public, new.is_listed, new.max_pages) == (False, False, None)
    assert new.mcp_token_hash != old.mcp_token_hash
    assert new.token_id != old.token_id
    assert new.session_key != old.session_key
    with any_farm.database.reading() as session:
        assert [m.did for m in acls.members(session, "alice")] == [ALICE]
        assert [e.action for e in audit.of_wiki(session, new)] == [Action.WIKI_CREATED]
        assert wikis.listed(session) == []
        assert wikis.get(session, "robert") == other
        assert acls.of_wiki(session, "robert") == others


def test_i1_of_grants_at_once_at_the_limit_one_passes(any_farm: Farm) -> None:
    wanted = []
    for number in range(5):
        person = add_person(any_farm, f"person{number}.test")
        if number < 2:
            people.grant(any_farm, "alice", person.did, Role.VIEWER, by(ALICE))
        else:
            wanted.append(person.did)
    barrier = threading.Barrier(len(wanted))
    outcomes: list[str] = []

    def want(did: str) -> None:
        barrier.wait()
        try:
            people.grant(any_farm, "alice", did, Role.VIEWER, by(ALICE))
            outcomes.append("granted")
        except CollaboratorLimit:
            outcomes.append("refused")

    threads = [threading.Thread(target=want, args=(did,)) for did in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["granted", "refused", "refused"]
    assert [action for action, *_ in told(any_farm)].count(Action.GRANTED) == 3


# ---------------------------------------------------------------------- the end of an account


def test_h6_a_deleted_account_leaves_a_name_and_its_words(any_farm: Farm) -> None:
    people.grant(any_farm, "robert", ALICE, Role.EDITOR, by(ROBERT))
    people.grant(any_farm, "alice", CAROL, Role.EDITOR, by(ALICE))
    with any_farm.database.writing() as session:
        mine = sessions.start(session, ALICE, "login-link", clock.now())
        other = sessions.start(session, ROBERT, "login-link", clock.now())
        link = login_links.create(session, ALICE, clock.now())
        record = wikis.get(session, "robert")
    repository = any_farm.opened(record).wiki.repository
    written = repository.commit(
        {"Hers.md": b"hers\n"},
        base=repository.head(),
        author=any_farm.author(_actor(ALICE)),
        message="x",
        actor=ALICE,
    ).revision
    people.delete_account(any_farm, ALICE, by(ALICE))
    with any_farm.database.asking() as questions:
        assert sessions.with_user(questions, mine.id, clock.now()) is None
        assert sessions.with_user(questions, other.id, clock.now()) is not None
    with any_farm.database.writing() as session:
        assert users.active_by_did(session, ALICE) is None
        with pytest.raises(LinkRefused):
            login_links.consume(session, link, clock.now())
        assert [record.slug for record in wikis.all_wikis(session)] == ["robert"]
        assert [m.did for m in acls.members(session, "robert")] == [ROBERT]
        assert wikis.shared_with(session, CAROL) == []
    assert not any_farm.layout.wiki("alice").exists()
    assert repository.head() == written
    assert b"did.plc.alice@users" in repository.commit_object(written).author
    assert told(any_farm)[-2:] == [
        (Action.ACCOUNT_DELETED, ALICE, None, ALICE, "alice", "192.0.2.1"),
        (Action.WIKI_DELETED, ALICE, "alice", None, "with its owner's account", None),
    ]
    with pytest.raises(NoSuchUser):
        people.delete_account(any_farm, ALICE, by(ALICE))
    add_mallory = {"did": "did:plc:mallory", "handle": "alice.test"}
    with pytest.raises(NameTaken):
        people.add_user(any_farm, **add_mallory)
    people.add_user(any_farm, **add_mallory, username="mallory")
    for owner in ("did:plc:mallory", ROBERT):
        with pytest.raises(NameTaken):
            any_farm.create_wiki("alice", owner_did=owner)
    back = people.add_user(any_farm, did=ALICE, handle="alice.example")
    assert (back.username, back.wiki_count) == ("alice", 0)
    new = any_farm.create_wiki(None, owner_did=ALICE, by=by(ALICE)).record
    with any_farm.database.reading() as session:
        assert [e.action for e in audit.of_wiki(session, new)] == [Action.WIKI_CREATED]
        assert acls.role_of(session, "alice", CAROL) is None


def _actor(did: str) -> Any:
    from otterwiki_engine.actor import Actor

    return Actor(did=did, handle="alice.test", wiki="robert", permissions=frozenset())


def test_a_deletion_that_is_cut_short_is_finished_by_recovery(
    any_farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(farm: Farm, did: str | None = None) -> list[str]:
        raise Unavailable("the registry can't answer")

    people.grant(any_farm, "robert", CAROL, Role.EDITOR, by(ROBERT))
    people.grant(any_farm, "alice", CAROL, Role.VIEWER, by(ALICE))
    with monkeypatch.context() as patched:
        patched.setattr("otterwiki_tenant.lifecycle.finish_account_deletions", busy)
        with pytest.raises(DeletionUnfinished, match="closed"):
            people.delete_account(any_farm, ROBERT, by(ROBERT))
    with any_farm.database.reading() as session:
        record = wikis.get(session, "robert")
        assert record.suspended_at is not None  # nobody may so much as read it
        assert not record.is_public
        # nor is anybody told that the operator suspended it
        assert [acl.grantee_did for acl in acls.of_wiki(session, "robert")] == [ROBERT]
        assert [w.slug for w, _role in wikis.shared_with(session, CAROL)] == ["alice"]
    with pytest.raises(DeletionUnfinished, match=r"minute; if .* run: robot doctor"):
        people.add_user(any_farm, did=ROBERT, handle="robert.test")
    recovery = any_farm.recover()
    assert recovery.closed == ("robert",)
    assert any_farm.recover().closed == ()
    assert not any_farm.layout.wiki("robert").exists()
    with any_farm.database.reading() as session:
        assert [w.slug for w in wikis.all_wikis(session)] == ["alice"]
    people.add_user(any_farm, did=ROBERT, handle="robert.test")


def test_h6_a_role_given_while_an_account_ends_is_not_left_behind(any_farm: Farm) -> None:
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def give() -> None:
        barrier.wait()
        try:
            people.grant(any_farm, "alice", CAROL, Role.EDITOR, by(ALICE))
            outcomes.append("given")
        except NoSuchUser:
            outcomes.append("refused")

    thread = threading.Thread(target=give)
    thread.start()
    barrier.wait()
    people.delete_account(any_farm, CAROL, by(CAROL))
    thread.join(30)
    assert len(outcomes) == 1
    assert role(any_farm, "alice", CAROL) is None


def test_a_wiki_being_made_while_its_owner_leaves_is_not_left_behind(any_farm: Farm) -> None:
    """The two may come in either order; neither leaves a wiki without an owner."""
    outcomes: list[str] = []

    def make() -> None:
        try:
            any_farm.create_wiki(None, owner_did=CAROL, by=by(CAROL))
            outcomes.append("made")
        except (NoSuchUser, Forbidden):
            outcomes.append("refused")

    thread = threading.Thread(target=make)
    thread.start()
    people.delete_account(any_farm, CAROL, by(CAROL))
    thread.join(30)
    assert len(outcomes) == 1
    with any_farm.database.reading() as session:
        assert wikis.of_deleted_accounts(session) == []
        assert [w.slug for w in wikis.all_wikis(session)] == ["alice", "robert"]
    assert sorted(path.name for path in any_farm.layout.wikis.iterdir()) == ["alice", "robert"]
