"""The registry's roles: who else may do what on a wiki. (Only the owner's row is used so far.)"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from .clock import timestamp
from .models import AclRow

_COLUMNS = AclRow.__table__.c


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
