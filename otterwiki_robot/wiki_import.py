"""An import as the operator means it: history, front page, index and page count of one wiki."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from otterwiki_engine.authorship import Author
from otterwiki_tenant import users, wikis
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.names import author_email

from .home_page import get_home_page, set_home_page
from .installation import Installation
from .settings import network_environment
from .transfer.git import Progress
from .transfer.importing import Imported, Target, import_history
from .transfer.sources import Folder, GitSource


@dataclass(frozen=True)
class FilledWiki:
    """What an import did; `home_page` is the page that stands in for a missing Home, if any."""

    imported: Imported
    home_page: str | None


def import_into_wiki(
    installation: Installation,
    slug: str,
    source: Folder | GitSource,
    *,
    replace: bool,
    progress: Progress,
) -> FilledWiki:
    """Make `source` the content of the wiki `slug`; see :func:`.transfer.importing.import_history`.

    Raises NoSuchWiki or TransferRefused, and then the wiki is as it was.
    """
    farm = installation.farm
    app = installation.load_otterwiki()  # with its plugins, who want to hear of the new commit
    with farm.database.reading() as session:
        record = wikis.get(session, slug)
        owner = users.get(session, record.owner_did)
    opened = farm.opened(record)
    imported = import_history(
        source,
        Target(
            slug=slug,
            repository=opened.wiki.repository,
            template_revision=record.template_revision,
            owner=Author(owner.handle, author_email(owner.did, farm.domain)),
            owner_did=owner.did,
        ),
        replace=replace,
        limits=installation.limits,
        places=installation.places,
        network=network_environment(),
        progress=progress,
    )
    home_page = _settle_home_page(app, farm, slug, imported.contents.pages)
    progress("Indexing history", 0, None)
    opened.wiki.history.catch_up()
    farm.count_pages(slug, opened.wiki.repository)  # the hook counts only what it is told of
    return FilledWiki(imported, home_page)


def substitute_home_page(pages: tuple[str, ...]) -> str | None:
    """The page to show first in a wiki without a page Home: its README, if there is one."""
    by_folded = {path.casefold(): path for path in sorted(pages, reverse=True)}
    if "home.md" in by_folded or "readme.md" not in by_folded:
        return None
    return by_folded["readme.md"].removesuffix(".md")


def _settle_home_page(app: Flask, farm: Farm, slug: str, pages: tuple[str, ...]) -> str | None:
    """Set or clear the wiki's HOME_PAGE, if that is needed to have a front page."""
    substitute = substitute_home_page(pages)
    chosen = get_home_page(app, farm, slug)
    if chosen and (chosen.startswith("/-/") or f"{chosen.strip('/')}.md" in pages):
        return None  # the owner's choice, and it still leads somewhere
    if chosen or substitute:
        set_home_page(app, farm, slug, substitute or "")
    return substitute
