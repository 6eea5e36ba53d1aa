"""Where somebody is sent who must sign in first."""

from __future__ import annotations

from flask import Response, redirect, request, url_for

from otterwiki_tenant.wsgi import wants_json

from .messages import refusal


def ask_to_sign_in() -> Response:
    """To the sign-in page, and back to the page that was asked for; 401 for a program."""
    if wants_json(request.environ):
        return refusal("Sign in", "Sign in first.", 401, "unauthorized")
    wanted = request.path
    if request.method == "GET" and request.query_string:
        wanted = request.full_path
    return redirect(url_for("signing.sign_in", next=wanted), 303)  # type: ignore[return-value]
