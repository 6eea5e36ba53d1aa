"""The registry's users and the one namespace of usernames and wiki addresses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from .clock import timestamp
from .errors import NameTaken, NoSuchUser, UserExists
from .models import NameRow, UserRow, WikiRow
from .names import check_did, check_handle, check_slug, username_from_handle

_TABLE = UserRow.__table__
_COLUMNS = _TABLE.c
# Asked on every request, so built once, and of table columns: the ORM has nothing to add here.
_BY_DID = select(*_COLUMNS).where(_COLUMNS.did == bindparam("did"))
_BY_USERNAME = select(*_COLUMNS).where(_COLUMNS.username == bindparam("username"))
_BY_HANDLE = select(*_COLUMNS).where(_COLUMNS.handle == bindparam("handle"))


@dataclass(frozen=True)
class User:
    """A person as the registry knows them; timestamps are ISO 8601 UTC text.

    The fields are the table's columns, in their order.
    """

    did: str
    handle: str
    display_name: str | None
    avatar_url: str | None
    username: str
    created_at: str
    wiki_count: int
    suspended_at: str | None = None
    deleted_at: str | None = None


def _one(session: Session, statement: Select[Any], **values: str) -> User | None:
    row = session.execute(statement, values).one_or_none()
    return None if row is None else User(*row)


def by_did(session: Session, did: str) -> User | None:
    """The user of that DID, or None."""
    return _one(session, _BY_DID, did=did)


def get_by_did(session: Session, did: str) -> User:
    """The user of that DID; raises :class:`NoSuchUser`."""
    user = by_did(session, did)
    if user is None:
        raise NoSuchUser(f"There is no user {did}")
    return user


def by_username(session: Session, username: str) -> User | None:
    """The user of that username, or None."""
    return _one(session, _BY_USERNAME, username=username)


def by_handle(session: Session, handle: str) -> User | None:
    """The user of that handle, or None. Raises NameRefused for what is no handle."""
    return _one(session, _BY_HANDLE, handle=check_handle(handle))


def get(session: Session, handle_or_did: str) -> User:
    """The user named by a handle or a DID, as people type them; raises :class:`NoSuchUser`."""
    if handle_or_did.startswith("did:"):
        return get_by_did(session, handle_or_did)
    user = by_handle(session, handle_or_did)
    if user is None:
        raise NoSuchUser(f"There is no user {handle_or_did}")
    return user


def all_users(session: Session) -> list[User]:
    """Every user, by username."""
    rows = session.execute(select(*_COLUMNS).order_by(_COLUMNS.username))
    return [User(*row) for row in rows]


def add(
    session: Session,
    *,
    did: str,
    handle: str,
    now: datetime,
    username: str | None = None,
    display_name: str | None = None,
    avatar_url: str | None = None,
) -> User:
    """Register a person; `username` defaults to the first part of the handle.

    Raises NameRefused (a name that breaks a rule), NameTaken (username or wiki address of
    somebody else) or :class:`UserExists`.
    """
    did, handle = check_did(did), check_handle(handle)
    username = username_from_handle(handle) if username is None else check_slug(username)
    if by_did(session, did) is not None:
        raise UserExists(f"{did} is registered already")
    if by_handle(session, handle) is not None:
        raise UserExists(f"{handle} is registered already")
    if name_owner(session, username) is not None:
        raise NameTaken(username, "somebody else has this name; choose another username")
    session.execute(
        insert(UserRow).values(
            did=did,
            handle=handle,
            display_name=display_name,
            avatar_url=avatar_url,
            username=username,
            created_at=timestamp(now),
            wiki_count=0,
        )
    )
    claim_name(session, username, did, now)
    return get_by_did(session, did)


def name_owner(session: Session, name: str) -> str | None:
    """DID of the person whose username or wiki address `name` is or was, or None."""
    return session.execute(
        select(NameRow.owner_did).where(NameRow.name == name)
    ).scalar_one_or_none()


def claim_name(session: Session, name: str, did: str, now: datetime) -> None:
    """Make `name` the person's for good; raises NameTaken where it is somebody else's.

    Two transactions that claim a free name at once: the primary key lets one of them through.
    """
    owner = name_owner(session, name)
    if owner == did:
        return
    if owner is not None:
        raise NameTaken(name, "it is somebody else's username or wiki address")
    session.execute(insert(NameRow).values(name=name, owner_did=did, taken_at=timestamp(now)))


def recount_wikis(session: Session, did: str) -> None:
    """Set the person's wiki_count to the number of rows there are."""
    counted = select(func.count()).select_from(WikiRow).where(WikiRow.owner_did == did)
    session.execute(
        update(UserRow).where(UserRow.did == did).values(wiki_count=counted.scalar_subquery())
    )
