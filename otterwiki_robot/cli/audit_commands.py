"""`robot audit`: who did what, and from where."""

from __future__ import annotations

from dataclasses import asdict

import click

from otterwiki_robot.installation import Installation
from otterwiki_tenant import audit as audit_trail
from otterwiki_tenant import users
from otterwiki_tenant.audit import AuditEntry

from .output import answer, json_option, table


@click.command("audit")
@click.option("--wiki", "slug", metavar="SLUG", help="Only what concerns this wiki.")
@click.option("--user", "handle", metavar="HANDLE", help="Only what this person (handle or DID)"
              " did, or what was done to them.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 100_000), metavar="N",
              default=audit_trail.DEFAULT_LIMIT, show_default=True,
              help="At most so many, the newest.")  # fmt: skip
@json_option
@click.pass_obj
def audit(
    installation: Installation, slug: str | None, handle: str | None, limit: int, as_json: bool
) -> None:
    """Show who signed in, granted, revoked, created and deleted, the newest first; in UTC."""
    with installation.farm.database.reading() as session:
        did = handle
        if handle is not None and not handle.startswith("did:"):  # a DID may be a deleted account's
            did = users.get(session, handle).did
        entries = audit_trail.search(session, wiki_slug=slug, did=did, limit=limit)
    rows = [_row(entry) for entry in entries]
    head = ("at", "action", "who", "wiki", "whom", "detail", "from")
    answer(as_json, [asdict(entry) for entry in entries], *table(rows, head))


def _row(entry: AuditEntry) -> tuple[str, ...]:
    whom = entry.subject_handle or entry.subject_did
    cells = (entry.wiki_slug, whom, entry.detail, entry.address)
    return (entry.at, str(entry.action), entry.actor_name, *(cell or "-" for cell in cells))


COMMANDS: tuple[click.Command, ...] = (audit,)
