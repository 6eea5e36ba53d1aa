"""Loading Otterwiki as a farm. It is one set of module globals, so it is loaded once a process."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

from otterwiki_engine import hooks

from . import skeleton
from .engine_hooks import FarmHooks
from .errors import StartupRefused
from .standins import WikiConfig

if TYPE_CHECKING:
    from .farm import Farm

_SETTINGS_VARIABLE = "OTTERWIKI_SETTINGS"
_state = {"is_farm": False}


def is_farm() -> bool:
    """Whether Otterwiki is (being) loaded as a farm in this process: farm plugins ask in setup."""
    return _state["is_farm"]


def load(farm: Farm) -> Flask:
    """Import Otterwiki with the farm's settings and stand-ins; returns its Flask application.

    Its WSGI application must be served behind :class:`otterwiki_tenant.wsgi.FarmMiddleware` only.
    Raises :class:`StartupRefused` if this process has loaded Otterwiki as a single wiki, or if the
    tenant plugin is not installed.
    """
    if "otterwiki.server" in sys.modules and not is_farm():
        raise StartupRefused("Otterwiki is loaded in this process already, as a single wiki")
    settings = skeleton.settings(farm, farm.layout.run)
    if not is_farm():
        settings_file = skeleton.prepare(farm)
        _state["is_farm"] = True
        with _environment(settings_file, frozenset(settings)):
            importlib.import_module("otterwiki.server")
    server = importlib.import_module("otterwiki.server")
    app: Flask = server.app
    if not isinstance(app.config, WikiConfig):
        raise StartupRefused("the plugin `tenant` was not loaded: is otterwiki-tenant installed?")
    # A process may serve several farms one after the other, over http and https.
    app.config.update((name, value) for name, value in settings.items() if name != "REPOSITORY")
    farm.tables = server.db.metadata
    name = f"the farm at {farm.layout.home}"
    if not hooks.manager.has_plugin(name):
        hooks.manager.register(FarmHooks(farm), name)
    return app


@contextmanager
def _environment(settings_file: Path, decided: frozenset[str]) -> Iterator[None]:
    """Let Otterwiki find the farm's settings, and no environment variable that overrides one.

    Otterwiki takes any setting from an environment variable of its name; a DEBUG or SECRET_KEY left
    in a shell must not change a farm.
    """
    hidden = {name: os.environ.pop(name) for name in decided if name in os.environ}
    before = os.environ.get(_SETTINGS_VARIABLE)
    os.environ[_SETTINGS_VARIABLE] = str(settings_file)
    try:
        yield
    finally:
        os.environ.update(hidden)
        del os.environ[_SETTINGS_VARIABLE]
        if before is not None:
            os.environ[_SETTINGS_VARIABLE] = before
