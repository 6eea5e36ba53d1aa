"""The front door's questions to the rate limits: once before a credential is looked at, once when
it is known who asks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from . import rate_limits
from .bindings import ROOT
from .errors import Unavailable
from .rate_limits import Asker, Kind, RateLimits, TooMany
from .request_facts import ADDRESS_KEY

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from .admission import Admission

_log = logging.getLogger(__name__)


class RateGate:
    """What a request is refused with for being one too many; None lets it through.

    Without `limits` everything is let through: a farm in a test. Raises Unavailable where requests
    can't be counted.
    """

    def __init__(self, limits: RateLimits | None) -> None:
        self._limits = limits

    def before_credentials(self, slug: str, environ: WSGIEnvironment) -> TooMany | None:
        """Asked before an Authorization header is looked at."""
        if self._limits is None or "HTTP_AUTHORIZATION" not in environ:
            return None
        return self._limits.refuse_guess(environ[ADDRESS_KEY], slug)

    def bad_credential(self, slug: str, environ: WSGIEnvironment) -> None:
        """To be told of each Authorization header that was good for nothing."""
        if self._limits is not None:
            self._limits.note_bad_credential(environ[ADDRESS_KEY], slug)

    def at_wiki(self, admission: Admission, environ: WSGIEnvironment) -> TooMany | None:
        """Counts a request to a wiki, whether there is one and may be seen or not."""
        kind = rate_limits.kind_at_wiki(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        if self._limits is None or kind is None:
            return None
        return self._limits.take(kind, _asker(admission, environ))

    def at_confirmation(self, environ: WSGIEnvironment) -> TooMany | None:
        """Counts a browser that brings the root host's word for who its person is."""
        return self._take_at_address(Kind.SIGN_IN, environ)

    def at_root(self, environ: WSGIEnvironment) -> TooMany | None:
        """Counts a request to the root host. By address: who asks is found out behind this."""
        found = self.before_credentials(ROOT, environ)
        if found is not None:
            return found
        kind = rate_limits.kind_at_root(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        return None if kind is None else self._take_at_address(kind, environ)

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

    def _take_at_address(self, kind: Kind, environ: WSGIEnvironment) -> TooMany | None:
        if self._limits is None:
            return None
        return self._limits.take(kind, rate_limits.at_address(environ[ADDRESS_KEY]))


def _asker(admission: Admission, environ: WSGIEnvironment) -> Asker:
    if admission.token_id is not None:
        return rate_limits.of_token(admission.token_id)
    if admission.user is not None:
        return rate_limits.of_person(admission.user.did)
    return rate_limits.at_address(environ[ADDRESS_KEY])
