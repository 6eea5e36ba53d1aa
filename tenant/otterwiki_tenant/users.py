"""The registry's users and the one namespace of usernames and wiki addresses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from . import audit
from .audit import Action
from .clock import timestamp
from .errors import DeletionUnfinished, NameRefused, NameTaken, NoSuchUser, UserExists
from .models import LoginLinkRow, NameRow, SessionRow, UserRow, WikiRow
from .names import check_did, check_handle, check_slug, username_from_handle

_TABLE = UserRow.__table__
_COLUMNS = _TABLE.c
# Asked on every request, so built once, and of table columns: the ORM has nothing to add here.
_BY_DID = select(*_COLUMNS).where(_COLUMNS.did == bindparam("did"))
_BY_USERNAME = select(*_COLUMNS).where(
    _COLUMNS.username == bindparam("username"), _COLUMNS.deleted_at.is_(None)
)
_BY_HANDLE = select(*_COLUMNS).where(
    _COLUMNS.handle == bindparam("handle"), _COLUMNS.deleted_at.is_(None)
)


@dataclass(frozen=True)
class User:
    """A person as the registry knows them; timestamps are ISO 8601 UTC text.

    The fields are the table's columns, in their order. `handle` is "" where somebody else has
    their last known handle today, and for a deleted account.
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

    @property
    def is_active(self) -> bool:
        """Neither suspended nor deleted. Who isn't is nobody here, whatever they hold."""
        return self.suspended_at is None and self.deleted_at is None

    @property
    def shown_name(self) -> str:
        """The handle, or the DID of somebody without one."""
        return self.handle or self.did


def _one(session: Session, statement: Select[Any], **values: str) -> User | None:
    row = session.execute(statement, values).one_or_none()
    return None if row is None else User(*row)


def by_did(session: Session, did: str) -> User | None:
    """The user of that DID, suspended and deleted ones too, or None."""
    return _one(session, _BY_DID, did=did)


def active_by_did(session: Session, did: str) -> User | None:
    """The user of that DID, unless they are suspended or deleted."""
    user = by_did(session, did)
    return user if user is not None and user.is_active else None


def get_by_did(session: Session, did: str) -> User:
    """The user of that DID, unless deleted; raises :class:`NoSuchUser`."""
    user = by_did(session, did)
    if user is None or user.deleted_at is not None:
        raise NoSuchUser(f"There is no user {did}")
    return user


def lock(session: Session, did: str) -> User:
    """The user as they are now, whom no other transaction changes until this one ends.

    On SQLite a writing transaction does that by itself. A transaction that also locks a wiki
    locks the wiki first. Raises :class:`NoSuchUser`.
    """
    user = _one(session, _BY_DID.with_for_update(), did=did)
    if user is None or user.deleted_at is not None:
        raise NoSuchUser(f"There is no user {did}")
    return user


def by_username(session: Session, username: str) -> User | None:
    """The user of that username, None for nobody and for a deleted account."""
    return _one(session, _BY_USERNAME, username=username)


def by_handle(session: Session, handle: str) -> User | None:
    """The user of that handle, or None; never a deleted account.

    Raises NameRefused for what is no handle.
    """
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
    """Every user but deleted accounts, by username."""
    rows = session.execute(
        select(*_COLUMNS).where(_COLUMNS.deleted_at.is_(None)).order_by(_COLUMNS.username)
    )
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

    A deleted account comes back with the username it had, and nothing else. Raises NameRefused (a
    name that breaks a rule), NameTaken (username or wiki address of somebody else),
    :class:`UserExists` or DeletionUnfinished.
    """
    did, handle = check_did(did), check_handle(handle)
    known = by_did(session, did)
    if known is not None and known.deleted_at is None:
        raise UserExists(f"{did} is registered already, as {known.shown_name}")
    holder = by_handle(session, handle)
    if holder is not None:
        raise UserExists(
            f"{handle} is registered already, for {holder.did}. If the handle has moved to another"
            f" person, delete that account, or let its owner sign in with the handle they have now"
        )
    if known is not None:
        return _revive(session, known, handle, username, display_name, avatar_url, now)
    username = username_from_handle(handle) if username is None else check_slug(username)
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


def _revive(
    session: Session,
    known: User,
    handle: str,
    username: str | None,
    display_name: str | None,
    avatar_url: str | None,
    now: datetime,
) -> User:
    """Bring a deleted account back. Its suspension, if there is one, stays.

    A sign-in that raced with the deletion may have left a session or link: dead until now, and
    removed before the account is alive again.
    """
    if username not in (None, known.username):
        raise NameRefused(str(username), f"this person's name here is {known.username} for good")
    if _counted_wikis(session, known.did):
        raise DeletionUnfinished(
            f"The account {known.did} is still being deleted. Try again in a minute"
        )
    for table in (SessionRow, LoginLinkRow):
        session.execute(delete(table).where(table.user_did == known.did))
    _update(
        session,
        known.did,
        handle=handle,
        display_name=display_name,
        avatar_url=avatar_url,
        created_at=timestamp(now),
        deleted_at=None,
    )
    return get_by_did(session, known.did)


def release_handle(session: Session, handle: str, did: str, now: datetime) -> str | None:
    """Take `handle` from whoever else has it: it belongs to `did` now, as ATProto handles may.

    The other person keeps everything, for rights are of the DID; their handle is "" until they
    are refreshed. Returns their DID, None where nobody else had it.
    """
    holder = by_handle(session, handle)
    if holder is None or holder.did == did:
        return None
    _update(session, holder.did, handle="")
    audit.record(
        session,
        Action.HANDLE_CHANGED,
        now=now,
        actor_did=did,
        subject_did=holder.did,
        detail=f"{holder.handle} is another person's now",
    )
    return holder.did


def refresh(
    session: Session,
    did: str,
    handle: str,
    display_name: str | None,
    avatar_url: str | None,
    now: datetime,
) -> User:
    """Keep what a sign-in method has verified about a registered person today.

    A handle that another person had goes over to this one (:func:`release_handle`). Raises
    NameRefused or :class:`NoSuchUser`.
    """
    handle = check_handle(handle)
    known = lock(session, did)
    release_handle(session, handle, did, now)
    wanted = replace(known, handle=handle, display_name=display_name, avatar_url=avatar_url)
    if wanted != known:
        _update(session, did, handle=handle, display_name=display_name, avatar_url=avatar_url)
    if handle != known.handle:
        audit.record(
            session,
            Action.HANDLE_CHANGED,
            now=now,
            actor_did=did,
            subject_did=did,
            detail=f"{known.handle} to {handle}" if known.handle else handle,
        )
    return wanted


def suspend(session: Session, did: str, now: datetime) -> bool:
    """Make a person nobody until they are resumed; whether that changes anything.

    Their sessions are ended by the caller. Raises :class:`NoSuchUser`.
    """
    if lock(session, did).suspended_at is not None:
        return False
    _update(session, did, suspended_at=timestamp(now))
    return True


def resume(session: Session, did: str) -> bool:
    """End a suspension; whether there was one. Raises :class:`NoSuchUser`."""
    if lock(session, did).suspended_at is None:
        return False
    _update(session, did, suspended_at=None)
    return True


def bury(session: Session, did: str, now: datetime) -> None:
    """Make a person's row the tombstone of a deleted account, which keeps the name taken.

    Left are DID, username, suspension and the moment. Raises :class:`NoSuchUser`.
    """
    lock(session, did)
    _update(
        session,
        did,
        handle="",
        display_name=None,
        avatar_url=None,
        deleted_at=timestamp(now),
    )


def _update(session: Session, did: str, **values: Any) -> None:
    session.execute(update(UserRow).where(UserRow.did == did).values(**values))


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
    _update(session, did, wiki_count=_counted_wikis(session, did))


def _counted_wikis(session: Session, did: str) -> int:
    counted = select(func.count()).select_from(WikiRow).where(WikiRow.owner_did == did)
    return session.execute(counted).scalar_one()
