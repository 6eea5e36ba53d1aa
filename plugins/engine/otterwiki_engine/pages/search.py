"""Searching a wiki in any of its modes, and pages that have to do with each other.

"text" is the engine's full-text search (:mod:`.search_query` says what can be typed). Plugins add
other modes through the hooks ``search_modes`` and ``search_pages``, keep what they search in up to
date through ``start_reindexing``, and find related pages through ``related_pages``
(:mod:`..hooks`).
"""

from __future__ import annotations

from .. import hooks
from ..errors import EngineError
from ..wiki import Wiki
from .page_records import RelatedPage, SearchHit, SearchHits
from .search_query import TEXT_MODE, SearchQuery
from .settings import PageSettings
from .snippets import as_html, as_markdown, plain

__all__ = [
    "RelatedPage",
    "SearchHit",
    "SearchHits",
    "SearchQuery",
    "UnknownSearchMode",
    "as_html",
    "as_markdown",
    "plain",
    "related",
    "search",
    "search_modes",
]


class UnknownSearchMode(EngineError):
    """Nobody searches in that mode; ``modes`` are those there are."""

    def __init__(self, mode: str, modes: tuple[str, ...]) -> None:
        super().__init__(
            f"There is no search mode {mode[:80]!r} here. There is: {', '.join(modes)}."
        )
        self.mode = mode
        self.modes = modes


def search_modes(wiki: Wiki) -> tuple[str, ...]:
    """The modes `wiki` can be searched in now, the engine's own first."""
    named = [mode for modes in hooks.manager.hook.search_modes(wiki=wiki) for mode in modes or ()]
    return (TEXT_MODE, *sorted(set(named) - {TEXT_MODE}))


def search(wiki: Wiki, settings: PageSettings, query: SearchQuery) -> SearchHits:
    """The pages of `wiki` that match, best first; raises :class:`UnknownSearchMode`."""
    if query.mode == TEXT_MODE:
        return wiki.pages_index(settings).search(query)
    found: SearchHits | None = hooks.manager.hook.search_pages(
        wiki=wiki, settings=settings, query=query
    )
    if found is None:
        raise UnknownSearchMode(query.mode, search_modes(wiki))
    return found


def related(
    wiki: Wiki, settings: PageSettings, page: str, limit: int = 10
) -> tuple[RelatedPage, ...]:
    """Pages that have to do with the one at path `page`, best first; () where nobody can tell."""
    found: list[RelatedPage] | None = hooks.manager.hook.related_pages(
        wiki=wiki, settings=settings, page=page, limit=limit
    )
    return tuple(found or ())[:limit]
