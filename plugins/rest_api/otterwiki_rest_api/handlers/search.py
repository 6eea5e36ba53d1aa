"""Searching: by words, and by whatever modes search plugins add."""

from __future__ import annotations

from otterwiki_engine import hooks
from otterwiki_engine.pages import cursors
from otterwiki_engine.pages import search as modes
from otterwiki_engine.pages.errors import BadCursor
from otterwiki_engine.pages.search_query import SearchQuery
from otterwiki_engine.pages.service import PageService

from .. import answers, queries
from ..calls import Answer, Call
from ..refusals import Refused

MOST_OFFSET = 100_000
SEMANTIC = "semantic"


def search(call: Call[queries.SearchQuery, None]) -> Answer:
    """Pages that match, best first."""
    asked = call.query
    key = cursors.query_key("search", asked.q, asked.mode, asked.prefix, asked.category, asked.tag)
    offset = 0 if asked.cursor is None else _offset(key, asked.cursor)
    found = call.service.search(
        asked.q,
        limit=asked.limit,
        offset=offset,
        mode=asked.mode,
        prefix=asked.prefix,
        category=asked.category,
        tag=asked.tag,
    )
    after = offset + len(found.results)
    goes_on = found.results and after < min(found.total, MOST_OFFSET)
    return Answer(
        answers.SearchAnswer(
            query=found.query,
            mode=found.mode,
            results=[
                answers.Found(
                    name=result.name,
                    path=result.path,
                    title=result.title,
                    snippet=result.snippet,
                    score=result.score,
                    section=" > ".join(result.section) or None,
                    anchor=result.anchor,
                    line=result.line,
                )
                for result in found.results
            ],
            total=found.total,
            next_cursor=cursors.make_cursor(key, str(after)) if goes_on else None,
        )
    )


def _offset(key: str, cursor: str) -> int:
    """How many results were seen; raises BadCursor."""
    place, _ = cursors.read_cursor(key, cursor)
    if not (place.isascii() and place.isdigit() and len(place) <= 6):
        raise BadCursor
    return min(int(place), MOST_OFFSET)


# ---------------------------------------------------------------------- by meaning


def semantic_search(call: Call[queries.SemanticQuery, None]) -> Answer:
    """Passages whose meaning is near; 503 where no plugin searches so."""
    service = call.service
    query = SearchQuery(
        call.query.q,
        limit=call.query.n,
        mode=SEMANTIC,
        max_chunks_per_page=call.query.max_chunks_per_page,
    )
    try:
        found = modes.search(service.wiki, service.settings, query)
    except modes.UnknownSearchMode:
        raise _not_installed() from None
    return Answer(
        answers.SemanticAnswer(
            query=call.query.q,
            results=[_passage(service, hit) for hit in found.hits],
            total=found.total,
        )
    )


def _passage(service: PageService, hit: modes.SearchHit) -> answers.Passage:
    return answers.Passage(
        name=service.names.name_of(hit.path),
        path=hit.path,
        text=modes.plain(hit.snippet),
        snippet=modes.as_markdown(hit.snippet),
        distance=max(0.0, 1.0 - hit.score),
        section=" > ".join(hit.section) or None,
        section_path=list(hit.section),
        line=hit.line + 1,
        chunk_index=_count(hit, "chunk_index"),
        total_chunks=_count(hit, "total_chunks"),
        page_word_count=_count(hit, "page_word_count"),
    )


def _count(hit: modes.SearchHit, name: str) -> int | None:
    """A number of the hit's details; None where the plugin does not tell it."""
    found = hit.details.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _not_installed() -> Refused:
    return Refused(
        503,
        "no_semantic_search",
        "This wiki has no search by meaning: no plugin for it is installed, or nothing is indexed"
        " yet. /api/v1/search looks for words.",
    )


def reindex(call: Call[queries.NoQuery, None]) -> Answer:
    """Begin to index the wiki anew for searching by meaning."""
    began = hooks.manager.hook.start_reindexing(wiki=call.service.wiki, mode=SEMANTIC)
    if began is None:
        raise _not_installed()
    if not began:
        raise Refused(409, "in_progress", "The wiki is being indexed already; nothing was begun.")
    return Answer(answers.ReindexStarted(status="started"), status=202)


def reindex_status(call: Call[queries.NoQuery, None]) -> Answer:
    """How far the index for searching by meaning is."""
    status = hooks.manager.hook.reindexing_status(wiki=call.service.wiki, mode=SEMANTIC)
    if status is None:
        raise _not_installed()
    return Answer(answers.ReindexStatus(**status))
