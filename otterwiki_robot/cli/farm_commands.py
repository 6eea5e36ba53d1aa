"""Commands about the whole farm: `init`, `upgrade`, `doctor`, `settings`, `demo`."""

from __future__ import annotations

import click

from otterwiki_robot import demo as demo_pages
from otterwiki_robot.doctor import Finding, Level, examine
from otterwiki_robot.installation import Installation
from otterwiki_robot.settings import declarations
from otterwiki_robot.settings_reference import settings_markdown
from otterwiki_tenant import wikis

from .output import answer, json_option, progress_bar, table
from .user_commands import make_login_link


@click.command("init")
@json_option
@click.pass_obj
def init(installation: Installation, as_json: bool) -> None:
    """Make the home folder, the keys and the registry; what exists is left as it is."""
    installation.bare_farm.initialise()
    home = str(installation.settings.home)
    answer(as_json, {"home": home}, f"{home} is ready")


@click.command("upgrade")
@json_option
@click.pass_obj
def upgrade(installation: Installation, as_json: bool) -> None:
    """Bring the registry and every wiki's database to this version. Run it after an update."""
    installation.bare_farm.database.upgrade()
    farm = installation.farm
    installation.load_otterwiki()
    with farm.database.reading() as session:
        records = wikis.all_wikis(session)
    with progress_bar(as_json) as progress:
        for number, record in enumerate(records, start=1):
            _ = farm.opened(record).database  # opening it makes what it lacks
            progress("Upgrading wikis", number, len(records))
    document = {"registry": farm.database.revision(), "wikis": len(records)}
    answer(
        as_json,
        document,
        f"The registry is at version {document['registry']}, {len(records)} wikis are up to date",
    )


@click.command("doctor")
@click.option("--fsck", is_flag=True, help="Let git read every object of every wiki: slow.")
@json_option
@click.pass_context
def doctor(context: click.Context, fsck: bool, as_json: bool) -> None:
    """Look for what is wrong, and say what to do. Exits with 1 if something FAILs.

    Also removes what killed commands left behind.
    """
    installation: Installation = context.obj
    findings = []
    with progress_bar(as_json) as progress:
        for finding in examine(installation, fsck=fsck, progress=progress):
            findings.append(finding)
            if not as_json:
                click.echo(_line(finding))
    if as_json:
        answer(True, [_document(finding) for finding in findings])
    context.exit(1 if any(finding.level is Level.FAIL for finding in findings) else 0)


def _line(finding: Finding) -> str:
    advice = f"\n      {finding.advice}" if finding.advice else ""
    return f"{finding.level.value:<4}  {finding.subject}: {finding.message}{advice}"


def _document(finding: Finding) -> dict[str, str]:
    return {
        "level": finding.level.value,
        "subject": finding.subject,
        "message": finding.message,
        "advice": finding.advice,
    }


@click.command("settings")
@click.option("--markdown", is_flag=True, help="Print the reference page docs/settings.md.")
@json_option
@click.pass_obj
def settings(installation: Installation, markdown: bool, as_json: bool) -> None:
    """Show every setting and the value in force."""
    if markdown:
        click.echo(settings_markdown(), nl=False)
        return
    values = {
        declaration.variable: getattr(installation.settings, name)
        for name, declaration in declarations().items()
    }
    shown = {name: _plain(value) for name, value in values.items()}
    answer(as_json, shown, *table([(n, str(v)) for n, v in shown.items()], ("setting", "value")))


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return value if isinstance(value, bool | int) else _without_password(str(value))


def _without_password(text: str) -> str:
    """A database URL with its password struck out; any other text as it is."""
    scheme, separator, rest = text.partition("://")
    account, at, place = rest.rpartition("@")
    if not (separator and at and ":" in account):
        return text
    return f"{scheme}://{account.partition(':')[0]}:***@{place}"


@click.command("demo")
@json_option
@click.pass_obj
def demo(installation: Installation, as_json: bool) -> None:
    """Set up a farm with a demo wiki, once, and make a sign-in link (development only)."""
    if not installation.settings.dev:
        raise click.ClickException("the demo is for development: set ROBOT_DEV=1")
    demo_pages.make_demo(installation)
    document = {
        "url": installation.settings.root_url + "/",
        "wiki": installation.settings.wiki_url(demo_pages.SLUG) + "/",
        "sign_in": make_login_link(installation, demo_pages.HANDLE),
    }
    answer(
        as_json,
        document,
        f"The farm:   {document['url']}",
        f"Demo wiki:  {document['wiki']}",
        f"Sign in as {demo_pages.HANDLE} (works once, for ten minutes):",
        f"            {document['sign_in']}",
    )


COMMANDS: tuple[click.Command, ...] = (init, upgrade, doctor, settings, demo)
