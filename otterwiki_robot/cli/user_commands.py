"""`robot user ...` and `robot login-link`."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import urlencode

import click

from otterwiki_robot.installation import Installation
from otterwiki_tenant import clock, login_links, names, people, users, wikis
from otterwiki_tenant.people import OPERATOR
from otterwiki_tenant.users import User

from .output import answer, confirm_for_good, json_option, table


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
    person = people.add_user(installation.farm, did=did, handle=handle, username=username)
    lines = [f"{person.handle} is registered as {person.username}"]
    if person.suspended_at is not None:
        lines.append(f"They are suspended since {person.suspended_at}, see: robot user resume")
    answer(as_json, asdict(person), *lines)


@user.command("list")
@json_option
@click.pass_obj
def list_users(installation: Installation, as_json: bool) -> None:
    """List everybody who is registered."""
    with installation.farm.database.reading() as session:
        everybody = users.all_users(session)
    rows = [
        (
            person.username,
            person.handle,
            person.did,
            str(person.wiki_count),
            "active" if person.is_active else f"suspended {person.suspended_at}",
        )
        for person in everybody
    ]
    answer(
        as_json,
        [asdict(person) for person in everybody],
        *table(rows, ("username", "handle", "did", "wikis", "state")),
    )


@user.command("suspend")
@click.argument("handle")
@click.option("--reason", help="For the audit trail; the person can read it.")
@json_option
@click.pass_obj
def suspend(installation: Installation, handle: str, reason: str | None, as_json: bool) -> None:
    """Sign HANDLE out everywhere and keep them out. Their wikis stay as they are."""
    person = _person(installation, handle)
    changed = people.suspend_user(installation.farm, person.did, OPERATOR, reason)
    words = "is suspended" if changed else "was suspended already"
    answer(
        as_json,
        {"did": person.did, "handle": person.handle, "suspended": True, "changed": changed},
        f"{person.shown_name} {words}",
    )


@user.command("resume")
@click.argument("handle")
@click.option("--reason", help="For the audit trail; the person can read it.")
@json_option
@click.pass_obj
def resume(installation: Installation, handle: str, reason: str | None, as_json: bool) -> None:
    """End the suspension of HANDLE."""
    person = _person(installation, handle)
    changed = people.resume_user(installation.farm, person.did, OPERATOR, reason)
    words = "may sign in again" if changed else "was not suspended"
    answer(
        as_json,
        {"did": person.did, "handle": person.handle, "suspended": False, "changed": changed},
        f"{person.shown_name} {words}",
    )


@user.command("delete")
@click.argument("handle")
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
@click.pass_obj
def delete(installation: Installation, handle: str, yes: bool, as_json: bool) -> None:
    """Delete the account of HANDLE for good, with their wikis. The username stays taken.

    What they wrote in others' wikis stays there, with their name in its history.
    """
    farm = installation.farm
    person = _person(installation, handle)
    with farm.database.reading() as session:
        slugs = [record.slug for record in wikis.owned_by(session, person.did)]
    with_wikis = f" with {', '.join(slugs)} and all history" if slugs else ""
    confirm_for_good(
        f"Delete the account of {person.shown_name}{with_wikis}? This can't be undone.",
        yes=yes,
        without_terminal=f"add --yes to delete {person.shown_name}{with_wikis}",
    )
    people.delete_account(farm, person.did, OPERATOR)
    answer(
        as_json,
        {"did": person.did, "handle": person.handle, "deleted": True, "wikis": slugs},
        f"The account of {person.shown_name} is deleted{with_wikis}",
    )


def _person(installation: Installation, handle: str) -> User:
    with installation.farm.database.reading() as session:
        return users.get(session, handle)


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
        if person.suspended_at is not None:
            raise click.ClickException(
                f"{person.shown_name} is suspended since {person.suspended_at} and can't sign in;"
                f" to end that, run: robot user resume {person.shown_name}"
            )
        token = login_links.create(session, person.did, clock.now())
    query = f"?{urlencode({'next': next_url})}" if next_url else ""
    return f"{installation.settings.root_url}/auth/dev/{token}{query}"


COMMANDS: tuple[click.Command, ...] = (user, login_link)
