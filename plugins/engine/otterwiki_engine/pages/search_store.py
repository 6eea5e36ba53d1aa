"""The SQL of full-text search. See :mod:`.page_store` for the tables."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from .names import fold
from .search_query import SearchQuery
from .words import HIT_BEGIN, HIT_END

#: How much a word counts that is found in a page's path, title, other headings, front matter, text,
#: and in the addresses of its links (FTS5's bm25()).
WEIGHTS = (6.0, 8.0, 3.0, 2.0, 1.0, 0.2)
_BODY, _HEADINGS, _FRONT_MATTER = 4, 2, 3


class Match(NamedTuple):
    """A page that matches; ``rank`` is FTS5's: below 0, and the less the better."""

    page: int
    path: str
    title: str | None
    rank: float


def matches(connection: sqlite3.Connection, expression: str, query: SearchQuery) -> list[Match]:
    """All pages that match `expression` and the conditions of `query`, best first."""
    conditions = ["page_text MATCH ?"]
    values: list[str] = [expression]
    if query.prefix:
        conditions.append("pages.folded >= ? AND pages.folded < ? || char(1114111)")
        values += [fold(query.prefix)] * 2
    if query.category is not None:
        conditions.append("pages.category = ?")
        values.append(query.category)
    if query.tag is not None:
        conditions.append("pages.id IN (SELECT page FROM page_tags WHERE tag = ?)")
        values.append(query.tag)
    weights = ", ".join(map(str, WEIGHTS))
    rows = connection.execute(
        f"SELECT pages.id, pages.path, pages.title, bm25(page_text, {weights})"  # noqa: S608
        " FROM page_text JOIN pages ON pages.id = page_text.rowid"
        f" WHERE {' AND '.join(conditions)}",
        values,
    )
    return sorted(map(Match._make, rows), key=lambda match: (match.rank, match.path))


def completions(connection: sqlite3.Connection, beginning: str, most: int) -> list[str]:
    """`most` words of the index that begin with `beginning` (folded), those of most pages first."""
    rows = connection.execute(
        "SELECT term FROM page_vocabulary WHERE term >= ? AND term < ? || char(1114111)"
        " ORDER BY doc DESC, term LIMIT ?",
        (beginning, beginning, most),
    )
    return [term for (term,) in rows]


def marked_texts(connection: sqlite3.Connection, expression: str, page: int) -> tuple[str, ...]:
    """Text, headings and front matter of page number `page`, which matches `expression`, with what
    was found between marks (:mod:`.words`)."""
    columns = ", ".join(
        f"highlight(page_text, {column}, ?1, ?2)" for column in (_BODY, _HEADINGS, _FRONT_MATTER)
    )
    row = connection.execute(
        f"SELECT {columns} FROM page_text WHERE page_text MATCH ?3 AND rowid = ?4",  # noqa: S608
        (HIT_BEGIN, HIT_END, expression, page),
    ).fetchone()
    return tuple(row)
