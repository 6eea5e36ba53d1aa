"""`robot wiki ...`."""

from __future__ import annotations

from pathlib import Path

import click

from otterwiki_robot.documents import wiki_document
from otterwiki_robot.installation import Installation
from otterwiki_robot.new_wiki import template_pages
from otterwiki_robot.transfer.errors import SHOWN_PROBLEMS
from otterwiki_robot.transfer.exporting import export
from otterwiki_robot.transfer.sources import find_source
from otterwiki_robot.wiki_import import import_into_wiki
from otterwiki_tenant import people, users, wikis
from otterwiki_tenant.people import OPERATOR
from otterwiki_tenant.wikis import WikiRecord

from .output import answer, confirm_for_good, json_option, progress_bar, table


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
        template=template_pages(
            installation.settings,
            slug=slug,
            name=name or slug,
            purpose="",
            owner_handle=person.shown_name,
        ),
        by=OPERATOR,
    )
    url = installation.settings.wiki_url(made.record.slug)
    document = {**_document(installation, made.record), "token": made.token}
    answer(
        as_json,
        document,
        f"{url}/ is there, owned by {person.shown_name}",
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
            handles.get(record.owner_did) or record.owner_did,
            _access(record),
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
    pages = f"{record.page_count} page{'' if record.page_count == 1 else 's'}"
    confirm_for_good(
        f"Delete {slug} with {pages} and its whole history? This can't be undone."
        f" (robot wiki export {slug} FILE.bundle saves it.)",
        yes=yes,
        without_terminal=f"add --yes to delete {slug}",
    )
    farm.delete_wiki(slug, by=OPERATOR)
    answer(as_json, {"slug": slug, "deleted": True}, f"{slug} is deleted")


@wiki.command("suspend")
@click.argument("slug")
@click.option("--reason", help="For the audit trail; the wiki's owner can read it.")
@json_option
@click.pass_obj
def suspend(installation: Installation, slug: str, reason: str | None, as_json: bool) -> None:
    """Let nobody into a wiki, not even its owner; nothing in it is changed."""
    changed = people.suspend_wiki(installation.farm, slug, OPERATOR, reason)
    words = "is suspended" if changed else "was suspended already"
    answer(as_json, {"slug": slug, "suspended": True, "changed": changed}, f"{slug} {words}")


@wiki.command("resume")
@click.argument("slug")
@click.option("--reason", help="For the audit trail; the wiki's owner can read it.")
@json_option
@click.pass_obj
def resume(installation: Installation, slug: str, reason: str | None, as_json: bool) -> None:
    """End a wiki's suspension."""
    changed = people.resume_wiki(installation.farm, slug, OPERATOR, reason)
    words = "is open again to those who may read it" if changed else "was not suspended"
    answer(as_json, {"slug": slug, "suspended": False, "changed": changed}, f"{slug} {words}")


@wiki.command("limit")
@click.argument("slug")
@click.option("--pages", type=click.IntRange(1, 1_000_000), metavar="N",
              help="How many pages this wiki may have.")  # fmt: skip
@click.option("--default", "to_default", is_flag=True, help="As many as any wiki of the farm.")
@json_option
@click.pass_obj
def limit(
    installation: Installation, slug: str, pages: int | None, to_default: bool, as_json: bool
) -> None:
    """Give a wiki a page limit of its own, or the farm's again."""
    if to_default == (pages is not None):
        raise click.UsageError("give either --pages N or --default")
    farm = installation.farm
    people.set_page_limit(farm, slug, pages, OPERATOR)
    in_force = farm.limits.max_pages if pages is None else pages
    document = {"slug": slug, "max_pages": in_force, "own_limit": pages is not None}
    answer(as_json, document, f"{slug} may have {in_force} pages")


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
        "left_out": [problem.path for problem in done.imported.left_out],
    }
    lines = [
        f"{document['url']}/ now has {document['pages']} pages, {document['files']} files in all,"
        f" with {document['commits']} commits of history"
    ]
    if done.home_page:
        lines.append(f"It has no page Home; its front page is {done.home_page}")
    if done.imported.left_out:
        lines.append("Left out: " + "; ".join(map(str, done.imported.left_out[:SHOWN_PROBLEMS])))
        more = len(done.imported.left_out) - SHOWN_PROBLEMS
        lines += [f"and {more} more"] if more > 0 else []
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
    return wiki_document(installation.settings, installation.farm.limits, record)


def _access(record: WikiRecord) -> str:
    if record.suspended_at is not None:
        return f"suspended {record.suspended_at}"
    if not record.is_public:
        return "private"
    return "public, listed" if record.is_listed else "public"


COMMANDS: tuple[click.Command, ...] = (wiki,)
