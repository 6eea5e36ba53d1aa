"""Sessions: they slide, they end, and what ended is refused by every host and process at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from otterwiki_tenant import audit, clock, sessions, users, wikis
from otterwiki_tenant.audit import Action, By
from otterwiki_tenant.database import Database
from otterwiki_tenant.errors import NoSuchUser, SignInRefused, Unavailable
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.sessions import ABSOLUTE_SECONDS, IDLE_SECONDS, MAX_OF_A_PERSON
from otterwiki_tenant.testing import DOMAIN, SmallFarm

ALICE, ROBERT = "did:plc:alice", "did:plc:robert"
DAY = timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    return clock.now().replace(microsecond=0)


def _cookie(headers: list[str]) -> str:
    """What a browser sends back after these Set-Cookie headers."""
    jar = SimpleCookie()
    for header in headers:
        jar.load(header)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items() if morsel.value)


def _only_identity(headers: list[str]) -> str:
    return next(part for part in _cookie(headers).split("; ") if part.startswith(COOKIE_NAME))


def _sign_in(farm: Farm, did: str = ALICE, **options: object) -> str:
    return _cookie(farm.sign_in(did, method="test", **options))  # type: ignore[arg-type]


def _who(farm: Farm, cookie: str, now: datetime | None = None) -> str | None:
    user = farm.visit(cookie, now=now).user
    return user.did if user else None


def _sessions(farm: Farm, did: str, now: datetime | None = None) -> list[sessions.SessionRecord]:
    with farm.database.reading() as session:
        return sessions.of_person(session, did, now)


def _audit(farm: Farm) -> list[tuple[Action, str | None, str | None, str | None]]:
    with farm.database.reading() as session:
        found = audit.search(session)
    return [
        (entry.action, entry.actor_did, entry.detail, entry.address)
        for entry in found
        if "sign" in entry.action or "session" in entry.action
    ]


# ------------------------------------------------------------------ beginning


def test_signing_in_is_written_down(farm: Farm, now: datetime) -> None:
    cookie = _sign_in(farm, user_agent="x" * 500, address="192.0.2.7", now=now)
    assert _who(farm, cookie) == ALICE
    (record,) = _sessions(farm, ALICE)
    assert (record.method, record.address, record.user_agent) == ("test", "192.0.2.7", "x" * 200)
    assert record.created_at == record.last_seen_at == clock.timestamp(now)
    assert _audit(farm) == [(Action.SIGNED_IN, ALICE, "test", "192.0.2.7")]
    assert _sessions(farm, ROBERT) == []


def test_a17_signing_in_again_ends_what_the_browser_had(farm: Farm) -> None:
    first, elsewhere = _sign_in(farm), _sign_in(farm)
    second = _sign_in(farm, cookie_header=first)
    assert _who(farm, first) is None
    assert (_who(farm, second), _who(farm, elsewhere)) == (ALICE, ALICE)
    third = _sign_in(farm, ROBERT, cookie_header=second)
    assert (_who(farm, second), _who(farm, third)) == (None, ROBERT)
    assert len({record.id for record in _sessions(farm, ALICE)}) == 1


def test_a17_both_of_two_tossed_together_are_ended(farm: Farm) -> None:
    both = [_only_identity(farm.sign_in(did, method="test")) for did in (ALICE, ROBERT)]
    _sign_in(farm, ALICE, cookie_header="; ".join(both))
    assert [_who(farm, cookie) for cookie in both] == [None, None]


@pytest.mark.parametrize("state", ["suspended", "deleted", "unknown"])
def test_who_is_no_more_here_does_not_sign_in(farm: Farm, state: str, now: datetime) -> None:
    farm.abuse_contact = "abuse@example.org"
    did = "did:plc:ghost" if state == "unknown" else ALICE
    _close(farm, did, state, now)
    expected = SignInRefused if state == "suspended" else NoSuchUser
    with pytest.raises(expected) as refused:
        farm.sign_in(did, method="test", address="192.0.2.9")
    assert _sessions(farm, did) == []
    if state == "suspended":
        assert "abuse@example.org" in str(refused.value)
        assert _audit(farm) == [(Action.SIGN_IN_REFUSED, ALICE, "suspended", "192.0.2.9")]


def test_i1_a_strangers_refusals_are_log_lines_and_no_rows(
    farm: Farm, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "otterwiki_tenant.audit")
    farm.refuse_sign_in("bad link" + "!" * 1000, address="192.0.2.9")
    farm.refuse_sign_in("no proof", did=ALICE, address="192.0.2.8")
    assert _audit(farm) == [(Action.SIGN_IN_REFUSED, ALICE, "no proof", "192.0.2.8")]
    stranger, alice = [record.__dict__["fields"] for record in caplog.records]
    assert stranger == {
        "action": "sign_in_refused",
        "actor": "nobody",
        "wiki": None,
        "subject": None,
        "detail": ("bad link" + "!" * 1000)[: audit.MAX_DETAIL_CHARACTERS],
        "address": "192.0.2.9",
    }
    assert stranger.keys() == alice.keys()
    assert alice["actor"] == ALICE


def test_a_person_has_only_so_many_sessions(farm: Farm, now: datetime) -> None:
    cookies = [
        _sign_in(farm, now=now - timedelta(seconds=number))
        for number in reversed(range(MAX_OF_A_PERSON + 2))
    ]
    assert len(_sessions(farm, ALICE)) == MAX_OF_A_PERSON
    assert [_who(farm, cookie) for cookie in (*cookies[:3], cookies[-1])] == [
        None, None, ALICE, ALICE,
    ]  # fmt: skip


# ------------------------------------------------------------------ lasting


def test_a_session_slides_and_ends_when_idle(farm: Farm, now: datetime) -> None:
    cookie = _sign_in(farm, now=now)
    almost = now + timedelta(seconds=IDLE_SECONDS - 5)
    assert _who(farm, cookie, now + timedelta(seconds=IDLE_SECONDS)) is None
    assert _who(farm, cookie, almost) == ALICE
    farm.see(farm.visit(cookie, now=almost), almost)
    assert _sessions(farm, ALICE)[0].expires_at == clock.timestamp(
        almost + timedelta(seconds=IDLE_SECONDS)
    )


def test_a_session_never_lives_longer_than_90_days(farm: Farm, now: datetime) -> None:
    cookie, moment = _sign_in(farm, now=now), now
    end = now + timedelta(seconds=ABSOLUTE_SECONDS)
    while moment + 10 * DAY < end:
        moment += 10 * DAY
        visit = farm.visit(cookie, now=moment)
        assert visit.user is not None
        farm.see(visit, moment)
    (record,) = _sessions(farm, ALICE, moment)
    assert record.expires_at == clock.timestamp(end)
    assert record.cookie_seconds(moment) == int((end - moment).total_seconds())
    assert _who(farm, cookie, end) is None


def test_most_requests_write_nothing(farm: Farm, now: datetime) -> None:
    cookie = _sign_in(farm, now=now)
    soon, later = now + timedelta(minutes=59), now + timedelta(minutes=61)
    assert farm.visit(cookie, now=soon).to_see is None
    assert farm.visit(cookie, now=later).to_see is not None
    farm.see(farm.visit(cookie, now=later), later)
    assert _sessions(farm, ALICE)[0].last_seen_at == clock.timestamp(later)
    assert farm.visit(cookie, now=later).to_see is None


def test_a_fresh_cookie_comes_with_a_day_old_one(farm: Farm, now: datetime) -> None:
    then = now - timedelta(hours=25)
    cookie = _sign_in(farm, now=then)
    assert farm.renewed_cookie(farm.visit(cookie, now=then + timedelta(hours=23))) is None
    header = farm.renewed_cookie(farm.visit(cookie, now=now), now)
    assert header is not None
    fresh = farm.identity.read(_cookie([header]))
    old = farm.identity.read(cookie)
    assert fresh and old
    assert (fresh.session_id, fresh.did) == (old.session_id, old.did)
    assert fresh.expires_at - old.expires_at == 25 * 3600


# ------------------------------------------------------------------ ending


def _close(farm: Farm, did: str, state: str, now: datetime) -> None:
    column = {"suspended": "suspended_at", "deleted": "deleted_at"}.get(state)
    if column:
        with farm.database.writing() as session:
            session.connection().exec_driver_sql(
                f"UPDATE users SET {column} = ? WHERE did = ?",
                (clock.timestamp(now), did),
            )


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[tuple[SmallFarm, Farm]]:
    """A farm, and another process's view of it: nothing in memory is shared."""
    small_farm = SmallFarm(tmp_path / "home")
    other = Farm(tmp_path / "home", DOMAIN, scheme="http", bcrypt_rounds=4)
    yield small_farm, other
    other.close()
    small_farm.close()


@pytest.mark.parametrize(
    "how", ["sign out", "everywhere", "one session", "suspended", "deleted", "all of them"]
)
def test_a17_what_ended_is_refused_on_the_next_request_everywhere(
    two_workers: tuple[SmallFarm, Farm], how: str, now: datetime
) -> None:
    small_farm, other = two_workers
    farm = small_farm.farm
    cookie, by = _sign_in(farm), By(ALICE, "192.0.2.1")
    bystander = _sign_in(farm, ROBERT)
    for worker in (farm, other):  # both have seen and remembered the token
        assert _who(worker, cookie) == ALICE
        assert worker.admit("alice", cookie).user is not None
    if how == "sign out":
        assert "Max-Age=0" in farm.sign_out(cookie)[0]
    elif how == "everywhere":
        assert farm.sign_out_everywhere(by) == 1
    elif how == "one session":
        assert farm.end_session(_sessions(farm, ALICE)[0].id, by)
    elif how == "all of them":
        with farm.database.writing() as session:
            assert sessions.end_all(session, ALICE) == 1
    else:
        _close(farm, ALICE, how, now)
    for worker in (farm, other):
        assert _who(worker, cookie) is None
        assert worker.admit("alice", cookie).user is None
        assert worker.admit("robert", cookie).user is None
        assert _who(worker, bystander) == ROBERT


def test_others_sessions_can_not_be_ended(farm: Farm) -> None:
    cookie = _sign_in(farm, ROBERT)
    (theirs,) = _sessions(farm, ROBERT)
    assert not farm.end_session(theirs.id, By(ALICE))
    assert not farm.end_session("", By(ALICE))
    assert not farm.end_session(theirs.id, By(None))
    assert farm.sign_out_everywhere(By(ALICE)) == 0
    assert _who(farm, cookie) == ROBERT


def test_signing_out_is_written_down_once(farm: Farm) -> None:
    cookie = _sign_in(farm)
    for _ in range(2):
        farm.sign_out(cookie, address="192.0.2.3")
    assert _audit(farm)[0] == (Action.SIGNED_OUT, ALICE, None, "192.0.2.3")
    assert [entry[0] for entry in _audit(farm)].count(Action.SIGNED_OUT) == 1


def test_a_token_of_another_persons_session_is_nobody(farm: Farm) -> None:
    """Only the farm's key makes such a token; still the row decides whose a session is."""
    _sign_in(farm, ROBERT)
    theirs = _sessions(farm, ROBERT)[0].id
    token = farm.identity.mint(ALICE, theirs, clock.now())
    assert _who(farm, f"{COOKIE_NAME}={token}") is None
    assert _who(farm, f"{COOKIE_NAME}={farm.identity.mint(ALICE, 'x', clock.now())}") is None


def test_a_handle_changes_nothing_about_a_session(farm: Farm) -> None:
    cookie = _sign_in(farm)
    with farm.database.writing() as session:
        session.connection().exec_driver_sql(
            "UPDATE users SET handle = 'new.test' WHERE did = ?", (ALICE,)
        )
    user = farm.visit(cookie).user
    assert user is not None and (user.did, user.handle) == (ALICE, "new.test")
    with farm.database.reading() as session:
        assert users.by_did(session, ROBERT) is not None


# ------------------------------------------------------------------ on every database


def test_what_every_request_asks_is_asked_alike_on_every_database(
    database: Database, now: datetime
) -> None:
    """These statements go to the bare driver, so each driver has to be shown to take them."""
    with database.writing() as session:
        for name in ("alice", "robert"):
            users.add(session, did=f"did:plc:{name}", handle=f"{name}.test", now=now)
        alice = sessions.start(session, ALICE, "test", now)
        sessions.start(session, ROBERT, "test", now)
    with database.asking() as questions:
        found = sessions.with_user(questions, alice.id, now)
        assert found is not None
        assert found[0] == alice
        assert found[1].did == ALICE
        assert sessions.with_user(questions, alice.id, now + timedelta(days=15)) is None
        assert sessions.with_user(questions, "' OR '1'='1", now) is None
        assert wikis.with_role(questions, "alice", ALICE) == (None, None)
    with database.writing() as session:
        users.suspend(session, ALICE, now)
    with database.asking() as questions:
        assert sessions.with_user(questions, alice.id, now) is None


def test_i8_a_question_that_fails_is_a_typed_error(database: Database, now: datetime) -> None:
    with database.writing() as session:
        session.connection().exec_driver_sql("DROP TABLE sessions")
    for _ in range(2):
        with pytest.raises(Unavailable), database.asking() as questions:
            sessions.with_user(questions, "x", now)
    with database.asking() as questions:
        assert wikis.with_role(questions, "alice", ALICE) == (None, None)
