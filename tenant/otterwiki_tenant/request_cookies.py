"""What the front door does with a request's cookies before anything reads them.

A name of ours that comes twice was put there by somebody else once, and which one that is can't be
told: both are ignored and both are removed from the browser (checklist D3). Otterwiki is handed
only what it needs, written anew, so that it can't read the header any differently than we do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import cookies
from .identity import COOKIE_NAME

if TYPE_CHECKING:
    from .farm import Farm


MAX_CHARACTERS = 16_000
"""Of a Cookie header; all of ours together are under 3,000."""
MAX_COOKIES = 50
"""In one header; ours are fewer than ten. A browser keeps some 180 of a domain and all its hosts,
and while the jar is full it may throw out the sign-in as soon as it is made."""
_FLOODED = "robot.cookie_flood"
WIPE = ("Clear-Site-Data", '"cookies"')


def session_cookie_name(scheme: str) -> str:
    """What Otterwiki's own session cookie is called: bound to its host where there is https."""
    return "__Host-session" if scheme == "https" else "session"


def for_otterwiki(farm: Farm, cookie_header: str | None) -> str:
    """The header without the platform's cookies, and without a session cookie that came twice."""
    removed = {COOKIE_NAME, farm.bindings.cookie_name}
    session = session_cookie_name(farm.scheme)
    if len(cookies.named(session, cookie_header)) > 1:
        removed.add(session)
    return cookies.without(frozenset(removed), cookie_header)


def clearing_of_doubles(farm: Farm, environ: Mapping[str, object]) -> list[str]:
    """Set-Cookie headers that remove every cookie of ours that this request has more than once.

    The host's own memory of the browser stays, and only what others put beside it goes.
    """
    header = environ.get("HTTP_COOKIE")
    if not isinstance(header, str):
        return []
    host = str(environ.get("HTTP_HOST", "")).partition(":")[0]
    above = tuple(dict.fromkeys([farm.domain, host]))
    kinds: dict[str, tuple[str | None, ...]] = {
        COOKIE_NAME: (*above, None),
        session_cookie_name(farm.scheme): (*above, None),
        farm.bindings.cookie_name: above,
    }
    is_secure = farm.scheme == "https"
    cleared: list[str] = []
    for name, domains in kinds.items():
        if len(cookies.named(name, header)) > 1:
            path = _path(environ)
            if name.startswith("__Host-"):
                domains, path = (None,), "/"  # a browser keeps it nowhere else
            cleared += cookies.clearing(name, domains=domains, path=path, secure=is_secure)
    return cleared


def drop_a_flood(environ: dict[str, Any]) -> None:
    """Take the cookies off a request that has more than ever were ours; :func:`wipes` remembers.

    Such a request is answered as one without cookies, so that nothing else reads all of it.
    """
    header = environ.get("HTTP_COOKIE")
    if not isinstance(header, str):
        return
    if len(header) > MAX_CHARACTERS or header.count(";") >= MAX_COOKIES:
        environ["HTTP_COOKIE"] = ""
        environ[_FLOODED] = True


def wipes(farm: Farm, environ: Mapping[str, object]) -> bool:
    """Whether the browser must forget all cookies of the farm, wherever they lie.

    It must where the platform cookie comes twice or the cookies are more than ever were ours:
    others may lie on any path, and would sign the person out again page by page, or lock them out
    for good (checklist D3, D8). Browsers do it where there is https.
    """
    if _FLOODED in environ:
        return True
    header = environ.get("HTTP_COOKIE")
    is_double = isinstance(header, str) and len(cookies.named(COOKIE_NAME, header)) > 1
    return is_double and farm.scheme == "https"


def _path(environ: Mapping[str, object]) -> str:
    """The path as the browser sent it, for that is what it compares with a cookie's."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if isinstance(target, str) and target.startswith("/"):
        return target.partition("?")[0].partition("#")[0]
    return str(environ.get("PATH_INFO", "/"))
