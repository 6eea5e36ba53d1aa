"""The SQL of full-text search. See :mod:`.page_store` for the tables."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
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

    rank: float
    path: str
    page: int
    title: str | None


def matches(
    connection: sqlite3.Connection, expression: str, query: SearchQuery
) -> list[tuple[float, str, int, str | None]]:
    """What a :class:`Match` is made of, of all pages that match `expression` and the conditions of
    `query`, best first."""
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
        f"SELECT bm25(page_text, {weights}), pages.path, pages.id, pages.title"  # noqa: S608
        " FROM page_text JOIN pages ON pages.id = page_text.rowid"
        f" WHERE {' AND '.join(conditions)}",
        values,
    )
    return sorted(rows)  # no two have the same path, so ranks and paths decide


def completions(connection: sqlite3.Connection, beginning: str, most: int) -> list[str]:
    """`most` words of the index that begin with `beginning` (folded), those of most pages first."""
    rows = connection.execute(
        "SELECT term FROM page_vocabulary WHERE term >= ? AND term < ? || char(1114111)"
        " ORDER BY doc DESC, term LIMIT ?",
        (beginning, beginning, most),
    )
    return [term for (term,) in rows]


def marked_texts(
    connection: sqlite3.Connection, expression: str, pages: Collection[int]
) -> dict[int, tuple[str, ...]]:
    """Text, headings and front matter of the pages with these numbers, which match `expression`,
    with what was found between marks (:mod:`.words`)."""
    columns = ", ".join(
        f"highlight(page_text, {column}, ?1, ?2)" for column in (_BODY, _HEADINGS, _FRONT_MATTER)
    )
    # The plus has SQLite go through the matches once, which is faster than once for each page.
    rows = connection.execute(
        f"SELECT rowid, {columns} FROM page_text"  # noqa: S608
        " WHERE page_text MATCH ?3 AND +rowid IN (SELECT value FROM json_each(?4))",
        (HIT_BEGIN, HIT_END, expression, json.dumps(list(pages))),
    )
    return {page: tuple(texts) for page, *texts in rows}
