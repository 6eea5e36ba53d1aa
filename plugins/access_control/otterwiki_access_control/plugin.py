"""Access control as an Otterwiki plugin (entry-point group ``otterwiki``)."""

from __future__ import annotations

import logging

import pluggy
from flask import Flask

from otterwiki_tenant import startup

# Not imported from otterwiki.plugins: that module loads this one while it is being imported.
hookimpl = pluggy.HookimplMarker("otterwiki")
_log = logging.getLogger(__name__)


class AccessControlPlugin:
    """Does its work on a farm only; a single wiki keeps Otterwiki's own access settings."""

    @hookimpl
    def setup(self, app: Flask) -> None:
        """Answer Otterwiki's permission questions from now on."""
        if not startup.is_farm():
            _log.info("not a farm: Otterwiki's own access settings stay in force")
            return
        from . import standins

        standins.install(app)


plugin = AccessControlPlugin()
