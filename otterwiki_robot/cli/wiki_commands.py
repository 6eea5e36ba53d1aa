"""`robot wiki ...`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from otterwiki_robot.installation import Installation, packaged_pages
from otterwiki_robot.transfer.exporting import export
from otterwiki_robot.transfer.sources import find_source
from otterwiki_robot.wiki_import import import_into_wiki
from otterwiki_tenant import users, wikis
from otterwiki_tenant.wikis import WikiRecord

from .output import answer, json_option, progress_bar, table


@click.group("wiki")
def wiki() -> None:
    """Wikis: make, list, fill, save and delete them."""


@wiki.command("create")
@click.argument("slug")
@click.option("--owner", required=True, metavar="HANDLE", help="Whose wiki it is: handle or DID.")
@click.option("--public", is_flag=True, help="Anyone may read it; else only its owner.")
@click.option("--name", help="The name shown on its pages.  [default: SLUG]")
@json_option
@click.pass_obj
def create(
    installation: Installation,
    slug: str,
    owner: str,
    public: bool,
    name: str | None,
    as_json: bool,
) -> None:
    """Make a wiki at SLUG.DOMAIN and show its first bearer token, which is stored nowhere."""
    farm = installation.farm
    with farm.database.reading() as session:
        person = users.get(session, owner)
    made = farm.create_wiki(
        slug,
        owner_did=person.did,
        is_public=public,
        display_name=name,
        template=packaged_pages("wiki_template"),
    )
    url = installation.settings.wiki_url(made.record.slug)
    document = {**_document(installation, made.record), "token": made.token}
    answer(
        as_json,
        document,
        f"{url}/ is there, owned by {person.handle}",
        f"Its token, shown only now: {made.token}",
    )


@wiki.command("list")
@json_option
@click.pass_obj
def list_wikis(installation: Installation, as_json: bool) -> None:
    """List all wikis."""
    with installation.farm.database.reading() as session:
        records = wikis.all_wikis(session)
        handles = {person.did: person.handle for person in users.all_users(session)}
    rows = [
        (
            record.slug,
            handles[record.owner_did],
            "public" if record.is_public else "private",
            str(record.page_count),
            installation.settings.wiki_url(record.slug) + "/",
        )
        for record in records
    ]
    answer(
        as_json,
        [_document(installation, record) for record in records],
        *table(rows, ("slug", "owner", "access", "pages", "url")),
    )


@wiki.command("delete")
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
@click.pass_obj
def delete(installation: Installation, slug: str, yes: bool, as_json: bool) -> None:
    """Delete a wiki for good: pages, history, token. Its slug stays its owner's."""
    farm = installation.farm
    with farm.database.reading() as session:
        record = wikis.get(session, slug)
    if not yes:
        if not sys.stdin.isatty():
            raise click.ClickException(f"nobody can be asked here: add --yes to delete {slug}")
        pages = f"{record.page_count} page{'' if record.page_count == 1 else 's'}"
        click.confirm(
            f"Delete {slug} with {pages} and its whole history? This can't be undone."
            f" (robot wiki export {slug} FILE.bundle saves it.)",
            abort=True,
            err=True,
        )
    farm.delete_wiki(slug)
    answer(as_json, {"slug": slug, "deleted": True}, f"{slug} is deleted")


@wiki.command("import")
@click.argument("slug")
@click.argument("source", metavar="PATH_OR_GIT_URL")
@click.option("--replace", is_flag=True, help="Replace what the wiki holds, after saving a bundle.")
@json_option
@click.pass_obj
def import_(
    installation: Installation, slug: str, source: str, replace: bool, as_json: bool
) -> None:
    """Fill a wiki from a folder of Markdown, a git repository, a bundle or a URL.

    The whole history of the repository's current branch comes along. Everything is checked
    before anything is written.
    """
    with progress_bar(as_json) as progress:
        done = import_into_wiki(
            installation, slug, find_source(source), replace=replace, progress=progress
        )
    document = {
        "slug": slug,
        "url": installation.settings.wiki_url(slug),
        "revision": done.imported.revision,
        "commits": done.imported.contents.commits,
        "pages": len(done.imported.contents.pages),
        "files": len(done.imported.contents.files),
        "home_page": done.home_page,
        "backup": str(done.imported.backup) if done.imported.backup else None,
    }
    lines = [
        f"{document['url']}/ now has {document['pages']} pages, {document['files']} files in all,"
        f" with {document['commits']} commits of history"
    ]
    if done.home_page:
        lines.append(f"It has no page Home; its front page is {done.home_page}")
    if done.imported.backup:
        lines.append(f"What it held before is in {done.imported.backup}")
    answer(as_json, document, *lines)


@wiki.command("export")
@click.argument("slug")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def export_(installation: Installation, slug: str, path: Path, as_json: bool) -> None:
    """Save a wiki to PATH: *.bundle has the whole history, *.zip the files as they are now."""
    farm = installation.farm
    with farm.database.reading() as session:
        record = wikis.get(session, slug)
    target = path.expanduser().absolute()
    opened = farm.opened(record)
    with progress_bar(as_json) as progress:
        size = export(opened.wiki.repository, target, progress)
    answer(
        as_json,
        {"slug": slug, "path": str(target), "bytes": size},
        f"{slug} is saved in {target}, {size / 1_000_000:.1f} MB",
    )


def _document(installation: Installation, record: WikiRecord) -> dict[str, object]:
    """What --json says of a wiki; no hash and no key."""
    return {
        "slug": record.slug,
        "name": record.display_name,
        "owner_did": record.owner_did,
        "public": record.is_public,
        "pages": record.page_count,
        "created_at": record.created_at,
        "url": installation.settings.wiki_url(record.slug),
    }


COMMANDS: tuple[click.Command, ...] = (wiki,)
