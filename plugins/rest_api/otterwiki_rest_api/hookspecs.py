"""Hooks of this plugin beside the engine's: how the index of a search plugin is kept up to date.

They are added to the engine's hook manager, so a plugin implements them without knowing this one:
``@otterwiki_engine.hooks.hookimpl`` and the name are enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otterwiki_engine import hooks
from otterwiki_engine.hooks import hookspec
from otterwiki_engine.wiki import Wiki

SEMANTIC = "semantic"


class RestApiHooks:
    """What search plugins may answer."""

    @hookspec(firstresult=True)
    def start_reindexing(self, wiki: Wiki, mode: str) -> bool | None:
        """Index all of `wiki` anew for search mode `mode`, without waiting for the end.

        True where that began, False where it is under way already, None for another plugin's mode.
        """

    @hookspec(firstresult=True)
    def reindexing_status(self, wiki: Wiki, mode: str) -> Mapping[str, Any] | None:
        """How far the index of search mode `mode` is, as JSON can say it; None for another's mode.

        ``status`` is "idle", "in_progress", "complete" or "error".
        """


def install() -> None:
    """Make the hooks known to the engine's manager; any number of calls does no more."""
    if not hasattr(hooks.manager.hook, "start_reindexing") or (
        hooks.manager.hook.start_reindexing.spec is None
    ):
        hooks.manager.add_hookspecs(RestApiHooks)
