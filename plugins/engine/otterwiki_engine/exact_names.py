"""Pages whose names hold characters that Otterwiki takes out of addresses.

Otterwiki drops ``? | $ . ! #`` from the path of a page it is asked for, so that it never finds
"Release 1.2" or "C#", which imports, git and programs make. What exists is opened by its own name;
a name typed into Otterwiki's forms is still cleaned as ever.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

from otterwiki.gitstorage import StorageError
from otterwiki.helper import get_filename
from otterwiki.server import storage
from otterwiki.util import clean_slashes, sanitize_pagename

from .pagenames import PAGE_SUFFIX
from .rebinding import rebind

_upstream_sanitize = sanitize_pagename


def sanitize(value: object, allow_unicode: bool = True, handle_md: bool = False) -> str:
    """As ``otterwiki.util.sanitize_pagename``; `handle_md` tells that `value` is an address."""
    cleaned: str = _upstream_sanitize(value, allow_unicode=allow_unicode, handle_md=handle_md)
    if handle_md:
        exact: str = clean_slashes(str(value).removesuffix(PAGE_SUFFIX))
        if exact and exact != cleaned and _exists(exact):
            return exact
    return cleaned


def _exists(path: str) -> bool:
    try:
        return bool(storage.exists(get_filename(path)))
    except StorageError:  # a path that no file can have
        return False


def install() -> None:
    """Replace the function wherever Otterwiki holds it."""
    rebind(_upstream_sanitize, sanitize)
