"""The audit trail: who signed in, granted, revoked, created, deleted, and from where.

A row is written in the transaction of the act it tells of, so there is never one without the
other; when that is committed, one log line says the same (checklist I6). A sign-in refused to
somebody unknown is a log line only. Neither ever holds a token, a cookie or the text of a page.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, delete, event, func, insert, or_, select
from sqlalchemy.orm import Session, aliased

from . import clock
from .clock import timestamp
from .models import AuditRow, UserRow

if TYPE_CHECKING:
    from .wikis import WikiRecord

#: Rows are kept for a year: long enough to look into an abuse, not for ever.
KEPT_DAYS = 365
MAX_DETAIL_CHARACTERS = 300
DEFAULT_LIMIT = 100
_log = logging.getLogger(__name__)
_LINES = "audit_lines"


class Action(enum.StrEnum):
    """What can be told of."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    SESSION_ENDED = "session_ended"
    WIKI_CREATED = "wiki_created"
    WIKI_DELETED = "wiki_deleted"
    WIKI_IMPORTED = "wiki_imported"
    WIKI_EXPORTED = "wiki_exported"
    WIKI_DESCRIBED = "wiki_described"
    MADE_PUBLIC = "made_public"
    MADE_PRIVATE = "made_private"
    LISTED = "listed"
    UNLISTED = "unlisted"
    GRANTED = "granted"
    ROLE_CHANGED = "role_changed"
    REVOKED = "revoked"
    LEFT = "left"
    TOKEN_MADE = "token_made"  # noqa: S105 - a word of the audit trail
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    WIKI_SUSPENDED = "wiki_suspended"
    WIKI_RESUMED = "wiki_resumed"
    LIMIT_CHANGED = "limit_changed"
    USER_ADDED = "user_added"
    USER_SUSPENDED = "user_suspended"
    USER_RESUMED = "user_resumed"
    HANDLE_CHANGED = "handle_changed"
    ACCOUNT_DELETED = "account_deleted"


@dataclass(frozen=True)
class By:
    """Who acts, and from where: a person's DID, or None for the operator, and an IP address."""

    did: str | None = None
    address: str | None = None


#: The operator, at the command line.
OPERATOR = By()


@dataclass(frozen=True)
class AuditEntry:
    """One thing that happened. `at` is ISO 8601 UTC text.

    `actor_did` is None for the operator, and for nobody known: a refused sign-in of somebody who
    proved nothing. `subject_did` is whom it was done to. The handles are today's, None where there
    is no DID, for deleted accounts and for handles somebody else has now.
    """

    id: int
    at: str
    action: Action
    actor_did: str | None
    wiki_slug: str | None
    subject_did: str | None
    detail: str | None
    address: str | None
    actor_handle: str | None
    subject_handle: str | None

    @property
    def actor_name(self) -> str:
        """Today's handle of who did it, else their DID, "operator" or "nobody"."""
        return self.actor_handle or _actor_name(self.action, self.actor_did)


def _actor_name(action: Action, actor_did: str | None) -> str:
    """A DID, or who is meant by none: signing in is the one thing that the operator never does."""
    return actor_did or ("nobody" if action is Action.SIGN_IN_REFUSED else "operator")


_COLUMNS = AuditRow.__table__.c
_Actor, _Subject = aliased(UserRow), aliased(UserRow)


def record(
    session: Session,
    action: Action,
    *,
    now: datetime,
    actor_did: str | None,
    wiki_slug: str | None = None,
    subject_did: str | None = None,
    detail: str | None = None,
    address: str | None = None,
) -> None:
    """Add a row, and a log line when the transaction of `session` is committed.

    `actor_did` is None for the operator. `detail` is a word or two (a role, a method), cut after
    300 characters.
    """
    values: dict[str, Any] = {
        "action": str(action),
        "actor_did": actor_did,
        "wiki_slug": wiki_slug,
        "subject_did": subject_did,
        "detail": _cut(detail),
        "address": address,
    }
    session.execute(insert(AuditRow).values(at=timestamp(now), **values))
    lines = session.info.setdefault(_LINES, [])
    if not lines:
        event.listen(session, "after_commit", _write_lines, once=True)
    lines.append(values)


def note(
    session: Session,
    action: Action,
    by: By,
    wiki_slug: str | None = None,
    subject_did: str | None = None,
    detail: str | None = None,
) -> None:
    """:func:`record` what `by` does now."""
    record(
        session,
        action,
        now=clock.now(),
        actor_did=by.did,
        wiki_slug=wiki_slug,
        subject_did=subject_did,
        detail=detail,
        address=by.address,
    )


def _write_lines(session: Session) -> None:
    for values in session.info.pop(_LINES, []):
        _write_line(values)


def _write_line(values: Mapping[str, Any]) -> None:
    fields = {
        "action": values["action"],
        "actor": _actor_name(Action(values["action"]), values["actor_did"]),
        "wiki": values["wiki_slug"],
        "subject": values["subject_did"],
        "detail": values["detail"],
        "address": values["address"],
    }
    _log.info("audit", extra={"fields": fields})


def log_refused_stranger(detail: str, address: str | None) -> None:
    """The log line of a sign-in refused to somebody unknown, without a row.

    Anybody can cause these as often as they like: they must neither fill the registry nor take its
    one writer. `detail` as in :func:`record`.
    """
    _write_line(
        {
            "action": str(Action.SIGN_IN_REFUSED),
            "actor_did": None,
            "wiki_slug": None,
            "subject_did": None,
            "detail": _cut(detail),
            "address": address,
        }
    )


def _cut(detail: str | None) -> str | None:
    return None if detail is None else detail[:MAX_DETAIL_CHARACTERS]


def of_wiki(session: Session, wiki: WikiRecord, limit: int = DEFAULT_LIMIT) -> list[AuditEntry]:
    """What happened to a wiki since it was made, newest first, as its owner may see it.

    Nothing of an earlier wiki of the same slug (checklist H6); addresses only of the owner, where
    a collaborator reads from is not the owner's to know.
    """
    last_deletion = select(func.max(_COLUMNS.id)).where(
        _COLUMNS.wiki_slug == wiki.slug, _COLUMNS.action == Action.WIKI_DELETED.value
    )
    entries = _entries(
        session,
        _newest(limit).where(
            _COLUMNS.wiki_slug == wiki.slug,
            _COLUMNS.at >= wiki.created_at,
            _COLUMNS.id > func.coalesce(last_deletion.scalar_subquery(), 0),
        ),
    )
    return [_address_only_of(wiki.owner_did, entry) for entry in entries]


def of_person(
    session: Session,
    did: str,
    limit: int = DEFAULT_LIMIT,
    actions: Collection[Action] | None = None,
) -> list[AuditEntry]:
    """What a person did and what was done to them, newest first, as they may see it.

    Only `actions` where given. Addresses only where they acted themselves. Whoever lost a handle to
    them is told so in their own trail, not in this one.
    """
    statement = _newest(limit).where(
        or_(_COLUMNS.actor_did == did, _COLUMNS.subject_did == did),
        or_(_COLUMNS.action != Action.HANDLE_CHANGED.value, _COLUMNS.subject_did == did),
    )
    if actions is not None:
        statement = statement.where(_COLUMNS.action.in_([action.value for action in actions]))
    return [_address_only_of(did, entry) for entry in _entries(session, statement)]


def search(
    session: Session,
    *,
    wiki_slug: str | None = None,
    did: str | None = None,
    action: Action | None = None,
    limit: int = DEFAULT_LIMIT,
) -> list[AuditEntry]:
    """Everything that matches, newest first, for the operator; None asks for any."""
    statement = _newest(limit)
    if wiki_slug is not None:
        statement = statement.where(_COLUMNS.wiki_slug == wiki_slug)
    if did is not None:
        statement = statement.where(or_(_COLUMNS.actor_did == did, _COLUMNS.subject_did == did))
    if action is not None:
        statement = statement.where(_COLUMNS.action == action.value)
    return _entries(session, statement)


def prune(session: Session, now: datetime, days: int = KEPT_DAYS) -> int:
    """Remove the rows that are older than `days`; returns how many there were."""
    oldest = timestamp(now - timedelta(days=days))
    removed = session.execute(delete(AuditRow).where(_COLUMNS.at < oldest)).rowcount
    return int(removed)


def _newest(limit: int) -> Select[Any]:
    return (
        select(
            *_COLUMNS,
            _Actor.handle.label("actor_handle"),
            _Subject.handle.label("subject_handle"),
        )
        .outerjoin(_Actor, _Actor.did == _COLUMNS.actor_did)
        .outerjoin(_Subject, _Subject.did == _COLUMNS.subject_did)
        .order_by(_COLUMNS.id.desc())
        .limit(limit)
    )


def _entries(session: Session, statement: Select[Any]) -> list[AuditEntry]:
    return [
        AuditEntry(
            id=row.id,
            at=row.at,
            action=Action(row.action),
            actor_did=row.actor_did,
            wiki_slug=row.wiki_slug,
            subject_did=row.subject_did,
            detail=row.detail,
            address=row.address,
            actor_handle=row.actor_handle or None,
            subject_handle=row.subject_handle or None,
        )
        for row in session.execute(statement)
    ]


def _address_only_of(did: str, entry: AuditEntry) -> AuditEntry:
    return entry if entry.actor_did == did else replace(entry, address=None)
