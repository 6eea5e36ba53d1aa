"""Cloning by git as an Otterwiki plugin (entry-point group ``otterwiki``)."""

from __future__ import annotations

import pluggy
from flask import Flask

# Not imported from otterwiki.plugins: that module loads this one while it is being imported.
hookimpl = pluggy.HookimplMarker("otterwiki")


class GitHttpPlugin:
    """Otterwiki plugin "git_http": works for a single wiki and for a farm alike."""

    @hookimpl
    def setup(self, app: Flask) -> None:
        """Add the addresses below /repo.git, and listen to replaced histories."""
        from . import routes
        from .commit_hooks import listen
        from .settings import read_settings

        settings = read_settings(app.config)
        routes.install(app, settings)
        listen(settings)

    @hookimpl
    def info(self) -> tuple[str, str, str]:
        """Name, description and category for Otterwiki's plugin list."""
        return (
            "Git clone",
            "Clone and fetch the wiki with git at /repo.git, for everybody who may read it.",
            "Git",
        )


plugin = GitHttpPlugin()
