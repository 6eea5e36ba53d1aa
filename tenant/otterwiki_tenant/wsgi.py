"""The farm's front door: which wiki a request is for, who asks, and whether they are let in.

Everything behind it runs in a copy of the context in which that wiki is active. The server's own
context is never touched, so nothing can be left active when a request ends, however it ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from otterwiki_engine.actor import Permission
from otterwiki_engine.errors import EngineError

from . import answers, clock, confirmations, current, origins, refusals, request_cookies, visits
from .access import Credential
from .admission import Admission
from .client_address import LOOPBACK, Network, client_address
from .credentials import CredentialRefused
from .current import ActiveWiki
from .errors import TenantError
from .farm import Farm
from .hosts import (
    MAX_NEXT_CHARACTERS,
    BadHost,
    RootHost,
    WikiHost,
    check_next,
    classify,
    host_url,
    sign_in_url,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEALTH_PATH = "/health"
ADDRESS_KEY = "robot.address"  # where whoever answers finds the client's IP address, if known
_OTTERWIKI_HEADERS = "HTTP_X_OTTERWIKI_"
_REWRITING_HEADERS = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_X_HOST",
    "HTTP_X_ORIGINAL_HOST",
    "HTTP_X_ORIGINAL_URL",
    "HTTP_X_REAL_IP",
    "HTTP_X_REWRITE_URL",
    "HTTP_X_SCRIPT_NAME",
)
_log = logging.getLogger(__name__)


class FarmMiddleware:
    """WSGI application of a whole farm.

    `wiki_app` is Otterwiki's, called with a wiki active; `root_app` answers the root host;
    `health_app` answers ``/health`` on any host whatsoever, before all checks. `trusted_proxies`
    are the networks whose X-Forwarded-For is believed.
    """

    def __init__(
        self,
        farm: Farm,
        *,
        wiki_app: WSGIApplication,
        root_app: WSGIApplication,
        health_app: WSGIApplication,
        trusted_proxies: Sequence[Network] = LOOPBACK,
    ) -> None:
        self._farm = farm
        self._wiki_app = wiki_app
        self._root_app = root_app
        self._health_app = health_app
        self._trusted_proxies = tuple(trusted_proxies)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        note_address(environ, self._trusted_proxies)
        remove_untrusted_headers(environ)
        request_cookies.drop_a_flood(environ)
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
        """Answer for a wiki's host; what a browser is told about cookies is the same for all."""
        farm, cookies, more = self._farm, list[str](), [answers.NOT_EMBEDDED]
        if request_cookies.wipes(farm, environ):
            more.append(request_cookies.WIPE)
        sent = dict(environ)  # as the browser sent it: what Otterwiki is handed differs
        guarded = answers.guarded(
            start_response,
            set_cookies=cookies,
            is_https=farm.scheme == "https",
            more=more,
        )
        try:
            cookies += request_cookies.clearing_of_doubles(farm, environ)
            refusal = self._refuse_unasked(environ)
            if refusal is None and environ.get("PATH_INFO") == confirmations.PATH:
                refusal = self._confirm(host, environ, cookies)
            if refusal is not None:
                return refusal(environ, guarded)
            admission = self._admit(host, environ)
            cookies += admission.visit.set_cookies
            entered = self._enter(host, admission, lambda: self._admit(host, sent))
            if entered is not None:
                renewed = farm.renewed_cookie(admission.visit)
                cookies += [renewed] if renewed else []
                if entered.record.is_public:
                    more.remove(answers.NOT_EMBEDDED)
        except CredentialRefused as refused:
            return refusals.bad_credential(str(refused), as_json=wants_json(environ))(
                environ, guarded
            )
        except (TenantError, EngineError, OSError):
            _log.exception("wiki refused, it can't be checked or opened: wiki=%s", host.slug)
            return refusals.unavailable(as_json=wants_json(environ))(environ, guarded)
        if entered is None:
            return self._refuse(host, admission, environ)(environ, guarded)
        bounce = self._bounce(host, admission, environ)
        if bounce is not None:
            return bounce(environ, guarded)
        environ["HTTP_COOKIE"] = self._cookies_for_otterwiki(admission, environ)
        context = copy_context()
        context.run(current.enter, entered)
        body = context.run(self._wiki_app, environ, guarded)
        return ContextIterable(context, body, lambda: self._touch(entered, admission.visit))

    def _refuse_unasked(self, environ: WSGIEnvironment) -> WSGIApplication | None:
        """403 for what changes something and was not sent by a page of this host (checklist D6).

        Asked before anything is known of the wiki, so it tells nothing about it. These guards are
        for cookies: a request with an Authorization header is not judged by them.
        """
        if origins.is_safe(environ["REQUEST_METHOD"]) or "HTTP_AUTHORIZATION" in environ:
            return None
        own = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"
        is_ours = origins.is_same_origin(
            own=own,
            origin=environ.get("HTTP_ORIGIN"),
            fetch_site=environ.get("HTTP_SEC_FETCH_SITE"),
        )
        return None if is_ours else refusals.other_origin(as_json=wants_json(environ))

    def _admit(self, host: WikiHost, environ: WSGIEnvironment) -> Admission:
        authorization = environ.get("HTTP_AUTHORIZATION")
        if authorization is not None:
            return self._farm.admit_authorized(host.slug, authorization)
        return self._farm.admit(host.slug, environ.get("HTTP_COOKIE"), environ)

    def _enter(
        self, host: WikiHost, admission: Admission, readmit: Callable[[], Admission]
    ) -> ActiveWiki | None:
        """The wiki as this request sees it, None if it must not be seen.

        Its database and repository are opened here, so that a broken one is refused as a whole.
        """
        if admission.wiki is None or admission.actor is None:
            return None
        if not admission.actor.may(Permission.READ):
            return None
        entered = ActiveWiki(
            self._farm,
            admission.wiki,
            admission.actor,
            host.port,
            doubt=admission.visit.doubt,
            credential=admission.credential,
            readmit=readmit,
        )
        _ = entered.settings
        _ = entered.wiki
        return entered

    def _refuse(
        self, host: WikiHost, admission: Admission, environ: WSGIEnvironment
    ) -> WSGIApplication:
        """For somebody who may not see the wiki, if there is one."""
        farm, as_json = self._farm, wants_json(environ)
        home = host_url(farm.scheme, farm.domain, host.port) + "/"
        is_suspended = admission.wiki is not None and admission.wiki.suspended_at is not None
        if is_suspended and admission.role is not None:
            return refusals.suspended(
                home=home, domain=farm.domain, contact=farm.abuse_contact, as_json=as_json
            )
        if admission.user is None and admission.credential is not Credential.WIKI_TOKEN:
            address = self._sign_in_address(host, admission, environ)
            return refusals.sign_in(address, as_json=as_json)
        return refusals.not_found(home=home, domain=farm.domain, as_json=as_json)

    def _bounce(
        self, host: WikiHost, admission: Admission, environ: WSGIEnvironment
    ) -> WSGIApplication | None:
        """By way of the root host, where a browser signed in there opens its first page here.

        Once only: who comes back without a voucher reads as anybody does.
        """
        doubt = admission.visit.doubt
        if doubt is None or not doubt.is_new or doubt.wanted is not visits.Wanted.VOUCHER:
            return None
        if not origins.is_safe(environ["REQUEST_METHOD"]) or wants_json(environ):
            return None
        return refusals.sign_in(self._sign_in_address(host, admission, environ), as_json=False)

    def _sign_in_address(
        self, host: WikiHost, admission: Admission, environ: WSGIEnvironment
    ) -> str:
        farm, doubt = self._farm, admission.visit.doubt
        return sign_in_url(
            farm.scheme,
            farm.domain,
            host.port,
            address_of(environ),
            doubt.query if doubt else {},
        )

    def _confirm(
        self, host: WikiHost, environ: WSGIEnvironment, cookies: list[str]
    ) -> WSGIApplication:
        """Take the root host's word for who this browser's person is, and go on to the page.

        The one request that changes something by GET: what it changes is this browser's own cookie,
        and only with the nonce that cookie holds.
        """
        farm, as_json = self._farm, wants_json(environ)
        asked = parse_qs(environ.get("QUERY_STRING", ""), max_num_fields=10)
        origin = host_url(farm.scheme, farm.domain, host.port, host.slug)
        path = asked.get("next", ["/"])[0]
        wanted = origin + path if path.startswith("/") else ""
        next_url = check_next(wanted, scheme=farm.scheme, domain=farm.domain) or origin + "/"
        bound = None
        if environ["REQUEST_METHOD"] == "GET":
            statement = asked.get("statement", [""])[0]
            bound = farm.confirm(host.slug, environ.get("HTTP_COOKIE"), statement)
        if bound is None:
            return refusals.not_confirmed(
                home=origin + "/", domain=f"{host.slug}.{farm.domain}", as_json=as_json
            )
        cookies.append(bound)
        return refusals.see_other(next_url)

    def _cookies_for_otterwiki(self, admission: Admission, environ: WSGIEnvironment) -> str:
        if admission.credential is Credential.WIKI_TOKEN:
            return ""
        return request_cookies.for_otterwiki(self._farm, environ.get("HTTP_COOKIE"))

    def _touch(self, entered: ActiveWiki, visit: visits.Visit) -> None:
        """Bookkeeping after the answer; it never spoils one."""
        now = clock.now()
        try:
            self._farm.touch(entered.record, now)
            self._farm.see(visit, now)
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


def note_address(environ: WSGIEnvironment, trusted: Sequence[Network]) -> None:
    """Find out the client's address and make it the only one that is to be found."""
    address = client_address(
        environ.get("REMOTE_ADDR"), environ.get("HTTP_X_FORWARDED_FOR"), trusted
    )
    environ[ADDRESS_KEY] = address
    environ["REMOTE_ADDR"] = address or ""


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
    if not origins.is_safe(environ["REQUEST_METHOD"]):
        return origin + "/"
    path = quote(environ.get("PATH_INFO", "/").encode("latin-1"), safe="/:@!$&'()*+,;=~-._")
    query = environ.get("QUERY_STRING", "")
    address = origin + (path or "/") + (f"?{quote(query, safe=_IN_QUERY)}" if query else "")
    return address if len(address) <= MAX_NEXT_CHARACTERS else origin + "/"


_IN_QUERY = "/?:@!$&'()*+,;=~-._%"
