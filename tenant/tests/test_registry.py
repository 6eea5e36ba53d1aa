"""Users, names, wikis, roles and sign-in links, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from otterwiki_tenant import acls, clock, login_links, users, wikis
from otterwiki_tenant.database import Database, sqlite_url
from otterwiki_tenant.errors import (
    LimitReached,
    LinkRefused,
    NameRefused,
    NameTaken,
    NoSuchUser,
    NoSuchWiki,
    RegistryBehind,
    RegistryConflict,
    Unavailable,
    UserExists,
    WikiExists,
)
from otterwiki_tenant.models import Base
from otterwiki_tenant.users import User
from otterwiki_tenant.wikis import WikiRecord

NOW = datetime(2026, 11, 23, 2, 3, 4, 567, tzinfo=UTC)


def _add(database: Database, handle: str, username: str | None = None) -> User:
    with database.writing() as session:
        return users.add(
            session,
            did="did:plc:" + handle.partition(".")[0],
            handle=handle,
            username=username,
            now=NOW,
        )


def _record(owner: User, slug: str) -> WikiRecord:
    return WikiRecord(
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


def _add_wiki(database: Database, owner: User, slug: str, limit: int | None = None) -> None:
    with database.writing() as session:
        wikis.add(session, _record(owner, slug), owner, NOW, limit)


def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "alembic_version_tenant"}
        )
        assert compare_metadata(context, Base.metadata) == []
    database.check_current()
    database.upgrade()  # again: nothing to do
    assert database.revision() == "0004"


def test_the_tables_of_the_specification_have_its_columns(database: Database) -> None:
    wanted = {
        "users": "did handle display_name avatar_url username created_at wiki_count",
        "wikis": "slug owner_did display_name repo_path mcp_token_hash is_public created_at"
        " last_accessed page_count",
        "acls": "wiki_slug grantee_did role granted_by granted_at",
    }
    for table, columns in wanted.items():
        assert set(columns.split()) <= set(Base.metadata.tables[table].columns.keys())


def test_an_empty_registry_says_which_command_helps(tmp_path: Path) -> None:
    empty = Database(sqlite_url(tmp_path / "robot.db"))
    with pytest.raises(RegistryBehind, match="robot upgrade"):
        empty.check_current()


def test_sqlite_is_durable_and_keeps_references(tmp_path: Path) -> None:
    made = Database(sqlite_url(tmp_path / "robot.db"))
    made.upgrade()
    with made.reading() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }


def test_a_user_comes_back_as_stored(database: Database) -> None:
    alice, robert = _add(database, "alice.test"), _add(database, "robert.test", "bobby")
    assert alice == User(
        "did:plc:alice", "alice.test", None, None, "alice", "2026-11-23T02:03:04Z", 0
    )
    with database.reading() as session:
        assert users.by_did(session, robert.did) == robert
        assert users.by_username(session, "bobby") == robert
        assert users.get(session, "@Alice.TEST") == alice
        assert users.get(session, "did:plc:robert") == robert
        assert users.all_users(session) == [alice, robert]
        assert users.by_did(session, "did:plc:nobody") is None
        for nobody in ("nobody.test", "did:plc:nobody"):
            with pytest.raises(NoSuchUser):
                users.get(session, nobody)


def test_a_person_is_registered_once(database: Database) -> None:
    _add(database, "alice.test")
    with pytest.raises(UserExists, match="did:plc:alice"):
        _add(database, "alice.other", "alice2")
    with pytest.raises(UserExists, match=r"alice\.test"), database.writing() as session:
        users.add(session, did="did:plc:x", handle="alice.test", username="other", now=NOW)
    with pytest.raises(NameRefused, match="reserved"):
        _add(database, "admin.test")


def test_usernames_and_slugs_are_one_namespace(database: Database) -> None:
    alice, robert = _add(database, "alice.test"), _add(database, "robert.test")
    with pytest.raises(NameTaken):
        _add_wiki(database, robert, "alice")
    _add_wiki(database, alice, "garden")
    with pytest.raises(NameTaken):
        _add(database, "garden.test")
    with pytest.raises(NameTaken):
        _add(database, "carol.test", "garden")
    with pytest.raises(WikiExists):
        _add_wiki(database, robert, "garden")
    _add_wiki(database, alice, "alice")
    with database.reading() as session:
        assert [w.slug for w in wikis.owned_by(session, alice.did)] == ["alice", "garden"]
        assert wikis.owned_by(session, robert.did) == []
        assert users.get(session, robert.did).wiki_count == 0
        assert users.get(session, alice.did).wiki_count == 2


def test_a_deleted_wikis_slug_stays_its_owners(database: Database) -> None:
    alice, robert = _add(database, "alice.test"), _add(database, "robert.test")
    _add_wiki(database, alice, "garden")
    with database.writing() as session:
        wikis.remove(session, "garden")
    with database.reading() as session:
        assert wikis.by_slug(session, "garden") is None
        assert acls.of_wiki(session, "garden") == []
        assert users.get(session, alice.did).wiki_count == 0
    with pytest.raises(NameTaken):
        _add_wiki(database, robert, "garden")
    with pytest.raises(NameTaken):
        _add(database, "garden.test")
    _add_wiki(database, alice, "garden")
    with pytest.raises(NoSuchWiki), database.writing() as session:
        wikis.remove(session, "nothing")


def test_the_limit_on_wikis(database: Database) -> None:
    alice, robert = _add(database, "alice.test"), _add(database, "robert.test")
    _add_wiki(database, alice, "alice", 1)
    with pytest.raises(LimitReached, match=r"alice\.test has 1"):
        _add_wiki(database, alice, "garden", 1)
    _add_wiki(database, robert, "robert", 1)
    words = set()
    for slug in ("garden", "robert", "alice"):  # free, somebody else's, their own
        with pytest.raises(LimitReached) as refused:
            _add_wiki(database, alice, slug, 1)
        words.add(str(refused.value))
    assert len(words) == 1  # who may make no wiki can't ask which names are taken
    with database.reading() as session:
        assert users.name_owner(session, "garden") is None  # a refusal takes no name
        assert [acl.role for acl in acls.of_wiki(session, "alice")] == ["owner"]


def test_two_people_at_once_get_one_name_once(database: Database) -> None:
    """Threads that all want one slug: one has it, the rest are refused in a typed way."""
    people = [_add(database, f"person{number}.test") for number in range(4)]
    barrier = threading.Barrier(len(people))
    outcomes: list[str] = []

    def want(person: User) -> None:
        barrier.wait()
        try:
            _add_wiki(database, person, "garden")
            outcomes.append("made")
        except (NameTaken, WikiExists, RegistryConflict):
            outcomes.append("refused")

    threads = [threading.Thread(target=want, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
    with database.reading() as session:
        owner = wikis.get(session, "garden").owner_did
        assert users.name_owner(session, "garden") == owner
        assert [user.wiki_count for user in users.all_users(session)].count(1) == 1


def test_a_wiki_comes_back_as_stored(database: Database) -> None:
    alice = _add(database, "alice.test")
    _add_wiki(database, alice, "alice")
    with database.writing() as session:
        wikis.set_public(session, "alice", True)
        wikis.set_page_count(session, "alice", 7)
        with pytest.raises(NoSuchWiki):
            wikis.set_page_count(session, "nothing", 7)
    wanted = replace(_record(alice, "alice"), is_public=True, page_count=7)
    with database.reading() as session:
        found = wikis.get(session, "alice")
    assert found == wanted
    assert "$2b$secret" not in repr(found)
    assert "5e55" not in repr(found)


def test_last_accessed_is_written_once_an_hour(database: Database) -> None:
    alice = _add(database, "alice.test")
    _add_wiki(database, alice, "alice")
    for minutes, wanted in [(30, NOW), (61, NOW + timedelta(minutes=61)), (90, None)]:
        moment = NOW + timedelta(minutes=minutes)
        with database.writing() as session:
            wikis.touch(session, "alice", moment, every_seconds=3600)
            found = wikis.get(session, "alice").last_accessed
        expected = wanted or NOW + timedelta(minutes=61)
        assert found == clock.timestamp(expected)
        assert clock.parse(found) == expected.replace(microsecond=0)


def test_a_reading_session_changes_nothing(database: Database) -> None:
    alice = _add(database, "alice.test")
    with database.reading() as session:
        wikis.add(session, _record(alice, "alice"), alice, NOW, None)
    with database.reading() as session:
        assert wikis.all_wikis(session) == []


def test_an_error_undoes_the_whole_transaction(database: Database) -> None:
    alice = _add(database, "alice.test")

    def fail_half_way() -> None:
        with database.writing() as session:
            wikis.add(session, _record(alice, "alice"), alice, NOW, None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with database.reading() as session:
        assert wikis.all_wikis(session) == []
        assert users.get(session, alice.did).wiki_count == 0


def test_i8_a_locked_registry_is_unavailable(tmp_path: Path) -> None:
    """A writer that finds the write lock held for too long says so; nothing is half done."""
    path = tmp_path / "robot.db"
    made = Database(sqlite_url(path), busy_timeout_seconds=0.05)
    made.upgrade()
    with (
        made.writing(),
        pytest.raises(Unavailable, match="locked"),
        made.writing(),
    ):
        pass


# ---------------------------------------------------------------------- sign-in links


def _link(database: Database, person: User) -> str:
    with database.writing() as session:
        return login_links.create(session, person.did, NOW)


def _consume(database: Database, token: str, moment: datetime) -> str:
    with database.writing() as session:
        return login_links.consume(session, token, moment)


def test_a_link_works_once(database: Database) -> None:
    alice, robert = _add(database, "alice.test"), _add(database, "robert.test")
    first, second = _link(database, alice), _link(database, robert)
    assert _consume(database, first, NOW + timedelta(minutes=9)) == alice.did
    with pytest.raises(LinkRefused, match="used already"):
        _consume(database, first, NOW + timedelta(minutes=9))
    assert _consume(database, second, NOW) == robert.did


def test_a_link_is_refused_after_ten_minutes_and_then_forgotten(database: Database) -> None:
    alice = _add(database, "alice.test")
    token = _link(database, alice)
    with pytest.raises(LinkRefused):
        _consume(database, token, NOW + timedelta(minutes=10))
    with database.writing() as session:
        login_links.create(session, alice.did, NOW + timedelta(minutes=11))
        assert session.execute(text("SELECT count(*) FROM login_links")).scalar_one() == 1


@pytest.mark.parametrize(
    "junk",
    ["", "x", "A" * 43, "A" * 42 + "é", "A" * 100_000, "a b", "\x00"],
    ids=["empty", "short", "unknown", "not ascii", "endless", "space", "nul"],
)
def test_junk_is_no_link(database: Database, junk: str) -> None:
    with pytest.raises(LinkRefused):
        _consume(database, junk, NOW)


def test_the_registry_does_not_hold_the_secret(database: Database) -> None:
    token = _link(database, _add(database, "alice.test"))
    with database.reading() as session:
        stored = session.execute(text("SELECT * FROM login_links")).one()
    assert token not in str(stored)


def test_one_link_used_by_many_at_once_signs_in_one(database: Database) -> None:
    token = _link(database, _add(database, "alice.test"))
    barrier = threading.Barrier(8)
    outcomes: list[str] = []

    def use() -> None:
        barrier.wait()
        try:
            outcomes.append(_consume(database, token, NOW))
        except LinkRefused:
            outcomes.append("refused")

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["did:plc:alice", *["refused"] * 7]
