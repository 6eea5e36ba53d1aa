"""Named tokens: made, listed, replaced and revoked, on SQLite and on PostgreSQL, in two wikis."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, text

from otterwiki_tenant import audit, clock, people, token_store, wiki_tokens, wikis
from otterwiki_tenant import database as database_module
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import OPERATOR, Action, By
from otterwiki_tenant.credentials import CredentialRefused
from otterwiki_tenant.database import Database
from otterwiki_tenant.errors import (
    Forbidden,
    LifetimeRefused,
    NoSuchToken,
    NoSuchWiki,
    RoleRefused,
    Suspended,
    TextRefused,
    TokenLimit,
    TokenRate,
)
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.rate_limits import RateLimits, Rates
from otterwiki_tenant.token_store import FIRST_NAME, Listed, State, TokenRecord
from otterwiki_tenant.tokens import NewToken, mint
from otterwiki_tenant.wiki_tokens import MadeToken

ALICE, ROBERT, CAROL = (By(f"did:plc:{name}", "192.0.2.1") for name in ("alice", "robert", "carol"))


def make(farm: Farm, by: By = ALICE, slug: str = "alice", **options: object) -> MadeToken:
    values: dict[str, object] = {"name": "laptop", "role": Role.EDITOR, **options}
    return wiki_tokens.make(farm, slug, by, **values)  # type: ignore[arg-type]


def tokens_of(farm: Farm, slug: str = "alice") -> list[Listed]:
    with farm.database.reading() as session:
        return token_store.of_wiki(session, slug)


def made_by_another(
    farm: Farm, maker: By, role: Role, *, slug: str = "alice", expires_at: str | None = None
) -> MadeToken:
    """A token as an earlier owner would have left it: its maker owns the wiki no more."""
    made = mint(rounds=4)
    assert maker.did
    record = TokenRecord(
        id=made.token_id,
        wiki_slug=slug,
        name="by another",
        role=role,
        maker_did=maker.did,
        created_at=clock.timestamp(clock.now()),
        expires_at=expires_at,
    )
    with farm.database.writing() as session:
        token_store.add(session, record, made)
        return MadeToken(token_store.get(session, slug, record.id), made.text)


def opens(farm: Farm, token: str, slug: str = "alice") -> bool:
    try:
        return farm.admit_authorized(slug, f"Bearer {token}").actor is not None
    except CredentialRefused:
        return False


# ---------------------------------------------------------------------- one's own


def test_a_wiki_is_born_with_its_first_token_in_the_list(any_farm: Farm) -> None:
    with any_farm.database.reading() as session:
        record = wikis.get(session, "alice")
    (first,) = tokens_of(any_farm)
    assert first.token == TokenRecord(
        record.token_id, "alice", FIRST_NAME, Role.EDITOR, "did:plc:alice", record.created_at
    )
    assert (first.maker_name, first.makers_role, first.role_today) == (
        "alice.test",
        Role.OWNER,
        Role.EDITOR,
    )
    assert record.mcp_token_hash.startswith("$2b$")


def test_make_list_revoke(any_farm: Farm) -> None:
    made = make(any_farm, name="  Ann's laptop ", role=Role.VIEWER, lifetime_days=30)
    record = made.listed.token
    assert re.fullmatch(rf"rbt_{record.id}_[A-Za-z0-9]{{40}}", made.text)
    assert (record.name, record.role, record.maker_did) == (
        "Ann's laptop",
        Role.VIEWER,
        "did:plc:alice",
    )
    assert record.expires_at is not None
    assert clock.parse(record.expires_at) - clock.parse(record.created_at) == timedelta(days=30)
    before = tokens_of(any_farm, "robert")
    assert {item.token.name for item in tokens_of(any_farm)} == {"Ann's laptop", FIRST_NAME}
    assert opens(any_farm, made.text)
    assert wiki_tokens.revoke(any_farm, "alice", record.id, ALICE) == record
    assert not opens(any_farm, made.text)
    assert {item.token.state(clock.now()) for item in tokens_of(any_farm)} == {
        State.ACTIVE,
        State.REVOKED,
    }
    with pytest.raises(NoSuchToken):
        wiki_tokens.revoke(any_farm, "alice", record.id, ALICE)
    assert tokens_of(any_farm, "robert") == before
    with any_farm.database.reading() as session:
        told = [
            (entry.action, entry.actor_did, entry.subject_did, entry.detail, entry.address)
            for entry in audit.of_wiki(session, wikis.get(session, "alice"))
        ]
    here = ("did:plc:alice", "did:plc:alice", "Ann's laptop, viewer", "192.0.2.1")
    assert told[:2] == [(Action.TOKEN_REVOKED, *here), (Action.TOKEN_MADE, *here)]


def test_the_operators_tokens_are_the_owners(any_farm: Farm) -> None:
    made = make(any_farm, OPERATOR, "robert")
    assert made.listed.token.maker_did == "did:plc:robert"
    assert opens(any_farm, made.text, "robert")
    assert not opens(any_farm, made.text, "alice")


def test_the_first_token_is_revoked_like_any_other(any_farm: Farm) -> None:
    (first,) = tokens_of(any_farm)
    wiki_tokens.revoke(any_farm, "alice", first.token.id, ALICE)
    with any_farm.database.reading() as session:
        assert wikis.get(session, "alice").mcp_token_hash == ""
        assert wikis.get(session, "robert").mcp_token_hash.startswith("$2b$")
    assert tokens_of(any_farm)[0].token.state(clock.now()) is State.REVOKED


@pytest.mark.parametrize("days", [None, 90])
def test_a_replaced_token_is_dead_and_its_successor_is_alike(
    any_farm: Farm, days: int | None
) -> None:
    old = make(any_farm, name="agent", role=Role.VIEWER, lifetime_days=days)
    new = wiki_tokens.replace_token(any_farm, "alice", old.listed.token.id, ALICE)
    assert new.text != old.text
    assert not opens(any_farm, old.text)
    assert opens(any_farm, new.text)
    one, other = old.listed.token, new.listed.token
    assert (other.name, other.role, other.revoked_at, other.last_used_at) == (
        one.name,
        one.role,
        None,
        None,
    )
    if days is None:
        assert other.expires_at is None
    else:
        assert other.expires_at is not None
        lives = clock.parse(other.expires_at) - clock.parse(other.created_at)
        assert lives == timedelta(days=days)
    with pytest.raises(NoSuchToken):
        wiki_tokens.replace_token(any_farm, "alice", one.id, ALICE)
    (first,) = (item for item in tokens_of(any_farm) if item.token.name == FIRST_NAME)
    again = wiki_tokens.replace_token(any_farm, "alice", first.token.id, ALICE)
    assert again.listed.token.name == FIRST_NAME
    assert opens(any_farm, again.text)


# ---------------------------------------------------------------------- who may


def test_c4_only_the_owner_and_the_operator_may(any_farm: Farm) -> None:
    """Editors and viewers are told so; who can't see the wiki is told that there is none."""
    made = make(any_farm)
    people.grant(any_farm, "alice", "did:plc:robert", Role.EDITOR, ALICE)
    acts: list[Callable[[By], object]] = [
        lambda by: make(any_farm, by),
        lambda by: wiki_tokens.revoke(any_farm, "alice", made.listed.token.id, by),
        lambda by: wiki_tokens.replace_token(any_farm, "alice", made.listed.token.id, by),
    ]
    before = tokens_of(any_farm)
    for role in (Role.EDITOR, Role.VIEWER):
        people.grant(any_farm, "alice", "did:plc:robert", role, ALICE)
        for act in acts:
            with pytest.raises(Forbidden):
                act(ROBERT)
    for act in acts:
        with pytest.raises(NoSuchWiki):
            act(CAROL)
        with pytest.raises(Forbidden):
            act(By("did:plc:nobody"))
    assert tokens_of(any_farm) == before


def test_c3_another_wikis_token_can_not_be_named(any_farm: Farm) -> None:
    theirs = make(any_farm, ROBERT, "robert")
    for act in (wiki_tokens.revoke, wiki_tokens.replace_token):
        with pytest.raises(NoSuchToken):
            act(any_farm, "alice", theirs.listed.token.id, ALICE)
    assert opens(any_farm, theirs.text, "robert")


def test_a_suspended_wiki_gets_no_tokens(any_farm: Farm) -> None:
    people.suspend_wiki(any_farm, "alice")
    with pytest.raises(Suspended, match=r"help@farm\.test"):
        make(any_farm)
    assert len(tokens_of(any_farm)) == 1


def test_i1_no_hash_is_made_for_who_may_not_have_a_token(
    any_farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_options: int) -> None:
        raise AssertionError("a quarter of a second of a processor")

    monkeypatch.setattr(wiki_tokens.tokens, "mint", fail)
    with pytest.raises(NoSuchWiki):
        make(any_farm, CAROL)
    with pytest.raises(TextRefused):
        make(any_farm, name="")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", "x" * 61, "<b>", "a>b", "\u202eabc"])
def test_f5_a_name_is_one_line_that_a_commit_can_carry(any_farm: Farm, name: str) -> None:
    with pytest.raises(TextRefused):
        make(any_farm, name=name)
    assert len(tokens_of(any_farm)) == 1


def test_no_token_is_an_owner_and_none_lives_for_ever_by_accident(any_farm: Farm) -> None:
    with pytest.raises(RoleRefused):
        make(any_farm, role=Role.OWNER)
    for days in (0, -1, 3651, 10**9):
        with pytest.raises(LifetimeRefused):
            make(any_farm, lifetime_days=days)
    assert len(tokens_of(any_farm)) == 1


# ---------------------------------------------------------------------- how many


def test_i1_the_limit_counts_tokens_that_work(any_farm: Farm) -> None:
    any_farm.limits = dataclasses.replace(any_farm.limits, max_tokens=3)
    expired = clock.timestamp(clock.now() - timedelta(seconds=1))
    made_by_another(any_farm, ALICE, Role.EDITOR, expires_at=expired)
    first, second = make(any_farm), make(any_farm)
    with pytest.raises(TokenLimit, match="alice has 3 tokens"):
        make(any_farm)
    make(any_farm, ROBERT, "robert")  # another wiki has its own limit
    wiki_tokens.replace_token(any_farm, "alice", first.listed.token.id, ALICE)
    wiki_tokens.revoke(any_farm, "alice", second.listed.token.id, ALICE)
    make(any_farm)
    with pytest.raises(TokenLimit):
        make(any_farm)


def test_i3_no_hash_is_made_for_a_token_too_many(
    any_farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_farm.limits = dataclasses.replace(any_farm.limits, max_tokens=2)
    expired = clock.timestamp(clock.now() - timedelta(seconds=1))
    old = made_by_another(any_farm, ALICE, Role.EDITOR, expires_at=expired)
    made = make(any_farm)
    minted: list[int] = []

    def counted(*, rounds: int) -> NewToken:
        minted.append(rounds)
        return mint(rounds=rounds)

    monkeypatch.setattr(wiki_tokens.tokens, "mint", counted)
    before = tokens_of(any_farm)
    with pytest.raises(TokenLimit, match="alice has 2 tokens"):
        make(any_farm)
    with pytest.raises(TokenLimit):
        wiki_tokens.replace_token(any_farm, "alice", old.listed.token.id, ALICE)
    with pytest.raises(NoSuchToken):
        wiki_tokens.replace_token(any_farm, "alice", "0" * 16, ALICE)
    assert minted == []
    assert tokens_of(any_farm) == before
    wiki_tokens.replace_token(any_farm, "alice", made.listed.token.id, ALICE)
    make(any_farm, ROBERT, "robert")
    assert len(minted) == 2


def test_i2_a_person_makes_so_many_tokens_in_a_time(
    any_farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoking is never one too many, and what somebody else makes is not counted."""
    now = [1_700_000_100.0]
    any_farm.rate_limits = RateLimits(tmp_path, Rates(new_tokens=3), now=lambda: now[0])
    first, second = make(any_farm), make(any_farm)
    third = wiki_tokens.replace_token(any_farm, "alice", first.listed.token.id, ALICE)

    def fail(**_options: int) -> None:
        raise AssertionError("a quarter of a second of a processor")

    with monkeypatch.context() as patched:
        patched.setattr(wiki_tokens.tokens, "mint", fail)
        with pytest.raises(TokenRate, match=r"3 tokens in five minutes\. Try again in \d+ seconds"):
            make(any_farm)
        with pytest.raises(TokenRate):
            wiki_tokens.replace_token(any_farm, "alice", third.listed.token.id, ALICE)
    make(any_farm, ROBERT, "robert")
    make(any_farm, OPERATOR)
    wiki_tokens.revoke(any_farm, "alice", second.listed.token.id, ALICE)
    now[0] += 600
    make(any_farm)
    any_farm.rate_limits.close()


def test_i1_what_ended_is_remembered_within_bounds(
    any_farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_store, "MOST_ENDED", 2)
    others = made_by_another(any_farm, ROBERT, Role.EDITOR, slug="robert")
    with any_farm.database.writing() as session:
        token_store.revoke(session, others.listed.token, clock.now())
    start = clock.now() - timedelta(days=30)
    for number in range(5):
        ended = made_by_another(any_farm, ALICE, Role.EDITOR).listed.token
        with any_farm.database.writing() as session:
            token_store.revoke(session, ended, start + timedelta(days=number))
    make(any_farm)
    kept = [item.token for item in tokens_of(any_farm) if item.token.revoked_at]
    assert {token.revoked_at for token in kept} == {
        clock.timestamp(start + timedelta(days=number)) for number in (3, 4)
    }
    assert len(tokens_of(any_farm)) == 4  # and the first token, and the one just made
    assert len(tokens_of(any_farm, "robert")) == 2


# ---------------------------------------------------------------------- makers come and go


@pytest.mark.parametrize("how", ["removed", "left", "deleted their account"])
def test_c7_who_loses_their_role_loses_their_tokens_for_good(any_farm: Farm, how: str) -> None:
    """Invited again, they get none of them back; their tokens elsewhere are untouched."""
    people.grant(any_farm, "alice", "did:plc:robert", Role.EDITOR, ALICE)
    theirs = made_by_another(any_farm, ROBERT, Role.EDITOR)
    elsewhere = make(any_farm, ROBERT, "robert")
    owners = make(any_farm)
    assert opens(any_farm, theirs.text)
    if how == "removed":
        people.revoke(any_farm, "alice", "did:plc:robert", ALICE)
    elif how == "left":
        people.leave(any_farm, "alice", ROBERT)
    else:
        people.delete_account(any_farm, "did:plc:robert", ROBERT)
    assert not opens(any_farm, theirs.text)
    if how == "deleted their account":
        people.add_user(any_farm, did="did:plc:robert", handle="robert.test")
        assert not opens(any_farm, elsewhere.text, "robert")
    else:
        assert opens(any_farm, elsewhere.text, "robert")
    people.grant(any_farm, "alice", "did:plc:robert", Role.EDITOR, ALICE)
    assert not opens(any_farm, theirs.text)
    assert opens(any_farm, owners.text)
    with any_farm.database.reading() as session:
        told = audit.of_wiki(session, wikis.get(session, "alice"))
    ended = [entry for entry in told if entry.action is Action.TOKEN_REVOKED]
    assert [(entry.subject_did, entry.detail) for entry in ended] == [
        ("did:plc:robert", "by another, editor")
    ]


def test_c7_a_maker_without_a_role_makes_a_token_worthless_whatever_its_row_says(
    any_farm: Farm,
) -> None:
    """Also on a public wiki, which anybody without a token may read."""
    made = made_by_another(any_farm, CAROL, Role.EDITOR, slug="robert")
    assert not opens(any_farm, made.text, "robert")
    (listed,) = (i for i in tokens_of(any_farm, "robert") if i.token.id == made.listed.token.id)
    assert (listed.makers_role, listed.role_today) == (None, None)
    people.grant(any_farm, "robert", "did:plc:carol", Role.VIEWER, ROBERT)
    (listed,) = (i for i in tokens_of(any_farm, "robert") if i.token.id == made.listed.token.id)
    assert listed.role_today is Role.VIEWER
    assert opens(any_farm, made.text, "robert")
    people.suspend_user(any_farm, "did:plc:carol")
    assert not opens(any_farm, made.text, "robert")
    (listed,) = (i for i in tokens_of(any_farm, "robert") if i.token.id == made.listed.token.id)
    assert listed.role_today is None


def test_failure_5_a_deleted_wikis_tokens_die_with_it(any_farm: Farm) -> None:
    """The next wiki of that slug knows none of them, whoever owns it."""
    mine, theirs = make(any_farm), make(any_farm, ROBERT, "robert")
    assert opens(any_farm, mine.text)
    any_farm.delete_wiki("alice", by=ALICE)
    assert not opens(any_farm, mine.text)
    assert tokens_of(any_farm) == []
    again = any_farm.create_wiki("alice", owner_did="did:plc:alice", by=ALICE)
    assert not opens(any_farm, mine.text)
    assert opens(any_farm, again.token)
    assert [item.token.name for item in tokens_of(any_farm)] == [FIRST_NAME]
    assert opens(any_farm, theirs.text, "robert")


# ---------------------------------------------------------------------- at rest, over time


def everything_stored(farm: Farm) -> str:
    """Every value of every table of the registry."""
    engine = farm.database.engine
    with engine.connect() as connection:
        return "\n".join(
            str(tuple(row))
            for table in inspect(engine).get_table_names()
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))
        )


def test_i4_a_token_is_hashed_at_rest_and_forgotten_when_revoked(
    any_farm: Farm, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    made = make(any_farm)
    replaced = wiki_tokens.replace_token(any_farm, "alice", made.listed.token.id, ALICE)
    assert opens(any_farm, replaced.text)
    stored = everything_stored(any_farm)
    assert replaced.listed.token.id in stored
    for token in (made, replaced):
        secret = token.text.rpartition("_")[2]
        for place in (stored, caplog.text, repr(token), repr(tokens_of(any_farm))):
            assert secret not in place
    assert stored.count("$2b$") == 3  # two first tokens and this one: the revoked one has no hash
    with any_farm.database.asking() as questions:
        found = token_store.presented(questions, "alice", replaced.listed.token.id)
    assert found is not None and found.token_hash.startswith("$2b$")
    assert "$2b$" not in repr(found)


def test_i4_a_token_expires(any_farm: Farm) -> None:
    made = make(any_farm, lifetime_days=1)
    expires_at = clock.parse(made.listed.token.expires_at or "")
    header = f"Bearer {made.text}"
    last = any_farm.admit_authorized("alice", header, now=expires_at - timedelta(seconds=1))
    assert last.actor is not None
    for later in (timedelta(0), timedelta(days=400)):
        with pytest.raises(CredentialRefused):
            any_farm.admit_authorized("alice", header, now=expires_at + later)
    assert made.listed.token.state(expires_at) is State.EXPIRED


def test_i4_the_last_use_is_kept_to_the_hour(any_farm: Farm) -> None:
    made, other = make(any_farm), make(any_farm, name="unused")
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    written: list[str | None] = []
    for minutes in (0, 1, 59, 60, 61, 130):
        moment = start + timedelta(minutes=minutes)
        visit = any_farm.admit_authorized("alice", f"Bearer {made.text}", now=moment).visit
        any_farm.see(visit, moment)
        written.append(visit.used_token)
        shown = {item.token.id: item.token.last_used_at for item in tokens_of(any_farm)}
        expected = {0: 0, 1: 0, 59: 0, 60: 60, 61: 60, 130: 130}[minutes]
        assert shown[made.listed.token.id] == clock.timestamp(start + timedelta(minutes=expected))
        assert shown[other.listed.token.id] is None
    used = made.listed.token.id
    assert written == [used, None, None, used, None, used]


def test_i4_a_use_that_another_process_has_kept_is_not_written_again(any_farm: Farm) -> None:
    made = make(any_farm)
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    visit = any_farm.admit_authorized("alice", f"Bearer {made.text}", now=start).visit
    any_farm.see(visit, start)
    any_farm.see(visit, start + timedelta(minutes=5))  # admitted before the first had written
    (found,) = (i.token for i in tokens_of(any_farm) if i.token.id == made.listed.token.id)
    assert found.last_used_at == clock.timestamp(start)


# ---------------------------------------------------------------------- robot upgrade


def test_upgrading_lists_the_tokens_that_wikis_were_born_with(registry_url: str) -> None:
    """A registry at version 0003 with two wikis: their tokens work on, and are the first ones."""
    old = Database(registry_url)
    hashes = {slug: mint(rounds=4) for slug in ("alice", "robert")}
    with old._writing_engine.begin() as connection:
        config = database_module._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    engine = create_engine(registry_url)
    with engine.begin() as connection:
        for slug, token in hashes.items():
            values = {"slug": slug, "did": f"did:plc:{slug}", "at": "2026-01-02T03:04:05Z",
                      "hash": token.token_hash, "id": token.token_id}  # fmt: skip
            for statement in (
                "INSERT INTO users (did, handle, username, created_at, wiki_count)"
                " VALUES (:did, :slug || '.test', :slug, :at, 1)",
                "INSERT INTO names (name, owner_did, taken_at) VALUES (:slug, :did, :at)",
                "INSERT INTO wikis (slug, owner_did, display_name, repo_path, mcp_token_hash,"
                " token_id, created_at, last_accessed, session_key)"
                " VALUES (:slug, :did, :slug, '/x', :hash, :id, :at, :at, 'k')",
                "INSERT INTO acls (wiki_slug, grantee_did, role, granted_by, granted_at)"
                " VALUES (:slug, :did, 'owner', :did, :at)",
            ):
                connection.execute(text(statement), values)
    engine.dispose()
    old.upgrade()
    old.check_current()
    with old.asking() as questions:
        for slug, token in hashes.items():
            found = token_store.presented(questions, slug, token.token_id)
            assert found is not None
            assert found.token == TokenRecord(
                token.token_id,
                slug,
                FIRST_NAME,
                Role.EDITOR,
                f"did:plc:{slug}",
                "2026-01-02T03:04:05Z",
            )
            assert (found.token_hash, found.makers_role) == (token.token_hash, Role.OWNER)
        assert token_store.presented(questions, "alice", hashes["robert"].token_id) is None
    old.close()


def test_downgrading_takes_the_table_away_again(registry_url: str) -> None:
    made = Database(registry_url)
    made.upgrade()
    with made._writing_engine.begin() as connection:
        config = database_module._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
    assert made.revision() == "0003"
    assert "tokens" not in inspect(made.engine).get_table_names()
    made.upgrade()
    made.check_current()
    made.close()
