"""The entry point by which Otterwiki finds the engine."""

from __future__ import annotations

from typing import Any

from otterwiki.plugins import hookimpl


class EnginePlugin:
    """Otterwiki plugin "engine"."""

    @hookimpl
    def setup(self, app: Any, db: Any, storage: Any) -> None:
        """Replace what would not survive threads, processes and crashes."""
        from .standins import install

        install(app, storage)

    @hookimpl
    def info(self) -> tuple[str, str, str]:
        """Name, description and category for Otterwiki's plugin list."""
        return (
            "Engine",
            "Saves that are never lost: locked, durable commits, safe for threads and processes.",
            "Storage",
        )


plugin = EnginePlugin()
