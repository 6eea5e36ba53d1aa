"""Full-text search: from a query to pages with snippets, on an open index."""

from __future__ import annotations

from sqlite3 import Connection, OperationalError

from ..errors import EngineError
from . import page_query_store, search_store
from .page_records import HeadingRecord, SearchHit, SearchHits
from .search_query import MAX_LIMIT, TEXT_MODE, SearchQuery, expression, parse_terms
from .search_store import Match
from .snippets import snippet_of

_HARMLESS = '"a"'


class SearchRefused(EngineError):
    """The index does not take the expression that was made of a query: a fault of ours."""


def search(connection: Connection, query: SearchQuery) -> SearchHits:
    """Pages that match `query`, best first. A limit above :data:`MAX_LIMIT` is taken for it."""
    terms = parse_terms(query.text)
    if terms.is_empty:
        return SearchHits((), 0, TEXT_MODE)
    wanted = expression(
        terms, lambda begun, most: search_store.completions(connection, begun, most)
    )
    if not wanted:
        return SearchHits((), 0, TEXT_MODE)
    try:
        matches = search_store.matches(connection, wanted, query)
    except OperationalError as error:
        search_store.matches(connection, _HARMLESS, query)  # raises where the index is damaged
        raise SearchRefused(f"{query.text[:80]!r} could not be searched for: {error}") from error
    first = max(0, query.offset)
    count = max(0, min(query.limit, MAX_LIMIT))
    chosen = [Match(*match) for match in matches[first : first + count]]
    texts = search_store.marked_texts(connection, wanted, [match.page for match in chosen])
    best = matches[0][0] if matches else -1.0
    hits = tuple(_hit(connection, match, texts[match.page], best) for match in chosen)
    return SearchHits(hits, len(matches), TEXT_MODE)


def _hit(connection: Connection, match: Match, texts: tuple[str, ...], best: float) -> SearchHit:
    snippet = snippet_of(texts[0], texts[1:])
    headings = page_query_store.headings(connection, match.path)
    section, anchor = _section_at(headings, snippet.line)
    return SearchHit(
        path=match.path,
        title=match.title,
        snippet=snippet.text,
        score=match.rank / best if best else 1.0,
        section=section,
        anchor=anchor,
        line=snippet.line,
    )


def _section_at(
    headings: tuple[HeadingRecord, ...], line: int
) -> tuple[tuple[str, ...], str | None]:
    """The texts of the headings around `line`, and the anchor of the innermost one."""
    path: list[HeadingRecord] = []
    for heading in headings:
        if heading.line > line:
            break
        while path and path[-1].level >= heading.level:
            path.pop()
        path.append(heading)
    return tuple(heading.text for heading in path), path[-1].anchor if path else None
