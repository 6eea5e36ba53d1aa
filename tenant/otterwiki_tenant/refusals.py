"""The farm's answers to requests that reach no wiki. Nothing in them depends on whether a wiki
exists (checklist H5)."""

from __future__ import annotations

from html import escape

from werkzeug.wrappers import Response

from .hosts import sign_in_url

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
_NO_WIKI = "There is no wiki at this address, or it is not open to you."
_UNAVAILABLE = "This can't be answered right now. Please try again in a minute."


def bad_host(reason: str) -> Response:
    """400: the request's host is none of this farm's."""
    return _guarded(Response(reason + "\n", 400, mimetype="text/plain"))


def sign_in(
    *, scheme: str, domain: str, port: str | None, next_url: str, as_json: bool
) -> Response:
    """For somebody unknown: 401 for programs, to the sign-in page for people."""
    if as_json:
        return _guarded(_json("unauthorized", "Sign in first, or use a token.", 401))
    response = Response("Please sign in first.\n", 302, mimetype="text/plain")
    response.headers["Location"] = sign_in_url(scheme, domain, port, next_url)
    return _guarded(response)


def not_found(*, home: str, domain: str, as_json: bool) -> Response:
    """404 for somebody known: no such wiki, or one that is not theirs to see."""
    if as_json:
        return _guarded(_json("not_found", _NO_WIKI, 404))
    page = _PAGE.format(
        title="No such wiki", text=_NO_WIKI, home=escape(home), domain=escape(domain)
    )
    return _guarded(Response(page, 404, mimetype="text/html"))


def unavailable(*, as_json: bool) -> Response:
    """503: a check could not be made, so the answer is no (checklist I8)."""
    if as_json:
        response = _json("unavailable", _UNAVAILABLE, 503)
    else:
        response = Response(_UNAVAILABLE + "\n", 503, mimetype="text/plain")
    response.headers["Retry-After"] = "10"
    return _guarded(response)


def _json(code: str, message: str, status: int) -> Response:
    body = f'{{"error": {{"code": "{code}", "message": "{message}"}}}}\n'
    return Response(body, status, mimetype="application/json")


def _guarded(response: Response) -> Response:
    """No shared cache may keep the answer, and no browser may guess its type."""
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Vary"] = "Cookie, Accept"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response
