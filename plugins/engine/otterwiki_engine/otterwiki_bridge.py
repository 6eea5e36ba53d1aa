"""Tells Otterwiki's own plugins about commits, as its own storage would."""

from __future__ import annotations

from .hooks import hookimpl
from .repository import CommitResult, Repository


class OtterwikiBridge:
    """Passes each commit on to ``repository_changed`` and to Otterwiki's automatic push."""

    NAME = "otterwiki_bridge"

    @hookimpl
    def commit_happened(self, repository: Repository, result: CommitResult) -> None:
        """Call ``repository_changed(changed_files)`` of every Otterwiki plugin of this process."""
        from otterwiki.plugins import plugin_manager
        from otterwiki.repomgmt import get_repo_manager

        plugin_manager.hook.repository_changed(changed_files=list(result.changed))
        remote = get_repo_manager()
        if remote and repository.work_tree:
            remote.auto_push_if_enabled()
