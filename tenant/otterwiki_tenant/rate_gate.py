"""The front door's questions to the rate limits: before a token is checked, and when it is known
who asks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import origins, rate_limits
from .bindings import ROOT
from .credentials import CredentialRefused, Guard, NoGuard
from .errors import Unavailable
from .rate_limits import Asker, Kind, RateLimits, TooMany
from .request_facts import ADDRESS_KEY
from .request_kinds import kind_at_root, kind_at_wiki

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from .admission import Admission
    from .identity import Identity

_log = logging.getLogger(__name__)


class GuessRefused(CredentialRefused):
    """A token that is not looked at any more, right or wrong."""

    def __init__(self, found: TooMany) -> None:
        super().__init__(found.sentence)
        self.found = found


class _GuessGuard:
    """The guard (:class:`credentials.Guard`) of one request to a wiki."""

    def __init__(self, limits: RateLimits, address: str | None, slug: str) -> None:
        self._limits, self._address, self._slug = limits, address, slug

    def before_check(self, token_id: str) -> None:
        found = self._limits.refuse_guess(self._address, self._slug)
        if found is None:
            asker = rate_limits.of_token_at(token_id, self._slug)
            found = self._limits.take(Kind.BAD_CREDENTIAL, asker)
        if found is not None:
            raise GuessRefused(found)

    def give_back(self, token_id: str) -> None:
        asker = rate_limits.of_token_at(token_id, self._slug)
        self._limits.give_back(Kind.BAD_CREDENTIAL, asker)


class RateGate:
    """What a request is refused with for being one too many; None lets it through.

    Without `limits` everything is let through: a farm in a test. `identity_of` reads a Cookie
    header without asking the registry. Raises Unavailable where requests can't be counted.
    """

    def __init__(
        self, limits: RateLimits | None, identity_of: Callable[[str | None], Identity | None]
    ) -> None:
        self._limits = limits
        self._identity_of = identity_of

    def guard(self, slug: str, environ: WSGIEnvironment) -> Guard:
        """What is asked before a token sent to a wiki is checked; it raises GuessRefused."""
        if self._limits is None:
            return NoGuard()
        return _GuessGuard(self._limits, environ[ADDRESS_KEY], slug)

    def bad_credential(self, slug: str, environ: WSGIEnvironment) -> TooMany | None:
        """To be told of each Authorization header that was good for nothing. It is counted, unless
        this address is over the limit already."""
        if self._limits is None:
            return None
        found = self._limits.refuse_guess(environ[ADDRESS_KEY], slug)
        if found is None:
            self._limits.note_bad_credential(environ[ADDRESS_KEY], slug)
        return found

    def at_wiki(self, admission: Admission, environ: WSGIEnvironment) -> TooMany | None:
        """Counts a request to a wiki, whether there is one and may be seen or not."""
        kind = kind_at_wiki(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        if self._limits is None or kind is None:
            return None
        return self._limits.take(kind, _asker(admission, environ))

    def at_confirmation(self, environ: WSGIEnvironment) -> TooMany | None:
        """Counts a browser that brings the root host's word for who its person is."""
        return self._take(Kind.SIGN_IN, environ)

    def at_root(self, environ: WSGIEnvironment) -> TooMany | None:
        """Counts a request to the root host, which takes no wiki's token."""
        if self._limits is not None and "HTTP_AUTHORIZATION" in environ:
            found = self._limits.refuse_guess(environ[ADDRESS_KEY], ROOT)
            if found is not None:
                return found
        kind = kind_at_root(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        return None if kind is None else self._take(kind, environ)

    def watched(self, start_response: StartResponse, environ: WSGIEnvironment) -> StartResponse:
        """`start_response` of the root host, which hears of credentials that were bad."""
        if self._limits is None or "HTTP_AUTHORIZATION" not in environ:
            return start_response

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if status.startswith("401"):
                try:
                    self.bad_credential(ROOT, environ)
                except Unavailable as error:  # the answer is a no already
                    _log.warning("bad credential not counted: %s", error)
            return start_response(status, headers, exc_info)

        return start

    def _take(self, kind: Kind, environ: WSGIEnvironment) -> TooMany | None:
        """By the session of a cookie that is rightly signed: who asks is found out behind this, and
        a query here would be one for each request. Otherwise by address, and so is a form sent to
        sign in, for a cookie outlives its session and anybody may collect them."""
        if self._limits is None:
            return None
        identity = None
        is_form = kind is Kind.SIGN_IN and not origins.is_safe(environ["REQUEST_METHOD"])
        if "HTTP_AUTHORIZATION" not in environ and not is_form:
            identity = self._identity_of(environ.get("HTTP_COOKIE"))
        if identity is not None:
            return self._limits.take(kind, rate_limits.of_session(identity.session_id))
        return self._limits.take(kind, rate_limits.at_address(environ[ADDRESS_KEY]))


def _asker(admission: Admission, environ: WSGIEnvironment) -> Asker:
    if admission.token_id is not None:
        return rate_limits.of_token(admission.token_id)
    if admission.user is not None:
        return rate_limits.of_person(admission.user.did)
    return rate_limits.at_address(environ[ADDRESS_KEY])
