"""What somebody is told whose change is refused, or whose request is too large to be read.

A page in Otterwiki's own look, or JSON where a program asks. A size is answered with 413 and a
number of things with 429, without ``Retry-After``: waiting does not help (checklist I1).

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify, make_response, render_template, request
from otterwiki.auth import has_permission
from otterwiki.server import app
from otterwiki.sidebar import SidebarMenu, SidebarPageIndex
from werkzeug.exceptions import RequestEntityTooLarge

from .errors import Forbidden, QuotaExceeded
from .problems import MEDIA_TYPE, problem

TEMPLATE = "otterwiki_engine/limit.html"
_JSON_ENDPOINTS = frozenset({"inline_attachment", "draft"})  # what the editor's scripts call
_MOST_DISCARDED_BYTES = 64_000_000
_CHUNK_BYTES = 1 << 16
_TOO_LARGE = "Nothing was saved: what was sent is larger than this wiki takes at once"
_TOO_LARGE_ADVICE = (
    "Go back: your browser still has what you typed. Upload several files one after the other, and"
    " divide a long page into several."
)


def status_of(error: QuotaExceeded) -> int:
    """The HTTP status of the answer: 413 for a size, 429 for a number of things."""
    return 413 if error.is_size else 429


def wants_json() -> bool:
    """Whether a program asks: the path of an API, the editor's scripts, or by its Accept header."""
    if request.path.startswith(("/api/", "/-/api/")) or request.endpoint in _JSON_ENDPOINTS:
        return True
    accept = request.headers.get("Accept", "").lower()
    return "application/json" in accept and "text/html" not in accept


def json_answer(error: QuotaExceeded) -> Response:
    """The refusal as a problem document, with the members what, limit, found and advice."""
    members = {"what": error.what, "limit": error.limit, "found": error.found}
    return problem_answer(
        status_of(error), str(error), code="quota_exceeded", advice=error.advice, **members
    )


def limit_answer(error: QuotaExceeded) -> Response:
    """The answer to a request whose change a limit refused."""
    if wants_json():
        return json_answer(error)
    return _page(error.message, error.advice, status_of(error))


def forbidden_answer(error: Forbidden) -> Response:
    """The answer to somebody who may not change the wiki any more. It shows nothing of it."""
    if wants_json():
        return problem_answer(403, str(error), code="forbidden")
    response = Response(f"{error}\n", 403, mimetype="text/plain")
    response.cache_control.no_store = True
    return response


def too_large_answer(_error: RequestEntityTooLarge) -> Response:
    """The answer to a request that is larger than this server reads, which was not read."""
    _discard_body()
    most = app.config["MAX_CONTENT_LENGTH"]
    message = f"{_TOO_LARGE} ({most / 1_000_000:.1f} MB)." if most else f"{_TOO_LARGE}."
    if wants_json():
        response = problem_answer(413, f"{message} {_TOO_LARGE_ADVICE}", code="too_large")
    else:
        response = _page(message, _TOO_LARGE_ADVICE, 413)
    response.headers["Connection"] = "close"  # what is left of the body is no next request
    return response


def problem_answer(status: int, detail: str, **members: Any) -> Response:
    """A refusal for a program; see :func:`.problems.problem`."""
    document, status = problem(status, detail, **members)
    response = jsonify(document)
    response.status_code, response.mimetype = status, MEDIA_TYPE
    response.cache_control.no_store = True
    return response


def _discard_body() -> None:
    """Read the body, within reason: a browser that is still sending takes no answer."""
    left = min(request.content_length or 0, _MOST_DISCARDED_BYTES)
    stream = request.environ["wsgi.input"]
    while left > 0 and (chunk := stream.read(min(left, _CHUNK_BYTES))):
        left -= len(chunk)


def _page(message: str, advice: str, status: int) -> Response:
    may_read = has_permission("READ")
    html = render_template(
        TEMPLATE,
        title="Not saved",
        message=message,
        advice=advice,
        menutree=SidebarPageIndex("/").query() if may_read else [],
        custom_menu=SidebarMenu().query() if may_read else [],
    )
    response = make_response(html, status)
    response.cache_control.no_store = True
    return response


def install(flask_app: Flask) -> None:
    """Answer these errors so, wherever in a request they are raised."""
    flask_app.register_error_handler(QuotaExceeded, limit_answer)
    flask_app.register_error_handler(Forbidden, forbidden_answer)
    flask_app.register_error_handler(RequestEntityTooLarge, too_large_answer)
