"""Refusals below /api/v1 that others made: Flask, Otterwiki, a farm's access control.

They become problem documents like all others; one that is a problem document already stays.
"""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import NoReturn

from flask import Response, abort, request
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException

from otterwiki_engine.problems import MEDIA_TYPE

from . import problems, sending
from .addresses import BLUEPRINT, NOWHERE, rule_of
from .refusals import Refused
from .routes import ACTIONS, PREFIX, ROUTES

_NOWHERE = f"There is nothing at this address. {PREFIX}/ shows what there is."
_SENTENCES = {
    400: "The request is not one that can be understood.",
    404: _NOWHERE,
    413: "The request is larger than this server reads.",
    416: "The file does not have that range of bytes.",
    500: "Something went wrong here, and it was noted. Nothing is known to have been changed.",
}
_CODES = {404: "no_such_address", 405: "method_not_allowed", 416: "bad_range", 500: "fault"}


def nowhere(**_values: str) -> NoReturn:
    """Addresses below the API's that are none, or methods that they don't have."""
    abort(404)


def as_problem(response: Response) -> Response:
    """For ``after_request``: a refusal of a request to the API as a problem document."""
    if not request.path.startswith(f"{PREFIX}/") or response.status_code < 400:
        return response
    if response.mimetype == MEDIA_TYPE:
        return response
    made = sending.refusal(problems.of_refused(_refused(response)))
    response.set_data(made.get_data())
    for name, value in made.headers.items():
        if name != "Content-Length":
            response.headers[name] = value
    response.status_code = made.status_code
    return response


def _refused(response: Response) -> Refused:
    status = response.status_code
    is_unrouted = request.url_rule is None or request.endpoint == f"{BLUEPRINT}.{NOWHERE}"
    if is_unrouted and status in (404, 405):
        allowed = ", ".join(methods_here())
        if allowed:
            last = request.path.rpartition("/")[2]
            reserved = f" This is about the page before it: no page can be called {last!r}."
            return Refused(
                405,
                "method_not_allowed",
                f"{request.method[:20]} means nothing here; there are: {allowed}."
                + (reserved if last in ACTIONS else ""),
                headers={"Allow": allowed},
            )
        return Refused(404, "no_such_address", _NOWHERE)
    sentence = _SENTENCES.get(status) or HTTPStatus(status).phrase
    return Refused(status, _CODES.get(status, "refused"), sentence)


def methods_here() -> list[str]:
    """The methods that the request's address has, whichever was sent; none where it is none."""
    rule = request.url_rule
    if rule is None and request_ctx.url_adapter is not None:
        with suppress(HTTPException):
            rule, _ = request_ctx.url_adapter.match(method="GET", return_rule=True)
    found = {
        route.method for route in ROUTES if rule is not None and rule_of(route.path) == rule.rule
    }
    if "GET" in found:
        found.add("HEAD")
    return sorted(found | {"OPTIONS"}) if found else []
