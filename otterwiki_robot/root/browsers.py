"""Who a request to the root host is from, found before it is handled: ``g.person``, ``g.by``."""

from __future__ import annotations

import logging
from functools import partial

from flask import Flask, Response, g, request

from otterwiki_robot.settings import Settings
from otterwiki_tenant import bindings, request_cookies
from otterwiki_tenant.audit import By
from otterwiki_tenant.errors import TenantError
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.visits import NOBODY, Visit
from otterwiki_tenant.wsgi import ADDRESS_KEY

from .guards import check_form

ACTOR_KEY = "robot.actor"  # where the access log finds who asked
_log = logging.getLogger(__name__)


def install(app: Flask, settings: Settings, farm: Farm, *, without_person: frozenset[str]) -> None:
    """Find the person before each request, and send them their cookies with its answer.

    Sets `g.person` (User or None), `g.session_id`, `g.by` (the DID and address), `g.visit`. The
    endpoints `without_person` are the same for everybody and ask nothing.
    """

    @app.before_request
    def find_person() -> None:
        g.person, g.session_id, g.visit, g.new_binding = None, None, NOBODY, None
        g.by = By(None, request.environ.get(ADDRESS_KEY))
        if request.endpoint in without_person:
            return
        g.visit = farm.visit(cookie_header(), request.environ)
        if g.visit.signed_in is not None:
            g.person = g.visit.signed_in.user
            g.session_id = g.visit.signed_in.session_id
            g.by = By(g.person.did, g.by.address)
            request.environ[ACTOR_KEY] = g.person.did
        if request.endpoint is not None:
            check_form(farm, settings)

    @app.after_request
    def send_cookies(response: Response) -> Response:
        if request.endpoint in without_person or "visit" not in g:
            return response
        own = response.headers.getlist("Set-Cookie")
        if request_cookies.wipes(farm, request.environ) and not own:
            response.headers.add(*request_cookies.WIPE)  # beside a sign-in it would undo that
        ours = [*request_cookies.clearing_of_doubles(farm, request.environ), *g.visit.set_cookies]
        if g.new_binding is not None:
            ours.append(farm.bindings.set_cookie(bindings.ROOT, g.new_binding))
        renewed = None if own else farm.renewed_cookie(g.visit)
        if renewed is not None:
            ours.append(renewed)
        response.headers.setlist("Set-Cookie", [*ours, *own])  # of one name the last one counts
        response.call_on_close(partial(_see, farm, g.visit))
        return response


def cookie_header() -> str | None:
    """The request's cookies; none beside an Authorization header, which decides alone."""
    return None if "Authorization" in request.headers else request.headers.get("Cookie")


def _see(farm: Farm, visit: Visit) -> None:
    """Bookkeeping after the answer; it never spoils one."""
    try:
        farm.see(visit)
    except TenantError as error:
        _log.warning("last_seen not kept", extra={"fields": {"error": str(error)}})
