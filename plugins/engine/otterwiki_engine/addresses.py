"""Otterwiki's ``url_for``, which builds some forty addresses a page, with most of them remembered.

Inside a request an address is decided by the endpoint, its values and where the wiki is served.
What may depend on more is built each time, as upstream does.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import otterwiki.helper
from flask.globals import _cv_request
from otterwiki.server import app

from .rebinding import rebind

_KEPT = 8192
_SIMPLE = (str, int, bool, type(None))
_BY_BLUEPRINT = "."
_upstream = otterwiki.helper.url_for


def url_for(endpoint: str, **values: Any) -> str:
    """As Otterwiki's own."""
    context = _cv_request.get(None)
    adapter = context.url_adapter if context else None
    if (
        adapter is None
        or endpoint.startswith(_BY_BLUEPRINT)
        or app.url_default_functions
        or not all(type(value) in _SIMPLE for value in values.values())
    ):
        plain: str = _upstream(endpoint, **values)
        return plain
    place: tuple[str | None, ...] = (
        adapter.script_name,
        adapter.subdomain,
        adapter.default_method,
    )
    if values.get("_external") or "_scheme" in values:
        place += (adapter.url_scheme, adapter.server_name)
    # True, 1 and "1" are different addresses or none, but equal keys: hence the types.
    types = tuple(map(type, values.values()))
    return _built(place, endpoint, tuple(values.items()), types)


@lru_cache(_KEPT)
def _built(
    _place: tuple[Any, ...],
    endpoint: str,
    values: tuple[tuple[str, Any], ...],
    _types: tuple[type, ...],
) -> str:
    built: str = _upstream(endpoint, **dict(values))
    return built


def install() -> None:
    """Replace Otterwiki's function; templates are handed the one that is there later on."""
    rebind(_upstream, url_for)
