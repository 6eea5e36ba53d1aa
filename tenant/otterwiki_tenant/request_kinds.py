"""What a request is counted as, by its method and path."""

from __future__ import annotations

from . import origins
from .rate_limits import Kind

_STATIC = ("/static/", "/-/content-security/")
_SEARCHES_OF_A_WIKI = ("/-/search", "/api/v1/search", "/api/v1/semantic-search")
_UPLOAD_PACK = "/repo.git/git-upload-pack"
_AUTHORIZATION_SERVER = "/auth/oauth/"  # asked by programs; it has limits of its own


def kind_at_wiki(method: str, path: str) -> Kind | None:
    """What a request to a wiki's host is counted as; None for static files, which are not."""
    if path.startswith(_STATIC):
        return None
    if path == _UPLOAD_PACK:
        return Kind.CLONE  # sent by POST, and changes nothing
    if any(path == search or path.startswith(f"{search}/") for search in _SEARCHES_OF_A_WIKI):
        return Kind.SEARCH
    return Kind.READ if origins.is_safe(method) else Kind.WRITE


def kind_at_root(method: str, path: str) -> Kind | None:
    """The same for the root host."""
    if path.startswith(_STATIC):
        return None
    if path.startswith("/auth/") and not path.startswith(_AUTHORIZATION_SERVER):
        return Kind.SIGN_IN
    return Kind.READ if origins.is_safe(method) else Kind.WRITE
