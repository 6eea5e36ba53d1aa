"""The page that says one thing, with a way on, and what it is for programs: JSON."""

from __future__ import annotations

from flask import Response, jsonify, make_response, render_template, request

from otterwiki_engine.problems import MEDIA_TYPE, problem
from otterwiki_tenant.wsgi import wants_json


def message_page(title: str, message: str, status: int) -> tuple[str, int]:
    """A page with a title and a sentence, and its HTTP status."""
    return render_template("robot/message.html", title=title, message=message), status


def refusal(title: str, message: str, status: int, code: str) -> Response:
    """What a refused request gets: the page, or for a program JSON with the same sentence.

    The JSON is the one shape that everything has for refusals (RFC 9457).
    """
    if wants_json(request.environ):
        document, status = problem(status, message, code=code)
        response = jsonify(document)
        response.status_code = status
        response.mimetype = MEDIA_TYPE
        return response
    return make_response(message_page(title, message, status))
