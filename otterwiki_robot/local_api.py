"""The demo wiki's API at ``http://localhost:PORT/api/v1``, in development.

Browsers and curl find ``demo.robot.localhost`` by themselves, Python and Node do not. Only the API
is answered so, where no page has links and a token says who asks.
"""

from __future__ import annotations

from .demo import SLUG
from .settings import Settings
from .wsgi_types import Environ, StartResponse, WSGIApp, WSGIResult

PREFIX = "/api/v1"
_LOCAL = frozenset({"localhost", "127.0.0.1"})


class LocalApi:
    """Hands requests for the API on this machine's own name to the demo wiki's host."""

    def __init__(self, app: WSGIApp, settings: Settings) -> None:
        self._app = app
        self._domain = settings.domain

    def __call__(self, environ: Environ, start_response: StartResponse) -> WSGIResult:
        name, _, port = str(environ.get("HTTP_HOST", "")).partition(":")
        path = str(environ.get("PATH_INFO", ""))
        if name.lower() in _LOCAL and (path == PREFIX or path.startswith(f"{PREFIX}/")):
            host = f"{SLUG}.{self._domain}"
            environ["HTTP_HOST"] = f"{host}:{port}" if port else host
        return self._app(environ, start_response)
