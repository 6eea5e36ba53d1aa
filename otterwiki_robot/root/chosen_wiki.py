"""Which wiki an account page is about: one's own, or the one that ``?wiki=SLUG`` names."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from otterwiki_tenant import acls, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.errors import NoSuchWiki, TenantError
from otterwiki_tenant.wikis import WikiRecord


class NoWikiYet(TenantError):
    """The person owns no wiki, so there is none to show."""


class OwnerOnly(TenantError):
    """The person has a role on the wiki, but is not its owner."""


@dataclass(frozen=True)
class Chosen:
    """The wiki of a page, the person's role on it, and all wikis they own (for the choice)."""

    record: WikiRecord
    role: Role
    owned: tuple[WikiRecord, ...]


def choose(session: Session, did: str, wanted: str | None, *, owner_only: bool = True) -> Chosen:
    """The wiki a person asked for, the first they own where they named none.

    Raises :class:`NoWikiYet`, NoSuchWiki (with the same words whether it exists or not: somebody
    without a role learns nothing), or :class:`OwnerOnly`.
    """
    owned = tuple(wikis.owned_by(session, did))
    if not wanted:
        if not owned:
            raise NoWikiYet("You have no wiki yet.")
        return Chosen(owned[0], Role.OWNER, owned)
    record = wikis.by_slug(session, wanted)
    role = acls.role_of(session, wanted, did)
    if record is None or role is None:
        raise NoSuchWiki("You have no wiki of that name, and none is shared with you.")
    if owner_only and role is not Role.OWNER:
        raise OwnerOnly("Only the owner of this wiki can see and change that.")
    return Chosen(record, role, owned)
