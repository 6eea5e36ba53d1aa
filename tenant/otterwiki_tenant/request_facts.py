"""What the front door finds out about a request from its environ alone, and what it removes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from . import origins
from .client_address import Network, client_address
from .hosts import MAX_NEXT_CHARACTERS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ADDRESS_KEY = "robot.address"  # where whoever answers finds the client's IP address, if known
GIT_PATH = "/repo.git"
_OF_GIT = frozenset(
    {
        ("GET", f"{GIT_PATH}/info/refs"),
        ("HEAD", f"{GIT_PATH}/info/refs"),
        ("POST", f"{GIT_PATH}/git-upload-pack"),
        ("POST", f"{GIT_PATH}/git-receive-pack"),
    }
)
_OTTERWIKI_HEADERS = "HTTP_X_OTTERWIKI_"
_REWRITING_HEADERS = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_X_HOST",
    "HTTP_X_ORIGINAL_HOST",
    "HTTP_X_ORIGINAL_URL",
    "HTTP_X_REAL_IP",
    "HTTP_X_REWRITE_URL",
    "HTTP_X_SCRIPT_NAME",
)
_IN_QUERY = "/?:@!$&'()*+,;=~-._%"


def note_address(environ: WSGIEnvironment, trusted: Sequence[Network]) -> None:
    """Find out the client's address and make it the only one that is to be found."""
    address = client_address(
        environ.get("REMOTE_ADDR"), environ.get("HTTP_X_FORWARDED_FOR"), trusted
    )
    environ[ADDRESS_KEY] = address
    environ["REMOTE_ADDR"] = address or ""


def remove_untrusted_headers(environ: WSGIEnvironment) -> None:
    """Drop what only a proxy inside the farm could say, whoever sent it: nobody says it here.

    Identity headers of Otterwiki's proxy login, and headers that rename host or path.
    """
    for key in [key for key in environ if key.startswith(_OTTERWIKI_HEADERS)]:
        del environ[key]
    for key in _REWRITING_HEADERS:
        environ.pop(key, None)


def wants_json(environ: WSGIEnvironment) -> bool:
    """Whether a program asks: the path of an API, or an Accept header for JSON and not for HTML."""
    path = environ.get("PATH_INFO", "")
    accept = environ.get("HTTP_ACCEPT", "").lower()
    if path.startswith(("/api/", "/-/api/")):
        return True
    return "application/json" in accept and "text/html" not in accept


def is_git(environ: WSGIEnvironment) -> bool:
    """Whether to answer in git's words: below the repository, and not to a browser's address bar.

    It allows nothing: :func:`is_git_request` does.
    """
    is_person = "text/html" in environ.get("HTTP_ACCEPT", "").lower()
    return _is_in_repository(environ) and not is_person


def is_git_request(environ: WSGIEnvironment) -> bool:
    """Whether this is one of the requests git makes (gitprotocol-http), to the letter.

    Only these take Basic, and come without an Origin.
    """
    asked = (environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
    return asked in _OF_GIT and is_git(environ)


def is_write_into_repository(environ: WSGIEnvironment) -> bool:
    """Whether a page is to be changed below the repository's path, where there are no pages."""
    asked = (environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
    is_change = not origins.is_safe(environ["REQUEST_METHOD"]) and asked not in _OF_GIT
    return is_change and _is_in_repository(environ)


def is_embedded(environ: WSGIEnvironment) -> bool:
    """Whether a browser asks for a part of a page: an image, a script, a frame (Fetch Metadata).

    Neither a page somebody opens nor what a script or a program fetches.
    """
    return environ.get("HTTP_SEC_FETCH_DEST", "") not in ("", "document", "empty")


def _is_in_repository(environ: WSGIEnvironment) -> bool:
    path = environ.get("PATH_INFO", "")
    return path == GIT_PATH or path.startswith(f"{GIT_PATH}/")


def address_of(environ: WSGIEnvironment) -> str:
    """The URL to come back to: the one asked for, or the front page where that has no meaning."""
    origin = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"
    if not origins.is_safe(environ["REQUEST_METHOD"]):
        return origin + "/"
    path = quote(environ.get("PATH_INFO", "/").encode("latin-1"), safe="/:@!$&'()*+,;=~-._")
    query = environ.get("QUERY_STRING", "")
    address = origin + (path or "/") + (f"?{quote(query, safe=_IN_QUERY)}" if query else "")
    return address if len(address) <= MAX_NEXT_CHARACTERS else origin + "/"
