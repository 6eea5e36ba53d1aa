"""Where somebody is sent who must sign in first."""

from __future__ import annotations

from flask import Response, redirect, request, url_for

from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.wsgi import wants_json

from .messages import refusal

#: RFC 9110 wants a challenge with a 401; browsers pass over a scheme they don't know.
_CHALLENGE = f'Cookie cookie-name="{COOKIE_NAME}"'
_NO_HEADER = (
    "A wiki's token opens that wiki, and nothing here. Send the cookie of somebody who is signed "
    "in, and no Authorization header."
)


def ask_to_sign_in() -> Response:
    """To the sign-in page, and back to the page that was asked for; 401 for a program."""
    if wants_json(request.environ):
        text = _NO_HEADER if "Authorization" in request.headers else "Sign in first."
        response = refusal("Sign in", text, 401, "unauthorized")
        response.headers["WWW-Authenticate"] = _CHALLENGE
        return response
    wanted = request.path
    if request.method == "GET" and request.query_string:
        wanted = request.full_path
    return redirect(url_for("signing.sign_in", next=wanted), 303)  # type: ignore[return-value]
