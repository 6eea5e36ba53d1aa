"""The registry's tokens: the bearer tokens of each wiki, by name.

A wiki's first token is one of them: its row says everything but the hash, which stays in the wiki's
own row, where the specification has it (`wikis.mcp_token_hash`). Hashes leave this module only for
the check of a token that was sent.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from . import access, wikis
from .access import Role
from .clock import timestamp, timestamp_before
from .errors import NoSuchToken
from .models import AclRow, TokenRow, UserRow, WikiRow
from .questions import Questions
from .tokens import NewToken
from .users import User
from .wikis import WikiRecord

FIRST_NAME = "first token"
USED_EVERY_SECONDS = 3600
#: How many tokens that ended, revoked or expired, a wiki remembers.
MOST_ENDED = 20
_WIKIS, _TOKENS = WikiRow.__table__.c, TokenRow.__table__.c
_USERS, _ROLES = UserRow.__table__.c, AclRow.__table__.c
_SHOWN = [column for column in _TOKENS if column.name != "token_hash"]
_WIKI_WIDTH, _TOKEN_WIDTH = len(_WIKIS), len(_SHOWN)
_is_active = and_(_USERS.suspended_at.is_(None), _USERS.deleted_at.is_(None))
# Asked on every request with a token: one query, of table columns, built once.
_PRESENTED = (
    select(
        *_WIKIS,
        *_SHOWN,
        func.coalesce(_TOKENS.token_hash, _WIKIS.mcp_token_hash),
        _ROLES.role,
        *_USERS,
    )
    .join_from(
        WikiRow.__table__,
        TokenRow.__table__,
        and_(_TOKENS.wiki_slug == _WIKIS.slug, _TOKENS.id == bindparam("token_id")),
    )
    .join(UserRow.__table__, _USERS.did == _TOKENS.maker_did)
    .join(
        AclRow.__table__,
        and_(_ROLES.wiki_slug == _WIKIS.slug, _ROLES.grantee_did == _TOKENS.maker_did),
    )
    .where(_WIKIS.slug == bindparam("slug"))
)


class State(enum.StrEnum):
    """Whether a token works; what else it takes is its maker's role."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class TokenRecord:
    """A token as its owner sees it; timestamps are ISO 8601 UTC text.

    The fields are the table's columns in their order, without the hash. `last_used_at` is true to
    the hour.
    """

    id: str
    wiki_slug: str
    name: str
    role: Role
    maker_did: str
    created_at: str
    expires_at: str | None = None
    last_used_at: str | None = None
    revoked_at: str | None = None

    def state(self, now: datetime) -> State:
        """Whether it works at that moment."""
        if self.revoked_at is not None:
            return State.REVOKED
        if self.expires_at is not None and self.expires_at <= timestamp(now):
            return State.EXPIRED
        return State.ACTIVE

    def is_use_to_be_kept(self, now: datetime) -> bool:
        """Whether :func:`use` would write."""
        hour_ago = timestamp_before(now, USED_EVERY_SECONDS)
        return self.last_used_at is None or self.last_used_at <= hour_ago


@dataclass(frozen=True)
class Listed:
    """A token in the list of its wiki's, with its maker as they are today ("" for no handle).

    `makers_role` is None for somebody without a role there, suspended or deleted.
    """

    token: TokenRecord
    maker_handle: str
    makers_role: Role | None

    @property
    def maker_name(self) -> str:
        """The maker's handle, or their DID."""
        return self.maker_handle or self.token.maker_did

    @property
    def role_today(self) -> Role | None:
        """What it is worth: the lesser of its own role and its maker's."""
        return access.lesser(self.token.role, self.makers_role)


@dataclass(frozen=True)
class Presented:
    """Everything the registry says about a token that was sent to its wiki."""

    wiki: WikiRecord
    token: TokenRecord
    token_hash: str = field(repr=False)
    maker: User
    makers_role: Role


def _record(row: Sequence[Any]) -> TokenRecord:
    values = dict(zip((f.name for f in fields(TokenRecord)), row, strict=True))
    return TokenRecord(**{**values, "role": Role(values["role"])})


def presented(questions: Questions, slug: str, token_id: str) -> Presented | None:
    """The token of that id if it is of that wiki and its maker has a role there. One query."""
    row = questions.one(_PRESENTED, {"slug": slug, "token_id": token_id})
    if row is None:
        return None
    token_hash, role, *user = row[_WIKI_WIDTH + _TOKEN_WIDTH :]
    return Presented(
        wiki=wikis.record_of(row[:_WIKI_WIDTH]),
        token=_record(row[_WIKI_WIDTH : _WIKI_WIDTH + _TOKEN_WIDTH]),
        token_hash=token_hash,
        maker=User(*user),
        makers_role=Role(role),
    )


def get(session: Session, slug: str, token_id: str) -> Listed:
    """A token of that wiki which is not revoked; raises :class:`NoSuchToken`."""
    found = _listed(
        session, _TOKENS.wiki_slug == slug, _TOKENS.id == token_id, _TOKENS.revoked_at.is_(None)
    )
    if not found:
        raise NoSuchToken(f"{slug} has no such token, or it is revoked already")
    return found[0]


def of_wiki(session: Session, slug: str) -> list[Listed]:
    """Every token of a wiki, the newest first; those that ended too, as far as they are kept."""
    return _listed(session, _TOKENS.wiki_slug == slug)


def _listed(session: Session, *conditions: ColumnElement[bool]) -> list[Listed]:
    statement = (
        select(_USERS.handle, _is_active, _ROLES.role, *_SHOWN)
        .join_from(TokenRow.__table__, UserRow.__table__, _USERS.did == _TOKENS.maker_did)
        .join(
            AclRow.__table__,
            and_(_ROLES.wiki_slug == _TOKENS.wiki_slug, _ROLES.grantee_did == _TOKENS.maker_did),
            isouter=True,
        )
        .where(*conditions)
        .order_by(_TOKENS.created_at.desc(), _TOKENS.id)
    )
    return [
        Listed(_record(row), handle, Role(role) if role is not None and is_active else None)
        for handle, is_active, role, *row in session.execute(statement)
    ]


def count_active(session: Session, slug: str, now: datetime) -> int:
    """How many tokens of the wiki work."""
    statement = select(func.count()).where(
        _TOKENS.wiki_slug == slug,
        _TOKENS.revoked_at.is_(None),
        or_(_TOKENS.expires_at.is_(None), _TOKENS.expires_at > timestamp(now)),
    )
    return session.execute(statement).scalar_one()


def add(session: Session, record: TokenRecord, made: NewToken) -> None:
    """Store a new token; `record` has its id."""
    _insert(session, record, made.token_hash)


def add_first(session: Session, wiki: WikiRecord) -> None:
    """Store the token that a new wiki is born with; its hash is in the wiki's row."""
    record = TokenRecord(
        id=wiki.token_id,
        wiki_slug=wiki.slug,
        name=FIRST_NAME,
        role=Role.EDITOR,
        maker_did=wiki.owner_did,
        created_at=wiki.created_at,
    )
    _insert(session, record, None)


def _insert(session: Session, record: TokenRecord, token_hash: str | None) -> None:
    values = {**record.__dict__, "role": record.role.value, "token_hash": token_hash}
    session.execute(insert(TokenRow).values(**values))


def revoke(session: Session, record: TokenRecord, now: datetime) -> None:
    """End a token for good, and forget its hash."""
    session.execute(
        update(TokenRow)
        .where(TokenRow.id == record.id)
        .values(revoked_at=timestamp(now), token_hash="")
    )
    session.execute(update(WikiRow).where(WikiRow.token_id == record.id).values(mcp_token_hash=""))


def of_maker(session: Session, did: str, slug: str | None = None) -> list[TokenRecord]:
    """The tokens that a person made and that are not revoked, on that wiki or on all, by id."""
    statement = select(*_SHOWN).where(_TOKENS.maker_did == did, _TOKENS.revoked_at.is_(None))
    if slug is not None:
        statement = statement.where(_TOKENS.wiki_slug == slug)
    return [_record(row) for row in session.execute(statement.order_by(_TOKENS.id))]


def forget_ended(session: Session, slug: str, now: datetime) -> None:
    """Remove the tokens of a wiki that ended, but for the latest of them."""
    ended_at = func.coalesce(_TOKENS.revoked_at, _TOKENS.expires_at)
    statement = (
        select(_TOKENS.id)
        .where(_TOKENS.wiki_slug == slug, ended_at <= timestamp(now))
        .order_by(ended_at.desc(), _TOKENS.id)
        .offset(MOST_ENDED)
    )
    gone = list(session.execute(statement).scalars())
    session.execute(delete(TokenRow).where(TokenRow.id.in_(gone)))


def use(session: Session, token_id: str, now: datetime) -> None:
    """Keep when a token was last used, unless that was written within the last hour."""
    hour_ago = timestamp_before(now, USED_EVERY_SECONDS)
    session.execute(
        update(TokenRow)
        .where(
            TokenRow.id == token_id,
            or_(TokenRow.last_used_at.is_(None), TokenRow.last_used_at <= hour_ago),
        )
        .values(last_used_at=timestamp(now))
    )
