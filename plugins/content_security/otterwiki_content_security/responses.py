"""The policy's nonce and headers in Flask's terms: one nonce a response, in header and page."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from flask import Flask, Response, current_app, g, request

from .policy import FILE_POLICY, PagePolicy
from .settings import Settings

_NONCE = "_content_security_nonce"
_HOST = re.compile(r"[a-z0-9.-]+(?::[0-9]{1,5})?", re.IGNORECASE)
_NONCE_BYTES = 18  # 144 bits, a whole number of base64 characters
_ENFORCED = "Content-Security-Policy"
_REPORTED = "Content-Security-Policy-Report-Only"
#: How Otterwiki's view functions begin the scripts that renderer plugins ask for.
SCRIPT_OF_PLUGINS = '<script type="text/javascript">'


def csp_nonce() -> str:
    """The nonce of the response being made: the same at each call, and for no other response."""
    nonce: str | None = g.get(_NONCE)
    if nonce is None:
        nonce = secrets.token_urlsafe(_NONCE_BYTES)
        setattr(g, _NONCE, nonce)
    return nonce


def with_nonce(element: str | None) -> str:
    """`element`, a script that Otterwiki wrote in Python, with the response's nonce in its tag.

    One that does not begin as :data:`SCRIPT_OF_PLUGINS` stays as it is; the browser refuses it.
    """
    if not element or not element.startswith(SCRIPT_OF_PLUGINS):
        return element or ""
    return f'<script nonce="{csp_nonce()}">' + element[len(SCRIPT_OF_PLUGINS) :]


def set_policy(settings: Settings) -> Callable[[Response], Response]:
    """A function for ``after_request`` that sets the header on whatever has none yet."""
    page_header = _REPORTED if settings.report_only else _ENFORCED
    policy = PagePolicy(settings)

    def add_header(response: Response) -> Response:
        if _ENFORCED in response.headers:
            return response  # an attachment: Otterwiki puts it into a sandbox
        if response.mimetype in ("text/html", "application/xhtml+xml"):
            response.headers[page_header] = policy.header(csp_nonce(), _mathjax())
        else:
            response.headers[_ENFORCED] = FILE_POLICY
        return response

    return add_header


def _mathjax() -> str:
    """Host and path of MathJax, "" for a host that a policy can't name (an IPv6 address).

    Without a scheme, which a proxy in front may be the only one to know.
    """
    if not _HOST.fullmatch(request.host):
        return ""
    return f"{request.host}{request.script_root}{current_app.static_url_path}/mathjax/"


def install(app: Flask, settings: Settings) -> None:
    """Let templates ask for the nonce and answers carry the policy."""
    app.jinja_env.globals.update(csp_nonce=csp_nonce, with_nonce=with_nonce)
    app.after_request(set_policy(settings))
