"""What every page of the root host is guarded by: response headers, and where forms come from."""

from __future__ import annotations

import hashlib
import hmac

from flask import Flask, Response, g, request
from werkzeug.exceptions import Forbidden

from otterwiki_robot.settings import Settings
from otterwiki_tenant import bindings, origins
from otterwiki_tenant.farm import Farm

from . import own_files

FORM_FIELD = "form_token"
CSRF_HEADER = "X-CSRF-Token"  # what requests to the API repeat the form token in
API_PREFIX = "/api/"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "form-action 'self'{wikis}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_ELSEWHERE = (
    "This was not sent from a page of this site, so nothing was changed. "
    "Open the page here and send the form again."
)
_TOO_OLD = (
    "This form belongs to an earlier sign-in, so nothing was changed. "
    "Open the page again and send the form once more."
)
_NO_HEADER = (
    f"The header {CSRF_HEADER} is missing, or belongs to an earlier sign-in, so nothing was "
    "changed. GET /api/me says what it must be."
)


class FormRefused(Forbidden):
    """A form that none of our own pages sent, or one of another sign-in."""


def install(app: Flask, farm: Farm) -> None:
    """Let templates write the hidden field of their forms."""

    @app.template_global("form_token")
    def in_template() -> str:
        return form_token(farm)


def form_token(farm: Farm) -> str:
    """What the forms of this browser must repeat: made of the session, or, for somebody signed out,
    of a nonce in the root host's own cookie, which is set where it is missing."""
    if g.session_id is not None:
        return _digest(farm, "session", g.session_id)
    nonce = _nonce(farm)
    if not nonce:
        bound = g.new_binding or bindings.Binding(nonce=bindings.new_nonce())
        g.new_binding, nonce = bound, bound.nonce
    return _digest(farm, "browser", nonce)


def check_form(farm: Farm, settings: Settings) -> None:
    """Refuse what changes something unless one of our own pages sent it (checklist D6).

    A sibling wiki's page is same-site, so its requests carry the cookie too: the request must say
    that it is from this origin, and repeat the form's token, to the API in a header. These guards
    are for cookies; with an Authorization header the cookie is not looked at. Raises
    :class:`FormRefused`.
    """
    if origins.is_safe(request.method) or "Authorization" in request.headers:
        return
    is_api = request.path.startswith(API_PREFIX)
    if is_api and g.session_id is None:
        return  # who is nobody changes nothing there: the table of routes says so, with 401
    is_ours = origins.is_same_origin(
        own=f"{settings.scheme}://{request.host}",
        origin=request.headers.get("Origin"),
        fetch_site=request.headers.get("Sec-Fetch-Site"),
    )
    if not is_ours:
        raise FormRefused(_ELSEWHERE)
    if g.session_id is not None:
        expected = _digest(farm, "session", g.session_id)
    else:
        nonce = _nonce(farm)
        expected = _digest(farm, "browser", nonce) if nonce else ""
    if not expected:
        raise FormRefused(_TOO_OLD)  # before the form is read: nobody is known who sent it
    sent = request.headers.get(CSRF_HEADER, "") if is_api else request.form.get(FORM_FIELD, "")
    if not hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), expected.encode()):
        raise FormRefused(_NO_HEADER if is_api else _TOO_OLD)


def _nonce(farm: Farm) -> str:
    try:
        bound = farm.bindings.read(bindings.ROOT, request.headers.get("Cookie"))
    except bindings.Ambiguous:
        return ""
    return bound.nonce if bound else ""


def _digest(farm: Farm, kind: str, value: str) -> str:
    message = f"root form of {kind}\0{value}".encode()
    return hmac.new(farm.secret_key, message, hashlib.sha256).hexdigest()


def guard_response(response: Response, settings: Settings) -> Response:
    """Set the headers every answer of the root host has."""
    headers = response.headers
    headers["Content-Security-Policy"] = _POLICY.format(wikis=_wikis(settings))
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if settings.scheme == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint not in ("static", own_files.ENDPOINT):
        headers["Cache-Control"] = "private, no-store"
        headers["Vary"] = "Cookie"
    return response


def _wikis(settings: Settings) -> str:
    """Where a form of the page that is shown may lead, besides here: browsers apply form-action to
    the redirect that follows a form as well, and confirming leads to a wiki."""
    if request.endpoint != "signing.sign_in":
        return ""
    port = f":{settings.public_port}" if settings.public_port else ""
    return f" {settings.scheme}://*.{settings.domain}{port}"
