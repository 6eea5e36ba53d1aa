"""Account pages are for signed-in people; everybody else is sent to sign in, and back."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, request, url_for

from otterwiki_tenant.wsgi import wants_json

from .messages import refusal


def account_blueprint(name: str) -> Blueprint:
    """A blueprint whose every route asks for a signed-in person first (``g.person``)."""
    blueprint = Blueprint(name, __name__)
    blueprint.before_request(_require_person)
    return blueprint


def _require_person() -> Response | None:
    return ask_to_sign_in() if g.person is None else None


def ask_to_sign_in() -> Response:
    """To the sign-in page, and back to the page that was asked for; 401 for a program."""
    if wants_json(request.environ):
        return refusal("Sign in", "Sign in first.", 401, "unauthorized")
    wanted = request.path
    if request.method == "GET" and request.query_string:
        wanted = request.full_path
    return redirect(url_for("signing.sign_in", next=wanted), 303)  # type: ignore[return-value]
