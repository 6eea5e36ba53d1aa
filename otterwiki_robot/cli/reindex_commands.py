"""`robot reindex`: build the derived indexes of wikis anew."""

from __future__ import annotations

import click
from flask import Flask

from otterwiki_engine.errors import EngineError
from otterwiki_engine.pages.reindexing import reindex
from otterwiki_engine.pages.settings import page_settings_of
from otterwiki_robot.installation import Installation
from otterwiki_tenant import wikis
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.errors import TenantError

from .output import answer, json_option, progress_bar


@click.command("reindex")
@click.argument("slug", required=False)
@click.option("--all", "every", is_flag=True, help="Every wiki of the farm, one after the other.")
@json_option
@click.pass_context
def reindex_wikis(context: click.Context, slug: str | None, every: bool, as_json: bool) -> None:
    """Build the indexes of the wiki SLUG anew: history, pages, links, full text.

    They are derived from the wiki's commits and keep up by themselves, so this is for doubts and
    after repairs. The farm may be running: nobody gets a wrong answer meanwhile. With --all it goes
    on after a wiki that fails, and exits with 1.
    """
    installation: Installation = context.obj
    if (slug is None) is not every:
        raise click.UsageError("name one wiki, or say --all")
    with installation.farm.database.reading() as session:
        if slug is None:
            slugs = [record.slug for record in wikis.all_wikis(session)]
        else:
            slugs = [wikis.get(session, slug).slug]
    app = installation.load_otterwiki()  # a wiki's settings are read as it reads them
    if not every:
        document = _reindexed(installation, app, slugs[0])
        answer(as_json, document, _line(document))
        return
    documents: list[dict[str, object]] = []
    with progress_bar(as_json) as progress:
        for number, one in enumerate(slugs, start=1):
            try:
                documents.append(_reindexed(installation, app, one))
            except (EngineError, TenantError) as error:
                documents.append({"slug": one, "error": str(error)})
            progress("Reindexing wikis", number, len(slugs))
    answer(as_json, documents, *map(_line, documents))
    context.exit(1 if any("error" in document for document in documents) else 0)


def _reindexed(installation: Installation, app: Flask, slug: str) -> dict[str, object]:
    with wiki_context(installation.farm, slug) as entered, app.app_context():
        found = reindex(entered.wiki, page_settings_of(app.config))
    return {
        "slug": slug,
        "revision": found.revision,
        "commits": found.commits,
        "pages": found.pages,
    }


def _line(document: dict[str, object]) -> str:
    if "error" in document:
        return f"{document['slug']}: FAILED: {document['error']}"
    return f"{document['slug']}: {document['pages']} pages, {document['commits']} commits"


COMMANDS: tuple[click.Command, ...] = (reindex_wikis,)
