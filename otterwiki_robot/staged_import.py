"""A person's import: read and checked first, shown, and done only when they say yes.

Knows no Flask requests. Whoever calls says who acts (:class:`By`); that they own the wiki is asked
of the current rows each time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from flask import Flask

from otterwiki_engine.repository import Repository
from otterwiki_tenant import startup
from otterwiki_tenant.audit import By
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.disk_use import size_of_objects
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.rights import owned_wiki
from otterwiki_tenant.wikis import WikiRecord

from .home_page import get_home_page
from .transfer import staging
from .transfer.checks import Limits, check_page_count
from .transfer.differences import differences
from .transfer.errors import Problem, TransferRefused
from .transfer.files import FileSet, is_hidden
from .transfer.importing import (
    Places,
    adopt,
    fetch_and_check,
    is_untouched,
)
from .transfer.public_fetching import PublicRepository
from .transfer.slots import transfer_slot
from .transfer.staging import REPOSITORY, Staged
from .wiki_import import (
    FilledWiki,
    OpenTarget,
    decide_home_page,
    limits_of,
    open_target,
    settle,
)

CLIENT = "import page"
MOST_FILES = 5000
MOST_COMMITS = 20_000
_KEPT_BACKUPS = 3

Source = FileSet | PublicRepository


class ReplaceUnconfirmed(Exception):
    """The wiki holds pages and the person did not say that they may be replaced."""


class WikiChanged(Exception):
    """The wiki was edited after the person was shown what the import would do."""


@dataclass(frozen=True)
class Replaced:
    """What the wiki holds today that an import would put out of sight."""

    pages: int
    commits: int


@dataclass(frozen=True)
class Preview:
    """What an import would do to the wiki as it stands at the commit ``base`` ("" for none).

    ``replaces`` is None where only the wiki's template goes. ``home_page`` is None where there
    would be none; ``is_substitute`` says that it stands in for a missing Home. ``hidden`` counts
    hidden files that come along as part of a repository's history.
    """

    id: str
    base: str
    staged: Staged
    limits: Limits
    replaces: Replaced | None
    home_page: str | None
    is_substitute: bool
    hidden: int

    @property
    def pages(self) -> tuple[str, ...]:
        """Names of the pages, the top ones first."""
        names = [path.removesuffix(".md") for path in self.staged.checked.contents.pages]
        return tuple(sorted(names, key=lambda name: (name.count("/"), name.casefold())))

    @property
    def attachments(self) -> int:
        """How many files are no pages."""
        contents = self.staged.checked.contents
        return len(contents.files) - len(contents.pages)

    @property
    def left_out(self) -> tuple[Problem, ...]:
        """What does not come in, with reasons."""
        return self.staged.checked.left_out


def web_limits(limits: Limits) -> Limits:
    """The limits of an import in the browser, where somebody waits for the answer."""
    return replace(limits, commits=MOST_COMMITS, files=MOST_FILES)


class StagedImports:
    """Imports into the wikis of a farm by the people who own them."""

    def __init__(self, farm: Farm, load: Callable[[Farm], Flask] = startup.load) -> None:
        self._farm = farm
        self._load = load
        self._run = farm.layout.run

    def limits(self, record: WikiRecord) -> Limits:
        """What may come into that wiki."""
        return web_limits(limits_of(self._farm, record))

    def stage(
        self, slug: str, by: By, now: datetime, read: Callable[[Limits], Source], shown: str
    ) -> str:
        """Read and check an import into the wiki `slug`; returns the id under which it waits.

        `read` is asked for the source when there is a slot for it. The wiki is not touched. Raises
        NoSuchWiki, Forbidden, Suspended or :class:`TransferRefused`.
        """
        did = self._owner(slug, by)
        app = self._load(self._farm)
        found = open_target(self._farm, slug)
        limits = web_limits(found.limits)
        link_first = self._reads_link_first(app, slug)
        with transfer_slot(self._run, did):
            source = read(limits)

            def build(folder: Path) -> Staged:
                git_dir = folder / REPOSITORY
                checked = fetch_and_check(
                    source, git_dir, found.target,
                    limits=limits, client=CLIENT, progress=_unwatched,
                )  # fmt: skip
                self._check_room(found, git_dir, limits)
                notes = _notes(git_dir, folder, checked.revision, link_first)
                return Staged(
                    did=did,
                    slug=slug,
                    staged_at=now.timestamp(),
                    shown=shown,
                    checked=checked,
                    taken_off=source.taken_off if isinstance(source, FileSet) else "",
                    notes=notes,
                )

            return staging.stage(self._run, did, now, build)[0]

    def preview(self, slug: str, staged_id: str, by: By, now: datetime) -> Preview:
        """What the import would do to the wiki as it is now; raises NotStaged and as `stage`."""
        did = self._owner(slug, by)
        staged = staging.look_at(self._run, staged_id, did=did, slug=slug, now=now)
        app = self._load(self._farm)
        found = open_target(self._farm, slug)
        base = found.target.repository.head() or ""
        chosen = get_home_page(app, self._farm, slug)
        home = decide_home_page(chosen, staged.checked.contents.pages)
        files = staged.checked.contents.files
        return Preview(
            id=staged_id,
            base=base,
            staged=staged,
            limits=web_limits(found.limits),
            replaces=_replaced(found),
            home_page=home.page,
            is_substitute=home.substitute is not None,
            hidden=sum(is_hidden(path) for path in files),
        )

    def carry_out(
        self, slug: str, staged_id: str, by: By, now: datetime, *, base: str, may_replace: bool
    ) -> FilledWiki:
        """Make the staged import the content of the wiki; it is used up.

        `base` is the preview's, so that nothing is replaced that the person was not shown. Raises
        :class:`WikiChanged` where it is another by now, :class:`ReplaceUnconfirmed` (both leave it
        waiting), NotStaged, TransferRefused, or as `stage`; the wiki then is as it was.
        """
        did = self._owner(slug, by)
        staged = staging.look_at(self._run, staged_id, did=did, slug=slug, now=now)
        app = self._load(self._farm)
        found = open_target(self._farm, slug)
        head = found.target.repository.head()
        if (head or "") != base:
            raise WikiChanged
        if not is_untouched(found.target) and not may_replace:
            raise ReplaceUnconfirmed
        check_page_count(len(staged.checked.contents.pages), found.limits)
        # In the wiki's own folder: what was replaced is deleted with the wiki.
        places = Places(self._run, self._farm.layout.wiki(slug) / "replaced")
        with (
            transfer_slot(self._run, did),
            staging.claimed(self._run, staged_id) as work,
        ):
            imported = adopt(
                staged.checked,
                work.folder / REPOSITORY,
                found.target,
                head,
                work=work,
                places=places,
                progress=_unwatched,
            )
            _forget_old_backups(places.backups)
            return settle(app, self._farm, found, imported, by=by, progress=_unwatched)

    def discard(self, slug: str, staged_id: str, by: By, now: datetime) -> None:
        """Throw a staged import away; raises NotStaged and as `stage`."""
        did = self._owner(slug, by)
        staging.discard(self._run, staged_id, did=did, slug=slug, now=now)

    def _owner(self, slug: str, by: By) -> str:
        """The DID of the person who acts, if they own the wiki today."""
        with self._farm.database.reading() as session:
            record = owned_wiki(session, slug, by, self._farm.abuse_contact)
        return by.did or record.owner_did

    def _reads_link_first(self, app: Flask, slug: str) -> bool:
        with wiki_context(self._farm, slug) as entered, app.app_context():
            style = str(entered.settings.get("WIKILINK_STYLE") or "")
        return style.upper().replace("_", "").strip() in ("LINKTITLE", "PAGENAMETITLE")

    def _check_room(self, found: OpenTarget, git_dir: Path, limits: Limits) -> None:
        """What a wiki held before stays in its repository, so both must fit."""
        held = size_of_objects(found.target.repository.git_dir)
        coming = size_of_objects(git_dir)
        if held + coming > limits.repository_bytes:
            raise TransferRefused(
                f"the wiki's repository has {held / 1_000_000:.1f} MB and the import adds"
                f" {coming / 1_000_000:.1f} MB; one wiki may have"
                f" {limits.repository_bytes // 1_000_000} MB. Ask whoever runs this server to make"
                " room, or delete the wiki and make it anew"
            )


def _forget_old_backups(folder: Path) -> None:
    """Keep the newest bundles of what imports replaced, so that they don't fill the disk."""
    for path in sorted(folder.glob("*.bundle"))[:-_KEPT_BACKUPS]:
        path.unlink(missing_ok=True)


def _replaced(found: OpenTarget) -> Replaced | None:
    if is_untouched(found.target):
        return None
    repository = found.target.repository
    return Replaced(
        pages=sum(path.endswith(".md") for path in repository.snapshot().files()),
        commits=int(repository.git("rev-list", "--count", "HEAD")),
    )


def _notes(git_dir: Path, folder: Path, revision: str, link_first: bool) -> tuple[str, ...]:
    private = Repository(git_dir, state_dir=folder / "state")
    try:
        snapshot = private.snapshot(revision)
        files = snapshot.files()
        pages = {
            path: snapshot.read(path).decode("utf-8", "replace")
            for path in files
            if path.endswith(".md")
        }
    finally:
        private.close()
    return differences(pages, files, link_first=link_first)


def _unwatched(_stage: str, _done: int, _total: int | None) -> None:
    """Progress that nobody watches: a browser is told the end only."""
