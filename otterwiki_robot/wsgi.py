"""The web entry: Otterwiki with every plugin, the tenant's front door, the root host, the log.

``otterwiki_robot.wsgi:application`` is the application configured from the environment, for any
WSGI server; it is built when it is first asked for. `robot web` builds its own in each worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otterwiki_tenant import current
from otterwiki_tenant.rate_limits import RateLimits
from otterwiki_tenant.wsgi import ADDRESS_KEY, FarmMiddleware

from .installation import Installation
from .local_api import LocalApi
from .log import AccessLog, configure_logging
from .root.app import create_root_app
from .root.browsers import ACTOR_KEY
from .settings import Settings, read_settings
from .warm_up import warm_up
from .wsgi_types import Environ, StartResponse, WSGIApp, WSGIResult

WIKI_KEY = "robot.wiki"


def create_application(settings: Settings) -> WSGIApp:
    """Start Otterwiki as the farm of `settings`; once a process.

    Raises NotInitialised, RegistryBehind or StartupRefused.
    """
    configure_logging(settings.log_level, log_context)
    installation = Installation(settings)
    wiki_app = installation.load_otterwiki()
    warm_up(installation.farm, wiki_app)
    root_app = create_root_app(settings, installation.farm)
    front_door: WSGIApp = FarmMiddleware(
        installation.farm,
        wiki_app=_Noted(wiki_app.wsgi_app),
        root_app=root_app.wsgi_app,
        health_app=root_app.wsgi_app,
        trusted_proxies=settings.trusted_proxies,
        rate_limits=RateLimits(installation.farm.layout.run, settings.rates),
    )
    if settings.dev:
        front_door = LocalApi(front_door, settings)
    return AccessLog(front_door, request_details)


def log_context() -> Mapping[str, object]:
    """What a log line adds about where it was written: the current wiki and the actor's DID."""
    active = current.active_or_none()
    if active is None:
        return {}
    return {"wiki": active.record.slug, "actor": active.actor.did}


def request_details(environ: Environ) -> Mapping[str, object]:
    """What an access log line adds: the wiki that answered, who was known to ask, from where."""
    return {
        "wiki": environ.get(WIKI_KEY),
        "actor": environ.get(ACTOR_KEY),
        "address": environ.get(ADDRESS_KEY),
    }


class _Noted:
    """Writes down, for the access log, the wiki and actor that the front door let through."""

    def __init__(self, app: WSGIApp) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> WSGIResult:
        active = current.active()
        environ[WIKI_KEY] = active.record.slug
        environ[ACTOR_KEY] = active.actor.did
        return self._app(environ, start_response)


_built: dict[str, WSGIApp] = {}


def __getattr__(name: str) -> Any:
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _built:
        _built[name] = create_application(read_settings())
    return _built[name]
