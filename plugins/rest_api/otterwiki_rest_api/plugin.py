"""The REST API as an Otterwiki plugin (entry-point group ``otterwiki``)."""

from __future__ import annotations

import pluggy
from flask import Flask

# Not imported from otterwiki.plugins: that module loads this one while it is being imported.
hookimpl = pluggy.HookimplMarker("otterwiki")


class RestApiPlugin:
    """Otterwiki plugin "rest_api": works for a single wiki and for a farm alike."""

    @hookimpl
    def setup(self, app: Flask) -> None:
        """Add the routes of the API, Markdown addresses and llms.txt."""
        from . import web

        web.install(app)

    @hookimpl
    def info(self) -> tuple[str, str, str]:
        """Name, description and category for Otterwiki's plugin list."""
        return (
            "REST API",
            "Pages, sections, links, search, history and attachments for programs, at /api/v1.",
            "API",
        )


plugin = RestApiPlugin()
