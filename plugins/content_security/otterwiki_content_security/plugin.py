"""Content security as an Otterwiki plugin (entry-point group ``otterwiki``)."""

from __future__ import annotations

import pluggy
from flask import Flask

# Not imported from otterwiki.plugins: that module loads this one while it is being imported.
hookimpl = pluggy.HookimplMarker("otterwiki")


class ContentSecurityPlugin:
    """Otterwiki plugin "content_security": works for a single wiki and for a farm alike."""

    @hookimpl
    def setup(self, app: Flask) -> None:
        """Rewrite the templates as they are loaded, and set the policy on every answer."""
        from . import standins

        standins.install(app)

    @hookimpl
    def info(self) -> tuple[str, str, str]:
        """Name, description and category for Otterwiki's plugin list."""
        return (
            "Content Security",
            "Only scripts of the wiki itself run in its pages: a content security policy"
            " with nonces.",
            "Security",
        )


plugin = ContentSecurityPlugin()
