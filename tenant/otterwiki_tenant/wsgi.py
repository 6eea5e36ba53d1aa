"""The farm's front door: which wiki a request is for, who asks, and whether they are let in.

Everything behind it runs in a copy of the context in which that wiki is active. The server's own
context is never touched, so nothing can be left active when a request ends, however it ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from otterwiki_engine.actor import Permission
from otterwiki_engine.errors import EngineError

from . import answers, clock, confirmations, current, origins, refusals, request_cookies, visits
from .access import Credential
from .admission import Admission
from .client_address import LOOPBACK, Network
from .context_body import ContextIterable
from .credentials import CredentialRefused
from .current import ActiveWiki
from .errors import TenantError
from .farm import Farm
from .front_answers import FrontAnswers
from .hosts import BadHost, RootHost, WikiHost, check_next, classify, host_url
from .rate_gate import GuessRefused, RateGate
from .rate_limits import Kind, RateLimits
from .request_facts import (
    ADDRESS_KEY,
    address_of,
    is_embedded,
    is_git_request,
    is_write_into_repository,
    note_address,
    remove_untrusted_headers,
    wants_json,
)
from .request_kinds import kind_at_root

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["ADDRESS_KEY", "HEALTH_PATH", "FarmMiddleware", "address_of", "wants_json"]
HEALTH_PATH = "/health"
_log = logging.getLogger(__name__)


class FarmMiddleware:
    """WSGI application of a whole farm.

    `wiki_app` is Otterwiki's, called with a wiki active; `root_app` answers the root host;
    `health_app` answers ``/health`` on any host whatsoever, before all checks. `trusted_proxies`
    are the networks whose X-Forwarded-For is believed. Without `rate_limits` there are none.
    """

    def __init__(
        self,
        farm: Farm,
        *,
        wiki_app: WSGIApplication,
        root_app: WSGIApplication,
        health_app: WSGIApplication,
        trusted_proxies: Sequence[Network] = LOOPBACK,
        rate_limits: RateLimits | None = None,
    ) -> None:
        self._farm = farm
        self._wiki_app = wiki_app
        self._root_app = root_app
        self._health_app = health_app
        self._trusted_proxies = tuple(trusted_proxies)
        self._gate = RateGate(rate_limits, lambda header: farm.identity.read(header))
        if rate_limits is not None:
            farm.rate_limits = rate_limits
        self._answers = FrontAnswers(farm)

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
            return self._root(host, environ, start_response)
        return self._wiki(host, environ, start_response)

    def _root(
        self, host: RootHost, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer for the root host, which finds out by itself who asks."""
        path = environ.get("PATH_INFO", "")
        if kind_at_root(environ["REQUEST_METHOD"], path) is Kind.SIGN_IN and is_embedded(environ):
            return self._answers.other_origin(environ)(environ, start_response)
        try:
            found = self._gate.at_root(environ)
        except TenantError:
            _log.exception("request to the root host refused, it can't be counted")
            return self._answers.unavailable(environ)(environ, start_response)
        if found is not None:
            return self._answers.too_many(host, found, environ)(environ, start_response)
        return self._root_app(environ, self._gate.watched(start_response, environ))

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
            refusal = self._refuse_early(host, environ, cookies)
            if refusal is not None:
                return refusal(environ, guarded)
            admission = self._admit(host, environ)
            found = self._gate.at_wiki(admission, environ)
            if found is not None:
                return self._answers.too_many(host, found, environ)(environ, guarded)
            cookies += admission.visit.set_cookies
            entered = self._enter(host, admission, lambda: self._admit(host, sent))
            if entered is not None:
                if is_write_into_repository(environ):
                    return self._answers.no_pages_here()(environ, guarded)
                renewed = farm.renewed_cookie(admission.visit)
                cookies += [renewed] if renewed else []
                if entered.record.is_public:
                    more.remove(answers.NOT_EMBEDDED)
        except CredentialRefused as refused:
            return self._refuse_credential(host, refused, environ)(environ, guarded)
        except (TenantError, EngineError, OSError):
            _log.exception("wiki refused, it can't be checked or opened: wiki=%s", host.slug)
            return self._answers.unavailable(environ)(environ, guarded)
        if entered is None:
            return self._answers.not_admitted(host, admission, environ)(environ, guarded)
        bounce = self._answers.bounce(host, admission, environ)
        if bounce is not None:
            return bounce(environ, guarded)
        environ["HTTP_COOKIE"] = self._cookies_for_otterwiki(admission, environ)
        context = copy_context()
        context.run(current.enter, entered)
        body = context.run(self._wiki_app, environ, guarded)
        return ContextIterable(context, body, lambda: self._touch(entered, admission.visit))

    def _refuse_early(
        self, host: WikiHost, environ: WSGIEnvironment, cookies: list[str]
    ) -> WSGIApplication | None:
        """What is answered before anything is known of the wiki."""
        refusal = self._refuse_unasked(environ)
        if refusal is not None:
            return refusal
        if environ.get("PATH_INFO") != confirmations.PATH:
            return None
        if is_embedded(environ):  # or any site could use up what its visitors' address may ask
            return self._answers.other_origin(environ)
        found = self._gate.at_confirmation(environ)
        if found is not None:
            return self._answers.too_many(host, found, environ)
        return self._confirm(host, environ, cookies)

    def _refuse_unasked(self, environ: WSGIEnvironment) -> WSGIApplication | None:
        """403 for what changes something and was not sent by a page of this host (checklist D6).

        Asked before anything is known of the wiki, so it tells nothing about it. These guards are
        for cookies: a request with an Authorization header is not judged by them, and neither is
        a program's without a cookie (git's, one that forgot its token), which has no Origin to
        send and may do no more than any reader.
        """
        if origins.is_safe(environ["REQUEST_METHOD"]) or "HTTP_AUTHORIZATION" in environ:
            return None
        if "HTTP_COOKIE" not in environ and (is_git_request(environ) or wants_json(environ)):
            return None
        own = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"
        is_ours = origins.is_same_origin(
            own=own,
            origin=environ.get("HTTP_ORIGIN"),
            fetch_site=environ.get("HTTP_SEC_FETCH_SITE"),
        )
        return None if is_ours else self._answers.other_origin(environ)

    def _admit(self, host: WikiHost, environ: WSGIEnvironment) -> Admission:
        authorization = environ.get("HTTP_AUTHORIZATION")
        if authorization is not None:
            return self._farm.admit_authorized(
                host.slug,
                authorization,
                allow_basic=is_git_request(environ),
                guard=self._gate.guard(host.slug, environ),
            )
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

    def _refuse_credential(
        self, host: WikiHost, refused: CredentialRefused, environ: WSGIEnvironment
    ) -> WSGIApplication:
        """401, and counted: who guesses tokens is soon told 429 whatever they send, but for a token
        that is known to be right."""
        if isinstance(refused, GuessRefused):
            return self._answers.too_many(host, refused.found, environ)
        try:
            found = self._gate.bad_credential(host.slug, environ)
        except TenantError:
            _log.exception("bad credential not counted: wiki=%s", host.slug)
            return self._answers.unavailable(environ)
        if found is not None:
            return self._answers.too_many(host, found, environ)
        return self._answers.bad_credential(str(refused), environ)

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
