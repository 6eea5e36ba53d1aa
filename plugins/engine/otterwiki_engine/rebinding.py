"""Replacing what Otterwiki's modules hold by name.

Otterwiki binds with ``from ... import name``, so one object hangs in several modules. Modules that
are imported later copy from those already loaded and so get the replacement by themselves; that
makes the order in which plugins are set up irrelevant.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_PACKAGE = "otterwiki"


class NothingToRebind(LookupError):
    """No loaded Otterwiki module holds the object: upstream changed, or it was replaced before."""


def otterwiki_modules() -> list[ModuleType]:
    """Every loaded module of the package ``otterwiki``, itself included."""
    return [
        module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType) and (name == _PACKAGE or name.startswith(_PACKAGE + "."))
    ]


def rebind(original: Any, replacement: Any) -> tuple[str, ...]:
    """Point every attribute of every loaded ``otterwiki`` module that *is* `original` elsewhere.

    Returns the rebound names ("otterwiki.wiki.toast"), sorted. Raises :class:`NothingToRebind`
    when no module holds `original`.
    """
    rebound = []
    for module in otterwiki_modules():
        for name, value in list(vars(module).items()):
            if value is original:
                setattr(module, name, replacement)
                rebound.append(f"{module.__name__}.{name}")
    if not rebound:
        raise NothingToRebind(f"no module of otterwiki holds {original!r}")
    return tuple(sorted(rebound))
