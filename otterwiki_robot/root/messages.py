"""The page that says one thing, with a way on, and what it is for programs: JSON."""

from __future__ import annotations

from flask import Response, jsonify, make_response, render_template, request

from otterwiki_tenant.wsgi import wants_json


def message_page(title: str, message: str, status: int) -> tuple[str, int]:
    """A page with a title and a sentence, and its HTTP status."""
    return render_template("robot/message.html", title=title, message=message), status


def refusal(title: str, message: str, status: int, code: str) -> Response:
    """What a refused request gets: the page, or for a program JSON with the same sentence.

    The JSON is the farm's one shape, ``{"error": {"code": ..., "message": ...}}``.
    """
    if wants_json(request.environ):
        response = jsonify({"error": {"code": code, "message": message}})
        response.status_code = status
        return response
    return make_response(message_page(title, message, status))
