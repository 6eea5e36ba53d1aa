"""The farm's front door: which wiki a request is for, who asks, and whether they are let in.

Everything behind it runs in a copy of the context in which that wiki is active. The server's own
context is never touched, so nothing can be left active when a request ends, however it ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from otterwiki_engine.actor import Permission
from otterwiki_engine.errors import EngineError

from . import clock, current, refusals
from .current import ActiveWiki
from .errors import TenantError
from .farm import Admission, Farm
from .hosts import MAX_NEXT_CHARACTERS, BadHost, RootHost, WikiHost, classify, host_url

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEALTH_PATH = "/health"
_OTTERWIKI_HEADERS = "HTTP_X_OTTERWIKI_"
_REWRITING_HEADERS = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_X_HOST",
    "HTTP_X_ORIGINAL_HOST",
    "HTTP_X_ORIGINAL_URL",
    "HTTP_X_REWRITE_URL",
    "HTTP_X_SCRIPT_NAME",
)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_log = logging.getLogger(__name__)


class FarmMiddleware:
    """WSGI application of a whole farm.

    `wiki_app` is Otterwiki's, called with a wiki active; `root_app` answers the root host;
    `health_app` answers ``/health`` on any host whatsoever, before all checks.
    """

    def __init__(
        self,
        farm: Farm,
        *,
        wiki_app: WSGIApplication,
        root_app: WSGIApplication,
        health_app: WSGIApplication,
    ) -> None:
        self._farm = farm
        self._wiki_app = wiki_app
        self._root_app = root_app
        self._health_app = health_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        remove_untrusted_headers(environ)
        if environ.get("PATH_INFO") == HEALTH_PATH:
            return self._health_app(environ, start_response)
        target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
        host = classify(environ.get("HTTP_HOST"), self._farm.domain, target)
        if environ.get("SCRIPT_NAME"):
            host = BadHost("Nothing here lies below a path prefix.")
        if isinstance(host, BadHost):
            return refusals.bad_host(host.reason)(environ, start_response)
        environ["HTTP_HOST"] = environ["HTTP_HOST"].lower()
        environ["wsgi.url_scheme"] = self._farm.scheme
        if isinstance(host, RootHost):
            return self._root_app(environ, start_response)
        return self._wiki(host, environ, start_response)

    def _wiki(
        self, host: WikiHost, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        try:
            admission = self._farm.admit(host.slug, environ.get("HTTP_COOKIE"))
            entered = self._enter(host, admission)
        except (TenantError, EngineError, OSError):
            _log.exception("wiki refused, it can't be checked or opened: wiki=%s", host.slug)
            return refusals.unavailable(as_json=wants_json(environ))(environ, start_response)
        if entered is None:
            return self._refuse(host, admission, environ)(environ, start_response)
        context = copy_context()
        context.run(current.enter, entered)
        body = context.run(self._wiki_app, environ, start_response)
        return ContextIterable(context, body, lambda: self._touch(entered))

    def _enter(self, host: WikiHost, admission: Admission) -> ActiveWiki | None:
        """The wiki as this request sees it, None if it must not be seen.

        Its database and repository are opened here, so that a broken one is refused as a whole.
        """
        if admission.wiki is None or admission.actor is None:
            return None
        if not admission.actor.may(Permission.READ):
            return None
        entered = ActiveWiki(self._farm, admission.wiki, admission.actor, host.port)
        _ = entered.settings
        _ = entered.wiki
        return entered

    def _refuse(
        self, host: WikiHost, admission: Admission, environ: WSGIEnvironment
    ) -> WSGIApplication:
        farm, as_json = self._farm, wants_json(environ)
        if admission.user is None:
            return refusals.sign_in(
                scheme=farm.scheme,
                domain=farm.domain,
                port=host.port,
                next_url=address_of(environ),
                as_json=as_json,
            )
        home = host_url(farm.scheme, farm.domain, host.port) + "/"
        return refusals.not_found(home=home, domain=farm.domain, as_json=as_json)

    def _touch(self, entered: ActiveWiki) -> None:
        """Bookkeeping after the answer; it never spoils one."""
        try:
            self._farm.touch(entered.record, clock.now())
        except TenantError as error:
            _log.warning("last_accessed not kept: wiki=%s error=%s", entered.record.slug, error)


class ContextIterable:
    """A response body whose every step runs in `context`; `done` is called once, when closed."""

    def __init__(self, context: Context, body: Iterable[bytes], done: Callable[[], None]) -> None:
        self._context = context
        self._body = body
        self._chunks: Iterator[bytes] = context.run(iter, body)
        self._done: Callable[[], None] | None = done

    def __iter__(self) -> ContextIterable:
        return self

    def __next__(self) -> bytes:
        return self._context.run(next, self._chunks)

    def close(self) -> None:
        """Close the body, in its context."""
        done, self._done = self._done, None
        if done is None:
            return
        try:
            close: Any = getattr(self._body, "close", None)
            if close is not None:
                self._context.run(close)
        finally:
            done()


def remove_untrusted_headers(environ: WSGIEnvironment) -> None:
    """Drop what only a proxy inside the farm could say, whoever sent it: nobody says it here.

    Identity headers of Otterwiki's proxy login, and headers that rename host or path.
    """
    for key in [key for key in environ if key.startswith(_OTTERWIKI_HEADERS)]:
        del environ[key]
    for key in _REWRITING_HEADERS:
        environ.pop(key, None)


def wants_json(environ: WSGIEnvironment) -> bool:
    """Whether a program asks: the path of an API, or an Accept header for JSON and not for HTML."""
    path = environ.get("PATH_INFO", "")
    accept = environ.get("HTTP_ACCEPT", "").lower()
    if path.startswith(("/api/", "/-/api/")):
        return True
    return "application/json" in accept and "text/html" not in accept


def address_of(environ: WSGIEnvironment) -> str:
    """The URL to come back to: the one asked for, or the front page where that has no meaning."""
    origin = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"
    if environ.get("REQUEST_METHOD") not in _SAFE_METHODS:
        return origin + "/"
    path = quote(environ.get("PATH_INFO", "/").encode("latin-1"), safe="/:@!$&'()*+,;=~-._")
    query = environ.get("QUERY_STRING", "")
    address = origin + (path or "/") + (f"?{quote(query, safe=_IN_QUERY)}" if query else "")
    return address if len(address) <= MAX_NEXT_CHARACTERS else origin + "/"


_IN_QUERY = "/?:@!$&'()*+,;=~-._%"
