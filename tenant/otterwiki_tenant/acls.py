"""The registry's roles: who is what on which wiki."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from .access import Role
from .clock import timestamp
from .models import AclRow

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
