"""A history that was replaced is not kept in a pack either."""

from __future__ import annotations

from otterwiki_engine import hooks
from otterwiki_engine.hooks import hookimpl
from otterwiki_engine.repository import CommitResult, Repository

from .answering import FOLDER
from .kept_packs import KeptPacks
from .settings import Settings


class ReplacedHistories:
    """Removes the kept pack of a wiki whose branch was moved elsewhere than forward.

    What was in the old history only may have been taken out for a reason (checklist F7).
    """

    NAME = "git_http_replaced_histories"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @hookimpl
    def commit_happened(self, repository: Repository, result: CommitResult) -> None:
        """Called after every commit; of an ordinary one the parent is where the branch stood."""
        if result.parent is None or result.parent == result.revision:
            return
        parents = repository.commit_object(result.revision).parents
        if result.parent.encode("ascii") not in parents:
            folder, most_bytes = repository.state_dir / FOLDER, self._settings.kept_pack_bytes
            KeptPacks(folder, most_bytes, repository.head).forget()


def listen(settings: Settings) -> None:
    """Register with the engine's hooks, once a process."""
    if not hooks.manager.has_plugin(ReplacedHistories.NAME):
        hooks.manager.register(ReplacedHistories(settings), ReplacedHistories.NAME)
