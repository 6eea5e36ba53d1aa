"""The engine's own settings on a stock Otterwiki. Nothing else here reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from flask import Flask

API_KEY = "OTTERWIKI_API_KEY"


def install(app: Flask, environment: Mapping[str, str] | None = None) -> None:
    """Complete Otterwiki's settings from `environment` (None: the process's own).

    A value that is in the settings already stays: a farm has decided it.
    """
    source = os.environ if environment is None else environment
    app.config.setdefault(API_KEY, source.get(API_KEY, ""))


def api_key(app: Flask) -> str:
    """The key by which programs use the wiki, "" where there is none."""
    return str(app.config.get(API_KEY) or "")
