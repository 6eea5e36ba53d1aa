"""Who may change what about people and wikis, asked inside the transaction that changes it.

The operator (a :class:`By` without a DID) may do everything. A person must be active, and own the
wiki. Who can't even see a wiki is told that there is none (checklist H5).
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from . import acls, users, wikis
from .access import Role
from .audit import By
from .errors import Forbidden, NoSuchWiki, Suspended
from .users import User
from .wikis import WikiRecord


def suspended_text(what: str, contact: str) -> str:
    """What somebody is told about a suspension; `contact` is the farm's abuse contact or ""."""
    whom = f"write to {contact}" if contact else "ask whoever runs this farm"
    return f"{what} is suspended. To ask why, or to object, {whom}"


def acting_person(session: Session, by: By, contact: str) -> User | None:
    """The person who acts, None for the operator.

    Raises :class:`Forbidden` for somebody unknown or deleted, :class:`Suspended`.
    """
    if by.did is None:
        return None
    person = users.by_did(session, by.did)
    if person is None or person.deleted_at is not None:
        raise Forbidden("Nobody is signed in here any more. Please sign in again")
    if person.suspended_at is not None:
        raise Suspended(suspended_text("Your account", contact))
    return person


def require_operator(by: By) -> None:
    """Raise :class:`Forbidden` for everybody but the operator."""
    if by.did is not None:
        raise Forbidden("Only the operator of this farm may do this")


def owned_wiki(session: Session, slug: str, by: By, contact: str) -> WikiRecord:
    """The wiki `slug`, locked, if `by` may change its settings and members.

    Raises NoSuchWiki (also where it is private and none of theirs), :class:`Forbidden`, or
    :class:`Suspended` where the operator has suspended the person or the wiki.
    """
    person = acting_person(session, by, contact)
    wikis.lock(session, slug)
    record = wikis.get(session, slug)
    if person is None:
        return record
    role = acls.role_of(session, slug, person.did)
    if role is None and (not record.is_public or record.suspended_at is not None):
        raise NoSuchWiki(f"There is no wiki {slug}")
    if role is not Role.OWNER:
        raise Forbidden(f"Only the owner of {slug} may do this")
    if record.suspended_at is not None:
        raise Suspended(suspended_text(f"The wiki {slug}", contact))
    return record
