"""The tenant layer as an Otterwiki plugin (entry-point group ``otterwiki``)."""

from __future__ import annotations

import pluggy
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from . import standins, startup

# Not imported from otterwiki.plugins: that module loads this one while it is being imported.
hookimpl = pluggy.HookimplMarker("otterwiki")


class TenantPlugin:
    """Does its work only where :func:`otterwiki_tenant.startup.load` loads Otterwiki."""

    @hookimpl(tryfirst=True)
    def setup(self, app: Flask, db: SQLAlchemy) -> None:
        """Make Otterwiki's objects mean the wiki of the request."""
        if startup.is_farm():
            standins.install(app, db)


plugin = TenantPlugin()
