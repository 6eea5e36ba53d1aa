"""`robot token ...`: by what programs get into a wiki."""

from __future__ import annotations

import click

from otterwiki_robot.documents import token_document
from otterwiki_robot.installation import Installation
from otterwiki_tenant import clock, token_store, wiki_tokens, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.people import OPERATOR
from otterwiki_tenant.wiki_tokens import MAX_LIFETIME_DAYS

from .output import answer, json_option, table

_ROLES = [role.value for role in wiki_tokens.ROLES]


@click.group("token")
def token() -> None:
    """Tokens of wikis, for programs: make, list, revoke."""


@token.command("create")
@click.argument("slug")
@click.option("--name", default="token", show_default=True, metavar="NAME",
              help="Which program or machine it is for. Commits made with it say so.")  # fmt: skip
@click.option("--role", type=click.Choice(_ROLES), default=Role.EDITOR.value, show_default=True,
              help="What it may do: read, write and upload, or read only.")  # fmt: skip
@click.option("--expires", "days", type=click.IntRange(1, MAX_LIFETIME_DAYS), metavar="DAYS",
              help="For how many days it works.  [default: until it is revoked]")  # fmt: skip
@json_option
@click.pass_obj
def create(
    installation: Installation,
    slug: str,
    name: str,
    role: str,
    days: int | None,
    as_json: bool,
) -> None:
    """Make a token of the wiki SLUG and show it, once. The wiki's owner is its maker."""
    made = wiki_tokens.make(
        installation.farm, slug, OPERATOR, name=name, role=Role(role), lifetime_days=days
    )
    record = made.listed.token
    document = {**token_document(made.listed, clock.now()), "token": made.text}
    until = f", until {record.expires_at}" if record.expires_at else ""
    answer(
        as_json,
        document,
        f"{record.name} ({record.id}) is a token of {slug}, {role}{until}",
        f"Shown only now: {made.text}",
    )


@token.command("list")
@click.argument("slug")
@json_option
@click.pass_obj
def list_tokens(installation: Installation, slug: str, as_json: bool) -> None:
    """List the tokens of the wiki SLUG, the newest first, never their secrets."""
    with installation.farm.database.reading() as session:
        found = token_store.of_wiki(session, wikis.get(session, slug).slug)
    now = clock.now()
    rows = [
        (
            item.token.id,
            item.token.name,
            str(item.token.role),
            str(item.token.state(now)),
            item.maker_name,
            item.token.created_at,
            item.token.expires_at or "-",
            item.token.last_used_at or "-",
        )
        for item in found
    ]
    head = ("id", "name", "role", "state", "maker", "made", "expires", "last used")
    answer(as_json, [token_document(item, now) for item in found], *table(rows, head))


@token.command("revoke")
@click.argument("slug")
@click.argument("token_id")
@json_option
@click.pass_obj
def revoke(installation: Installation, slug: str, token_id: str, as_json: bool) -> None:
    """End the token TOKEN_ID of the wiki SLUG: the next request with it is refused."""
    record = wiki_tokens.revoke(installation.farm, slug, token_id, OPERATOR)
    document = {"slug": slug, "id": record.id, "name": record.name, "revoked": True}
    answer(as_json, document, f"{record.name} ({record.id}) opens {slug} no more")


COMMANDS: tuple[click.Command, ...] = (token,)
