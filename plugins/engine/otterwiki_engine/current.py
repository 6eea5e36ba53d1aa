"""Which wiki "the current wiki" is.

On a stock Otterwiki it is the one wiki there is. On a farm, tenancy says which one; engine and
plugins never learn how (design rule 4).
"""

from __future__ import annotations

from collections.abc import Callable

from .errors import NoWikiActive
from .wiki import Wiki


def _none_active() -> Wiki:
    raise NoWikiActive("no wiki is active here: enter one with the tenant's wiki_context() first")


_resolver: Callable[[], Wiki] = _none_active


def use_resolver(resolver: Callable[[], Wiki]) -> None:
    """From now on `resolver` says which wiki is current; it raises NoWikiActive for none."""
    global _resolver
    _resolver = resolver


def use_stock_wiki(wiki: Wiki) -> None:
    """Make `wiki` the current one, unless somebody (tenancy) decides that already."""
    if _resolver is _none_active:
        use_resolver(lambda: wiki)


def current_wiki() -> Wiki:
    """The wiki this thread works on; raises :class:`NoWikiActive` where there is none."""
    return _resolver()
