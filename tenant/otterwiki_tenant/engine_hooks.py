"""What the tenant layer answers and listens to among the engine's hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otterwiki_engine.actor import Actor
from otterwiki_engine.hooks import hookimpl
from otterwiki_engine.paths import NO_COMMIT
from otterwiki_engine.repository import CommitResult, Repository

from . import current

if TYPE_CHECKING:
    from .farm import Farm


class FarmHooks:
    """An engine plugin for one farm; other repositories' commits don't concern it."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm

    @hookimpl
    def resolve_actor(self, request: Any) -> Actor | None:
        """The actor that the front door found for this request, None where no wiki is active."""
        active = current.active_or_none()
        return active.actor if active else None

    @hookimpl
    def commit_happened(self, repository: Repository, result: CommitResult) -> None:
        """Keep page_count right where the commit made or removed a page. An edit costs nothing."""
        folder = repository.state_dir
        if folder.parent != self._farm.layout.wikis or folder.name.startswith("."):
            return
        before = repository.snapshot(result.parent or NO_COMMIT)
        after = repository.snapshot(result.revision)
        pages = [path for path in result.changed if path.endswith(".md")]
        if any(before.exists(path) != after.exists(path) for path in pages):
            self._farm.count_pages(folder.name, repository)
