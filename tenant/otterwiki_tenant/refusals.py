"""The farm's answers to requests that reach no wiki. Nothing in them depends on whether a wiki
exists (checklist H5)."""

from __future__ import annotations

import json
from html import escape

from werkzeug.wrappers import Response

from otterwiki_engine.problems import MEDIA_TYPE, problem

from . import origins
from .rate_limits import TooMany

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem;
  color: #222; background: #fff }}
@media (prefers-color-scheme: dark) {{ body {{ color: #ddd; background: #191c20 }}
  a {{ color: #8ab4f8 }} }}
</style>
<h1>{title}</h1>
<p>{text}</p>
<p><a href="{home}">{domain}</a></p>
</html>
"""
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_NO_WIKI = "There is no wiki at this address, or it is not open to you."
_NOT_CONFIRMED = (
    "This confirmation is too old, or it was made for another browser. Nothing was changed. "
    "Open the wiki and choose Sign in to try again."
)
_SUSPENDED = (
    "The operator of this server has suspended this wiki. Nothing in it was deleted, but nobody "
    "can read or change it now."
)
_ASK = "To ask why, or to object, write to"
_FORBIDDEN = "Your role in this wiki does not allow that; its owner can change it."
_UNAVAILABLE = "This can't be answered right now. Please try again in a minute."


def bad_host(reason: str) -> Response:
    """400: the request's host is none of this farm's."""
    return _guarded(Response(reason + "\n", 400, mimetype="text/plain"))


def sign_in(location: str, *, as_json: bool) -> Response:
    """For somebody unknown: 401 for programs, to the sign-in page at `location` for people."""
    if as_json:
        answer = _json("unauthorized", "Sign in first, or use a token.", 401)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return _guarded(answer)
    response = Response("Please sign in first.\n", 302, mimetype="text/plain")
    response.headers["Location"] = location
    return _guarded(response)


def see_other(location: str) -> Response:
    """303: what was asked is done; the page is at `location`."""
    response = Response("", 303, mimetype="text/plain")
    response.headers["Location"] = location
    return _guarded(response)


def bad_credential(message: str, *, as_json: bool) -> Response:
    """401: an Authorization header that is good for nothing here (RFC 6750, 3)."""
    if as_json:
        response = _json("invalid_token", message, 401)
    else:
        response = Response(message + "\n", 401, mimetype="text/plain")
    response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return _guarded(response)


def other_origin(*, as_json: bool) -> Response:
    """403: sent by a page of another host, or by something that does not say where it is from."""
    if as_json:
        return _guarded(_json("other_origin", origins.REFUSED, 403))
    return _guarded(Response(origins.REFUSED + "\n", 403, mimetype="text/plain"))


def not_confirmed(*, home: str, domain: str, as_json: bool) -> Response:
    """400: a confirmation that is not this browser's, or too old."""
    if as_json:
        return _guarded(_json("not_confirmed", _NOT_CONFIRMED, 400))
    page = _PAGE.format(
        title="Not confirmed", text=_NOT_CONFIRMED, home=escape(home), domain=escape(domain)
    )
    return _guarded(Response(page, 400, mimetype="text/html"))


def suspended(*, home: str, domain: str, contact: str, as_json: bool) -> Response:
    """403 for the wiki's own people: the operator has taken it off the air."""
    message = _SUSPENDED + (f" {_ASK} {contact}." if contact else "")
    if as_json:
        return _guarded(_json("suspended", message, 403))
    page = _PAGE.format(
        title="This wiki is suspended",
        text=escape(message),
        home=escape(home),
        domain=escape(domain),
    )
    return _guarded(Response(page, 403, mimetype="text/html"))


def not_found(*, home: str, domain: str, as_json: bool) -> Response:
    """404 for somebody known: no such wiki, or one that is not theirs to see."""
    if as_json:
        return _guarded(_json("not_found", _NO_WIKI, 404))
    page = _PAGE.format(
        title="No such wiki", text=_NO_WIKI, home=escape(home), domain=escape(domain)
    )
    return _guarded(Response(page, 404, mimetype="text/html"))


def forbidden(*, as_json: bool) -> Response:
    """403: this wiki may be read, but not this be done."""
    if as_json:
        return _guarded(_json("forbidden", _FORBIDDEN, 403))
    return _guarded(Response(_FORBIDDEN + "\n", 403, mimetype="text/plain"))


def too_many(found: TooMany, *, home: str, domain: str, as_json: bool) -> Response:
    """429: over a rate limit, and when to come back (RFC 6585, 4)."""
    if as_json:
        response = _json("too_many_requests", found.sentence, 429)
    else:
        page = _PAGE.format(
            title="Too many requests",
            text=escape(found.sentence),
            home=escape(home),
            domain=escape(domain),
        )
        response = Response(page, 429, mimetype="text/html")
    response.headers["Retry-After"] = str(found.retry_after_seconds)
    return _guarded(response)


def unavailable(*, as_json: bool) -> Response:
    """503: a check could not be made, so the answer is no (checklist I8)."""
    if as_json:
        response = _json("unavailable", _UNAVAILABLE, 503)
    else:
        response = Response(_UNAVAILABLE + "\n", 503, mimetype="text/plain")
    response.headers["Retry-After"] = "10"
    return _guarded(response)


def _json(code: str, message: str, status: int) -> Response:
    document, _ = problem(status, message, code=code)
    return Response(json.dumps(document) + "\n", status, mimetype=MEDIA_TYPE)


def _guarded(response: Response) -> Response:
    """No shared cache may keep the answer, and no browser may guess its type."""
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Vary"] = "Cookie, Accept"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Content-Security-Policy"] = _POLICY
    return response
