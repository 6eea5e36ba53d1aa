"""What somebody is told whom the front door does not let in: in a page, in JSON, or in text for
git to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import git_refusals, origins, refusals, visits
from .access import Credential
from .admission import Admission
from .farm import Farm
from .hosts import RootHost, WikiHost, host_url, sign_in_url
from .rate_limits import TooMany
from .request_facts import address_of, is_git, wants_json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


class FrontAnswers:
    """The refusals of one farm, for whoever asks."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm

    def unavailable(self, environ: WSGIEnvironment) -> WSGIApplication:
        """503: something could not be asked or counted."""
        return refusals.unavailable(as_json=wants_json(environ))

    def other_origin(self, environ: WSGIEnvironment) -> WSGIApplication:
        """403: sent by a page of another host."""
        return refusals.other_origin(as_json=wants_json(environ))

    def no_pages_here(self) -> WSGIApplication:
        """404: a change of a page below the repository's path."""
        return git_refusals.nothing_there()

    def bad_credential(self, reason: str, environ: WSGIEnvironment) -> WSGIApplication:
        """401: an Authorization header that is good for nothing here."""
        if is_git(environ):
            return git_refusals.ask_for_token(reason)
        return refusals.bad_credential(reason, as_json=wants_json(environ))

    def too_many(
        self, host: WikiHost | RootHost, found: TooMany, environ: WSGIEnvironment
    ) -> WSGIApplication:
        """429: over a rate limit."""
        if is_git(environ):
            return git_refusals.too_many(found)
        return refusals.too_many(
            found,
            home=self._home(host),
            domain=self._farm.domain,
            as_json=wants_json(environ),
        )

    def not_admitted(
        self, host: WikiHost, admission: Admission, environ: WSGIEnvironment
    ) -> WSGIApplication:
        """For somebody who may not see the wiki, if there is one."""
        farm, as_json = self._farm, wants_json(environ)
        is_suspended = admission.wiki is not None and admission.wiki.suspended_at is not None
        tells_suspension = is_suspended and admission.role is not None
        is_nobody = admission.user is None and admission.credential is not Credential.WIKI_TOKEN
        if is_git(environ):
            return git_refusals.not_admitted(is_known=not is_nobody, is_suspended=tells_suspension)
        if tells_suspension:
            return refusals.suspended(
                home=self._home(host),
                domain=farm.domain,
                contact=farm.abuse_contact,
                as_json=as_json,
            )
        if is_nobody:
            address = self._sign_in_address(host, admission, environ)
            return refusals.sign_in(address, as_json=as_json)
        return refusals.not_found(home=self._home(host), domain=farm.domain, as_json=as_json)

    def bounce(
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

    def _home(self, host: WikiHost | RootHost) -> str:
        return host_url(self._farm.scheme, self._farm.domain, host.port) + "/"

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
