"""Cookie headers, read and written the same way everywhere.

A request's cookies come from whoever could set them: any wiki of the farm can put a cookie on the
parent domain, with any name and path. So a name that must be one cookie is asked for with
:func:`named`, which tells how many there are, never with "the first one" (checklist D3).
"""

from __future__ import annotations

from urllib.parse import quote

from werkzeug.http import dump_cookie

#: Deeper paths than this are cleared at the top only; a cookie further down lives on.
MAX_CLEARED_DEPTH = 8
_MAX_CLEARED_PATH_CHARACTERS = 200
_IN_PATH = "/:@!$&'()*+,=~-._%"


def parse(header: str | None) -> list[tuple[str, str]]:
    """Name and value of every cookie, in order. A nameless ``=name=x`` is none (checklist D4)."""
    found = []
    for pair in (header or "").split(";"):
        name, separator, value = pair.strip().partition("=")
        if separator and name.strip():
            found.append((name.strip(), value.strip()))
    return found


def named(name: str, header: str | None) -> list[str]:
    """Values of every cookie called `name`, without the quotes they may stand in."""
    if not header or name not in header:
        return []
    return [value.strip('"') for found, value in parse(header) if found == name]


def without(names: frozenset[str], header: str | None) -> str:
    """The header with no cookie of these names, and with nothing that is not a cookie."""
    return "; ".join(f"{name}={value}" for name, value in parse(header) if name not in names)


def header(
    name: str,
    value: str,
    *,
    max_age_seconds: int,
    secure: bool,
    domain: str | None = None,
    path: str = "/",
) -> str:
    """A Set-Cookie header: HttpOnly, SameSite=Lax; without a `domain` for this host only."""
    return dump_cookie(
        name,
        value,
        max_age=max_age_seconds,
        domain=domain,
        path=path,
        secure=secure,
        httponly=True,
        samesite="Lax",
        sync_expires=False,  # Max-Age says it
    )


def clearing(name: str, *, domains: tuple[str | None, ...], path: str, secure: bool) -> list[str]:
    """Set-Cookie headers that remove `name` wherever a request for `path` could have it from.

    For each of `domains` (None: this host only) and each prefix of `path`, as the browser sent it:
    a cookie is removed only by naming the very domain and path it was set with.
    """
    return [
        header(name, "", max_age_seconds=0, secure=secure, domain=domain, path=prefix)
        for prefix in path_prefixes(path)
        for domain in domains
    ]


def path_prefixes(path: str) -> list[str]:
    """Every cookie path that matches a request for `path` (RFC 6265, 5.1.4), the longest first.

    ``/a/b`` gives ``/a/b``, ``/a/``, ``/a`` and ``/``. Bounded in number and length.
    """
    safe = quote(path, safe=_IN_PATH)[:_MAX_CLEARED_PATH_CHARACTERS]
    prefixes = ["/"]
    at = ""
    for part in safe.split("/")[1 : MAX_CLEARED_DEPTH + 1]:
        if at:
            prefixes.append(at + "/")
        at += "/" + part
        if part:
            prefixes.append(at)
    return list(dict.fromkeys(reversed(prefixes)))
