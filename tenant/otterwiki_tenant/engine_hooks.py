"""What the tenant layer answers and listens to among the engine's hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otterwiki_engine.actor import Actor, Permission
from otterwiki_engine.hooks import hookimpl
from otterwiki_engine.paths import NO_COMMIT
from otterwiki_engine.proposals import Proposal
from otterwiki_engine.repository import CommitResult, Repository

from . import current, late_rights, quotas, wikis
from .disk_use import DiskUse

if TYPE_CHECKING:
    from .farm import Farm


class FarmHooks:
    """An engine plugin for one farm; other repositories' commits don't concern it."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self._disk_use = DiskUse()

    @hookimpl
    def resolve_actor(self, request: Any) -> Actor | None:
        """The actor that the front door found for this request, None where no wiki is active."""
        active = current.active_or_none()
        return active.actor if active else None

    def _slug(self, repository: Repository) -> str | None:
        """Which wiki of this farm it is; None for any other, and for one that is being made."""
        folder = repository.state_dir
        if folder.parent != self._farm.layout.wikis or folder.name.startswith("."):
            return None
        return folder.name

    @hookimpl
    def check_commit(self, repository: Repository, proposal: Proposal) -> None:
        """Refuse what its sender may not do any more, and what goes past a limit of the wiki, both
        by the registry's current rows."""
        slug = self._slug(repository)
        if slug is None:
            return
        active = current.active_or_none()
        if active is not None:
            is_of_pages = any(path.endswith(".md") for path in proposal.changes)
            late_rights.check(active, Permission.WRITE if is_of_pages else Permission.UPLOAD)
        quotas.check(
            proposal,
            self._farm.limits,
            max_pages=lambda: self._max_pages(slug),
            git_dir=repository.git_dir,
            disk_use=self._disk_use,
        )

    def _max_pages(self, slug: str) -> int:
        with self._farm.database.reading() as session:
            return self._farm.limits.pages_of(wikis.get(session, slug))

    @hookimpl
    def commit_happened(self, repository: Repository, result: CommitResult) -> None:
        """Keep page_count right where the commit made or removed a page. An edit costs nothing."""
        slug = self._slug(repository)
        if slug is None:
            return
        before = repository.snapshot(result.parent or NO_COMMIT)
        after = repository.snapshot(result.revision)
        pages = [path for path in result.changed if path.endswith(".md")]
        if any(before.exists(path) != after.exists(path) for path in pages):
            self._farm.count_pages(slug, repository)
