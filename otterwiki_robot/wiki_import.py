"""What an import means to a wiki beyond its history: front page, index, page count, audit row."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from otterwiki_engine.authorship import Author
from otterwiki_tenant import audit, clock, users, wikis
from otterwiki_tenant.audit import OPERATOR, Action, By
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.names import author_email
from otterwiki_tenant.opened import OpenedWiki
from otterwiki_tenant.wikis import WikiRecord

from .home_page import get_home_page, set_home_page
from .installation import Installation
from .settings import network_environment
from .transfer.checks import Limits
from .transfer.git import Progress
from .transfer.importing import Imported, Target, import_history
from .transfer.sources import Folder, GitSource

_ANY_SIZE_BYTES = 1 << 60


@dataclass(frozen=True)
class FilledWiki:
    """What an import did; `home_page` is the page that stands in for a missing Home, if any."""

    imported: Imported
    home_page: str | None


@dataclass(frozen=True)
class OpenTarget:
    """A wiki that is imported into. Hold it as long as its repository is used."""

    record: WikiRecord
    opened: OpenedWiki
    target: Target
    limits: Limits


def open_target(farm: Farm, slug: str) -> OpenTarget:
    """The wiki `slug` as an import sees it; raises NoSuchWiki."""
    with farm.database.reading() as session:
        record = wikis.get(session, slug)
        owner = users.get_by_did(session, record.owner_did)
    opened = farm.opened(record)
    target = Target(
        slug=slug,
        repository=opened.wiki.repository,
        template_revision=record.template_revision,
        owner=Author(owner.shown_name, author_email(owner.did, farm.domain)),
        owner_did=owner.did,
    )
    return OpenTarget(record, opened, target, limits_of(farm, record))


def limits_of(farm: Farm, record: WikiRecord) -> Limits:
    """What that wiki may hold."""
    limits = farm.limits
    return Limits(
        page_bytes=limits.page_bytes or _ANY_SIZE_BYTES,
        attachment_bytes=limits.attachment_bytes or _ANY_SIZE_BYTES,
        repository_bytes=limits.repository_bytes or _ANY_SIZE_BYTES,
        pages=limits.pages_of(record),
    )


def import_into_wiki(
    installation: Installation,
    slug: str,
    source: Folder | GitSource,
    *,
    replace: bool,
    progress: Progress,
) -> FilledWiki:
    """Make `source` the content of the wiki `slug`, for the operator.

    See :func:`.transfer.importing.import_history`. Raises NoSuchWiki or TransferRefused, and then
    the wiki is as it was.
    """
    farm = installation.farm
    app = installation.load_otterwiki()  # with its plugins, who want to hear of the new commit
    found = open_target(farm, slug)
    imported = import_history(
        source,
        found.target,
        replace=replace,
        limits=found.limits,
        places=installation.places,
        network=network_environment(),
        progress=progress,
    )
    return settle(app, farm, found, imported, by=OPERATOR, progress=progress)


def settle(
    app: Flask,
    farm: Farm,
    found: OpenTarget,
    imported: Imported,
    *,
    by: By,
    progress: Progress,
) -> FilledWiki:
    """After the history is there: the audit row, the front page, the index and the page count."""
    slug = found.record.slug
    pages = imported.contents.pages
    with farm.database.writing() as session:
        audit.record(
            session,
            Action.WIKI_IMPORTED,
            now=clock.now(),
            actor_did=by.did,
            wiki_slug=slug,
            detail=f"{len(pages)} pages, {imported.contents.commits} commits",
            address=by.address,
        )
    decision = decide_home_page(get_home_page(app, farm, slug), pages)
    if decision.setting is not None:
        set_home_page(app, farm, slug, decision.setting)
    progress("Indexing history", 0, None)
    found.opened.wiki.history.catch_up()
    farm.count_pages(slug, found.opened.wiki.repository)  # the hook counts only what it is told of
    return FilledWiki(imported, decision.substitute)


@dataclass(frozen=True)
class HomePage:
    """Which page a wiki shows first after an import.

    ``page`` is its name, None where there will be none; ``substitute`` is set where it stands in
    for a missing Home; ``setting`` is what HOME_PAGE has to become, None where it stays.
    """

    page: str | None
    substitute: str | None
    setting: str | None


def decide_home_page(chosen: str, pages: tuple[str, ...]) -> HomePage:
    """Which of `pages` (paths) is shown first where the owner had `chosen` one ("" for none)."""
    if chosen and (chosen.startswith("/-/") or f"{chosen.strip('/')}.md" in pages):
        return HomePage(chosen.strip("/"), None, None)  # it still leads somewhere
    substitute = substitute_home_page(pages)
    home = next((path.removesuffix(".md") for path in pages if path.casefold() == "home.md"), None)
    setting = (substitute or "") if chosen or substitute else None
    return HomePage(home or substitute, substitute, setting)


def substitute_home_page(pages: tuple[str, ...]) -> str | None:
    """The page to show first in a wiki without a page Home: its README, if there is one."""
    by_folded = {path.casefold(): path for path in sorted(pages, reverse=True)}
    if "home.md" in by_folded or "readme.md" not in by_folded:
        return None
    return by_folded["readme.md"].removesuffix(".md")
