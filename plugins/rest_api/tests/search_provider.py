"""A plugin of the tests' own that searches by meaning, or says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otterwiki_engine.hooks import hookimpl
from otterwiki_engine.pages.page_records import SearchHit, SearchHits
from otterwiki_engine.pages.search_query import SearchQuery
from otterwiki_engine.wiki import Wiki

#: What it tells of the passages of its page; of the second one nothing that can be used.
CHUNKS: tuple[Mapping[str, Any], ...] = (
    {"chunk_index": 0, "total_chunks": 2, "page_word_count": 640, "model": "tests"},
    {"chunk_index": "one", "total_chunks": True},
)


class Provider:
    """Finds passages of the one page of which it knows the wiki."""

    def __init__(self) -> None:
        self.asked: list[SearchQuery] = []
        self.begun: list[str] = []

    @hookimpl
    def search_modes(self, wiki: Wiki) -> list[str]:
        return ["semantic"]

    @hookimpl
    def search_pages(self, wiki: Wiki, query: SearchQuery) -> SearchHits | None:
        if query.mode != "semantic":
            return None
        self.asked.append(query)
        slug = wiki.repository.state_dir.name
        hits = [
            SearchHit(
                "Home", "Home", f"near {slug} {number}".removesuffix(" 0"), 0.75 - number / 4,
                ("Home", "Part"), "part", 4, CHUNKS[number],
            )
            for number in range(len(CHUNKS))
        ][: query.max_chunks_per_page or 1]  # fmt: skip
        return SearchHits(tuple(hits), len(hits), "semantic")

    @hookimpl
    def start_reindexing(self, wiki: Wiki, mode: str) -> bool | None:
        slug = wiki.repository.state_dir.name
        if slug in self.begun:
            return False
        self.begun.append(slug)
        return True

    @hookimpl
    def reindexing_status(self, wiki: Wiki, mode: str) -> Mapping[str, Any] | None:
        is_begun = wiki.repository.state_dir.name in self.begun
        return {"status": "in_progress" if is_begun else "idle", "pages": 3}
