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

        plugin_manager.hook.repository_changed(changed_files=announced(repository, result))
        remote = get_repo_manager()
        if remote and repository.work_tree:
            remote.auto_push_if_enabled()


def announced(repository: Repository, result: CommitResult) -> list[str]:
    """The paths Otterwiki names to its plugins: of something renamed, only the new name."""
    if len(result.changed) < 2 or result.parent is None:
        return list(result.changed)
    before, after = repository.snapshot(result.parent), repository.snapshot(result.revision)
    there = [path for path in result.changed if after.get(path)]
    moved = any(before.get(path) is None for path in there)
    return there if moved and len(there) < len(result.changed) else list(result.changed)
