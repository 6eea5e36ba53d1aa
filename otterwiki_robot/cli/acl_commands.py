"""`robot acl ...`: who is what on a wiki."""

from __future__ import annotations

import click

from otterwiki_robot.installation import Installation
from otterwiki_tenant import acls, people, users, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.people import OPERATOR

from .output import answer, json_option, table

_GRANTABLE = [Role.EDITOR.value, Role.VIEWER.value]


@click.group("acl")
def acl() -> None:
    """Roles on wikis: give, take away, list."""


@acl.command("grant")
@click.argument("slug")
@click.argument("handle")
@click.argument("role", metavar="ROLE", type=click.Choice(_GRANTABLE))
@json_option
@click.pass_obj
def grant(installation: Installation, slug: str, handle: str, role: str, as_json: bool) -> None:
    """Make HANDLE (or a DID) an editor or viewer of the wiki SLUG, or change their role."""
    farm = installation.farm
    with farm.database.reading() as session:
        person = users.get(session, handle)
    before = people.grant(farm, slug, person.did, Role(role), OPERATOR)
    document = {
        "slug": slug,
        "did": person.did,
        "handle": person.handle,
        "role": role,
        "before": before,
    }
    was = f", was {before}" if before not in (None, role) else ""
    answer(as_json, document, f"{person.shown_name} is {role} of {slug}{was}")


@acl.command("revoke")
@click.argument("slug")
@click.argument("handle")
@json_option
@click.pass_obj
def revoke(installation: Installation, slug: str, handle: str, as_json: bool) -> None:
    """Take the role of HANDLE (or a DID) on the wiki SLUG away."""
    farm = installation.farm
    with farm.database.reading() as session:
        person = users.get(session, handle)
    people.revoke(farm, slug, person.did, OPERATOR)
    document = {"slug": slug, "did": person.did, "handle": person.handle, "role": None}
    answer(as_json, document, f"{person.shown_name} has no role on {slug} any more")


@acl.command("list")
@click.argument("slug")
@json_option
@click.pass_obj
def list_members(installation: Installation, slug: str, as_json: bool) -> None:
    """List everybody with a role on the wiki SLUG, its owner first."""
    with installation.farm.database.reading() as session:
        members = acls.members(session, wikis.get(session, slug).slug)
    documents = [
        {"did": m.did, "handle": m.handle, "role": m.role, "granted_at": m.granted_at}
        for m in members
    ]
    rows = [(m.shown_name, str(m.role), m.granted_at, m.did) for m in members]
    answer(as_json, documents, *table(rows, ("who", "role", "since", "did")))


COMMANDS: tuple[click.Command, ...] = (acl,)
