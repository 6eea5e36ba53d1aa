"""The registry's sessions: which browsers somebody is signed in with, kept on the server.

A session ends by itself 14 days after it was last seen, 90 days after it began at the latest. It is
ended at once by deleting its row; nothing remembers a session that was live a moment ago, so the
next request on any host and worker is refused (checklist A17).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from . import clock
from .clock import parse, timestamp, timestamp_before
from .models import SessionRow, UserRow
from .questions import Questions
from .users import User

IDLE_SECONDS = 14 * 24 * 3600
ABSOLUTE_SECONDS = 90 * 24 * 3600
SEEN_EVERY_SECONDS = 3600
MAX_OF_A_PERSON = 50
MAX_USER_AGENT_CHARACTERS = 200
_ID_BYTES = 24

_COLUMNS = SessionRow.__table__.c
_WIDTH = len(_COLUMNS)
# Asked on every request, so built once, and of table columns: the ORM has nothing to add here.
_USERS = UserRow.__table__
_WITH_USER = (
    select(*_COLUMNS, *_USERS.c)
    .join(_USERS, _USERS.c.did == _COLUMNS.user_did)
    .where(
        _COLUMNS.id == bindparam("sid"),
        _COLUMNS.expires_at > bindparam("now"),
        _USERS.c.suspended_at.is_(None),
        _USERS.c.deleted_at.is_(None),
    )
)


@dataclass(frozen=True)
class SessionRecord:
    """A browser somebody is signed in with; timestamps are ISO 8601 UTC text.

    The fields are the table's columns, in their order. `id` is no secret by itself: a cookie that
    names it must be signed.
    """

    id: str
    user_did: str
    method: str
    created_at: str
    last_seen_at: str
    expires_at: str
    user_agent: str | None
    address: str | None

    def cookie_seconds(self, now: datetime) -> int:
        """How long a cookie made now may live: no longer than the session can."""
        left = parse(self.created_at) + timedelta(seconds=ABSOLUTE_SECONDS) - now
        return max(0, min(IDLE_SECONDS, int(left.total_seconds())))

    def is_to_be_seen(self, now: datetime) -> bool:
        """Whether :func:`see` would write."""
        return self.last_seen_at <= timestamp_before(now, SEEN_EVERY_SECONDS)


def start(
    session: Session,
    did: str,
    method: str,
    now: datetime,
    user_agent: str | None = None,
    address: str | None = None,
) -> SessionRecord:
    """Write down a new session of a person, with an id nobody had before.

    `method` is how they signed in, e.g. ``login-link``. The user agent is cut after 200
    characters. Sessions that ended by themselves are removed, and the person's oldest where there
    would be more than 50.
    """
    session.execute(delete(SessionRow).where(SessionRow.expires_at <= timestamp(now)))
    live = of_person(session, did, now)
    for record in live[MAX_OF_A_PERSON - 1 :]:
        end(session, record.id)
    record = SessionRecord(
        id=secrets.token_urlsafe(_ID_BYTES),
        user_did=did,
        method=method,
        created_at=timestamp(now),
        last_seen_at=timestamp(now),
        expires_at=timestamp(now + timedelta(seconds=IDLE_SECONDS)),
        user_agent=user_agent[:MAX_USER_AGENT_CHARACTERS] if user_agent else None,
        address=address,
    )
    session.execute(insert(SessionRow).values(**record.__dict__))
    return record


def with_user(questions: Questions, sid: str, now: datetime) -> tuple[SessionRecord, User] | None:
    """The live session of that id with its person, None if either is gone.

    One query by primary keys. Somebody suspended or deleted is nobody.
    """
    row = questions.one(_WITH_USER, {"sid": sid, "now": timestamp(now)})
    return None if row is None else (SessionRecord(*row[:_WIDTH]), User(*row[_WIDTH:]))


def see(session: Session, record: SessionRecord, now: datetime) -> None:
    """Let the session live 14 days from now, unless that was written within the last hour."""
    end_at = parse(record.created_at) + timedelta(seconds=ABSOLUTE_SECONDS)
    session.execute(
        update(SessionRow)
        .where(
            SessionRow.id == record.id,
            SessionRow.last_seen_at <= timestamp_before(now, SEEN_EVERY_SECONDS),
        )
        .values(
            last_seen_at=timestamp(now),
            expires_at=timestamp(min(now + timedelta(seconds=IDLE_SECONDS), end_at)),
        )
    )


def end(session: Session, sid: str) -> bool:
    """End one session; returns whether there was one."""
    return bool(session.execute(delete(SessionRow).where(SessionRow.id == sid)).rowcount)


def end_all(session: Session, did: str) -> int:
    """End every session of a person; returns how many."""
    return int(session.execute(delete(SessionRow).where(SessionRow.user_did == did)).rowcount)


def of_person(session: Session, did: str, now: datetime | None = None) -> list[SessionRecord]:
    """The live sessions of a person, the one seen last first; `now` is the present if not given."""
    statement = (
        select(*_COLUMNS)
        .where(_COLUMNS.user_did == did, _COLUMNS.expires_at > timestamp(now or clock.now()))
        .order_by(_COLUMNS.last_seen_at.desc(), _COLUMNS.created_at.desc(), _COLUMNS.id)
    )
    return [SessionRecord(*row) for row in session.execute(statement)]
