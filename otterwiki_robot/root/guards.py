"""What every page of the root host is guarded by: response headers, and where forms come from."""

from __future__ import annotations

from flask import Response, request

from otterwiki_robot.settings import Settings

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def from_this_origin(settings: Settings) -> bool:
    """Whether one of our own pages sent this form: a sibling wiki's page is same-site, so its
    requests carry the cookie too (checklist D6)."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin") == f"{settings.scheme}://{request.host}"


def guard_response(response: Response, settings: Settings) -> Response:
    """Set the headers every answer of the root host has."""
    headers = response.headers
    headers["Content-Security-Policy"] = _POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if settings.scheme == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint != "static":
        headers["Cache-Control"] = "private, no-store"
        headers["Vary"] = "Cookie"
    return response
