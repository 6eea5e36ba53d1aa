"""`robot user ...` and `robot login-link`."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import urlencode

import click

from otterwiki_robot.installation import Installation
from otterwiki_tenant import clock, login_links, names, users

from .output import answer, json_option, table


@click.group("user")
def user() -> None:
    """People who may sign in."""


@user.command("add")
@click.argument("handle")
@click.option("--did", help="The person's DID; in development it is made up from the handle.")
@click.option("--username", help="Their name here, and address of their first wiki."
              "  [default: the handle's first part]")  # fmt: skip
@json_option
@click.pass_obj
def add(
    installation: Installation, handle: str, did: str | None, username: str | None, as_json: bool
) -> None:
    """Register the person with the Bluesky (ATProto) handle HANDLE."""
    if did is None:
        if not installation.settings.dev:
            raise click.UsageError("give the person's DID with --did did:plc:...")
        did = names.development_did(handle)
    with installation.farm.database.writing() as session:
        person = users.add(session, did=did, handle=handle, username=username, now=clock.now())
    answer(as_json, asdict(person), f"{person.handle} is registered as {person.username}")


@user.command("list")
@json_option
@click.pass_obj
def list_users(installation: Installation, as_json: bool) -> None:
    """List everybody who is registered."""
    with installation.farm.database.reading() as session:
        people = users.all_users(session)
    rows = [(p.username, p.handle, p.did, str(p.wiki_count)) for p in people]
    answer(
        as_json,
        [asdict(person) for person in people],
        *table(rows, ("username", "handle", "did", "wikis")),
    )


@click.command("login-link")
@click.argument("handle")
@click.option("--next", "next_url", help="Where the link leads after signing in.")
@json_option
@click.pass_obj
def login_link(
    installation: Installation, handle: str, next_url: str | None, as_json: bool
) -> None:
    """Make a link that signs HANDLE in, once (development only)."""
    url = make_login_link(installation, handle, next_url)
    answer(as_json, {"url": url}, url)


def make_login_link(installation: Installation, handle: str, next_url: str | None = None) -> str:
    """A one-time sign-in URL for a registered person; refused outside of development."""
    if not installation.settings.dev:
        raise click.ClickException("sign-in links are for development: set ROBOT_DEV=1")
    with installation.farm.database.writing() as session:
        person = users.get(session, handle)
        token = login_links.create(session, person.did, clock.now())
    query = f"?{urlencode({'next': next_url})}" if next_url else ""
    return f"{installation.settings.root_url}/auth/dev/{token}{query}"


COMMANDS: tuple[click.Command, ...] = (user, login_link)
