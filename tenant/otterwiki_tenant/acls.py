"""The registry's roles: who is what on which wiki."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, case, delete, func, insert, select, update
from sqlalchemy.orm import Session

from .access import Role
from .clock import timestamp
from .errors import CollaboratorLimit, NoSuchCollaborator, RoleRefused
from .models import AclRow, UserRow

_COLUMNS = AclRow.__table__.c
# Asked on every request, so built once, and of table columns: the ORM has nothing to add here.
_ROLE_OF = select(_COLUMNS.role).where(
    _COLUMNS.wiki_slug == bindparam("slug"), _COLUMNS.grantee_did == bindparam("did")
)


@dataclass(frozen=True)
class Acl:
    """One person's role on one wiki; `role` is owner, editor or viewer."""

    wiki_slug: str
    grantee_did: str
    role: str
    granted_by: str
    granted_at: str


@dataclass(frozen=True)
class Member:
    """Somebody with a role on a wiki, by the name they are known by today ("" for none)."""

    did: str
    handle: str
    display_name: str | None
    role: Role
    granted_at: str

    @property
    def shown_name(self) -> str:
        """The handle, or the DID of somebody without one."""
        return self.handle or self.did


def of_wiki(session: Session, slug: str) -> list[Acl]:
    """Every role on a wiki, by DID."""
    statement = select(*_COLUMNS).where(AclRow.wiki_slug == slug).order_by(AclRow.grantee_did)
    return [Acl(**row._mapping) for row in session.execute(statement)]


def role_of(session: Session, slug: str, did: str) -> Role | None:
    """The person's role on the wiki, None where they have none."""
    found = session.execute(_ROLE_OF, {"slug": slug, "did": did}).scalar_one_or_none()
    return None if found is None else Role(found)


def add_owner(session: Session, slug: str, did: str, now: datetime) -> None:
    """Write down that `did` owns the new wiki `slug`."""
    session.execute(
        insert(AclRow).values(
            wiki_slug=slug,
            grantee_did=did,
            role="owner",
            granted_by=did,
            granted_at=timestamp(now),
        )
    )


def members(session: Session, slug: str) -> list[Member]:
    """Everybody with a role on the wiki: its owner, then its collaborators, oldest first."""
    statement = (
        select(UserRow.did, UserRow.handle, UserRow.display_name, AclRow.role, AclRow.granted_at)
        .join(AclRow, AclRow.grantee_did == UserRow.did)
        .where(AclRow.wiki_slug == slug)
        .order_by(
            case((AclRow.role == Role.OWNER.value, 0), else_=1), AclRow.granted_at, UserRow.did
        )
    )
    return [
        Member(did, handle, name, Role(role), granted_at)
        for did, handle, name, role, granted_at in session.execute(statement)
    ]


def count_collaborators(session: Session, slug: str) -> int:
    """How many people besides the owner have a role on the wiki."""
    statement = select(func.count()).where(
        AclRow.wiki_slug == slug, AclRow.role != Role.OWNER.value
    )
    return session.execute(statement).scalar_one()


def grant(
    session: Session,
    slug: str,
    *,
    grantee_did: str,
    role: Role,
    granted_by: str,
    now: datetime,
    max_collaborators: int | None,
) -> Role | None:
    """Make somebody an editor or viewer; returns the role they had before.

    The caller has locked the wiki's row: of two transactions at once the second counts what the
    first has written. Raises :class:`RoleRefused` for the role of owner and for the owner, and
    :class:`CollaboratorLimit` for one more person than `max_collaborators`; a role is changed at
    the limit as well.
    """
    before = role_of(session, slug, grantee_did)
    if role is Role.OWNER or before is Role.OWNER:
        raise RoleRefused("A wiki has one owner, whose role can't be given or changed")
    if before is role:
        return before
    values = {"role": role.value, "granted_by": granted_by, "granted_at": timestamp(now)}
    if before is not None:
        session.execute(update(AclRow).where(*_mine(slug, grantee_did)).values(**values))
        return before
    if max_collaborators is not None and count_collaborators(session, slug) >= max_collaborators:
        raise CollaboratorLimit(
            f"{slug} has {max_collaborators} collaborator{'' if max_collaborators == 1 else 's'},"
            " as many as a wiki may have. Remove one to make room for another"
        )
    session.execute(insert(AclRow).values(wiki_slug=slug, grantee_did=grantee_did, **values))
    return None


def revoke(session: Session, slug: str, grantee_did: str) -> Role:
    """Take a collaborator's role away; returns it.

    Raises :class:`NoSuchCollaborator`, or :class:`RoleRefused` for the owner.
    """
    role = role_of(session, slug, grantee_did)
    if role is None:
        raise NoSuchCollaborator(f"This person is no collaborator of {slug}")
    if role is Role.OWNER:
        raise RoleRefused("The owner's role can't be taken away; a wiki can only be deleted")
    session.execute(delete(AclRow).where(*_mine(slug, grantee_did)))
    return role


def revoke_all(session: Session, did: str) -> None:
    """Take a person's roles on others' wikis away."""
    session.execute(
        delete(AclRow).where(AclRow.grantee_did == did, AclRow.role != Role.OWNER.value)
    )


def revoke_collaborators(session: Session, slug: str) -> None:
    """Take everybody's role on the wiki away but its owner's."""
    session.execute(delete(AclRow).where(AclRow.wiki_slug == slug, AclRow.role != Role.OWNER.value))


def _mine(slug: str, did: str) -> tuple[ColumnElement[bool], ...]:
    return AclRow.wiki_slug == slug, AclRow.grantee_did == did
