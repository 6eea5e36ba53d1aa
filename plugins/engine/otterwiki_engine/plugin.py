"""The entry point by which Otterwiki finds the engine."""

from __future__ import annotations

from typing import Any

from otterwiki.plugins import hookimpl


class EnginePlugin:
    """Otterwiki plugin "engine"."""

    @hookimpl
    def setup(self, app: Any, db: Any, storage: Any) -> None:
        """Replace what would not survive threads, processes and crashes; tell others the rules."""
        from . import page_settings_file, standins, stock_actor

        standins.install(app, storage)
        page_settings_file.install(app)
        stock_actor.install(app)

    @hookimpl
    def info(self) -> tuple[str, str, str]:
        """Name, description and category for Otterwiki's plugin list."""
        return (
            "Engine",
            "Saves that are never lost: locked, durable commits, safe for threads and processes.",
            "Storage",
        )


plugin = EnginePlugin()
