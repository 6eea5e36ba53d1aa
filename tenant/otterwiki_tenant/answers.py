"""What the front door adds to every answer of a wiki: cookies, and who may keep a copy.

Otterwiki sets no Vary and leaves most pages to a cache's own ideas. On a farm every answer depends
on who asks, so no shared cache may have any of it, and no cache at all may have a page (checklist
D10). Pictures, scripts and the like may be kept by the browser that asked, for as long as their own
header says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

NOT_KEPT = "private, no-store"
_KEEPABLE = re.compile(
    r"(?:image|font|audio|video)/.*|text/css|(?:text|application)/(?:x-)?javascript"
    r"|application/(?:pdf|zip|octet-stream|vnd\..*)",
    re.ASCII,
)
_HSTS = "max-age=31536000; includeSubDomains"
#: A sibling wiki is same-site: embedding a picture from here would tell it who may see it.
NOT_EMBEDDED = ("Cross-Origin-Resource-Policy", "same-origin")
_Headers = list[tuple[str, str]]


def guarded(
    start_response: StartResponse,
    *,
    set_cookies: Sequence[str],
    is_https: bool,
    more: Sequence[tuple[str, str]] = (),
) -> StartResponse:
    """`start_response` that completes the headers of a wiki's answer; `more` are added."""

    def start(status: str, headers: _Headers, exc_info: Any = None) -> Any:
        completed = complete(headers, set_cookies=set_cookies, is_https=is_https)
        completed += more
        if exc_info is None:
            return start_response(status, completed)
        return start_response(status, completed, exc_info)

    return start


def complete(headers: _Headers, *, set_cookies: Sequence[str], is_https: bool) -> _Headers:
    """The headers with cookies, Cache-Control, Vary, and what a browser must be told of https.

    Cookies of ours come first: where Otterwiki sets one of the same name, its own counts.
    """
    rest: _Headers = []
    seen: dict[str, str] = {}
    sets_cookie = bool(set_cookies)
    for name, value in headers:
        lower = name.lower()
        if lower in ("cache-control", "vary", "content-type"):
            seen[lower] = f"{seen[lower]}, {value}" if lower in seen else value
        if lower not in ("cache-control", "vary"):
            rest.append((name, value))
        sets_cookie = sets_cookie or lower == "set-cookie"
        if lower in ("cross-origin-opener-policy", "strict-transport-security"):
            seen[lower] = value
    kept = not sets_cookie and _is_keepable(seen.get("content-type", ""))
    control = _private(seen.get("cache-control", "")) if kept else NOT_KEPT
    added = [
        *(("Set-Cookie", cookie) for cookie in set_cookies),
        ("Cache-Control", control),
        ("Vary", _with_cookie(seen.get("vary", ""))),
    ]
    if "cross-origin-opener-policy" not in seen:
        added.append(("Cross-Origin-Opener-Policy", "same-origin"))
    if is_https and "strict-transport-security" not in seen:
        added.append(("Strict-Transport-Security", _HSTS))
    return added + rest


def _is_keepable(content_type: str) -> bool:
    return _KEEPABLE.fullmatch(content_type.partition(";")[0].strip().lower()) is not None


def _private(cache_control: str) -> str:
    """The directives without those that let a shared cache keep the answer."""
    directives = [part.strip() for part in cache_control.split(",") if part.strip()]
    kept = [
        directive
        for directive in directives
        if directive.partition("=")[0].lower() not in ("public", "private", "s-maxage")
    ]
    return ", ".join(["private", *(kept or ["no-cache"])])


def _with_cookie(vary: str) -> str:
    names = [part.strip() for part in vary.split(",") if part.strip()]
    if any(name.lower() in ("cookie", "*") for name in names):
        return ", ".join(names)
    return ", ".join([*names, "Cookie"])
