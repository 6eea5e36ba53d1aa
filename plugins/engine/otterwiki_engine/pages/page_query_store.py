"""The SQL that asks about pages and links. See :mod:`.page_store` for the tables."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from ..pagenames import PAGE_SUFFIX
from .names import fold
from .page_records import HeadingRecord, LinkRecord, PageRecord, PageSelection

_PAGES = (
    "SELECT path, blob_id, title, heading, category, tags, front_matter, front_matter_problem,"
    " word_count, size_bytes, problem FROM pages"
)
_DATED_PAGES = (
    "SELECT path, blob_id, title, heading, category, tags, front_matter, front_matter_problem,"
    " word_count, size_bytes, problem, revision, author_time, author_offset FROM dated_pages"
)
_COUNT = "SELECT count(*) FROM pages"
_DATED_COUNT = "SELECT count(*) FROM dated_pages"
_LINKS = "SELECT path, kind, target, leads_to, anchor, text, line, syntax FROM resolved_links"


@lru_cache(maxsize=256)
def _zone(offset_seconds: int) -> timezone:
    return timezone(timedelta(seconds=offset_seconds)) if offset_seconds else UTC


def _record(row: tuple[Any, ...]) -> PageRecord:
    (path, blob_id, title, heading, category, tags, front_matter, front_matter_problem) = row[:8]
    word_count, size_bytes, problem = row[8:11]
    revision = updated = None
    if len(row) > 11:
        revision, time, offset = row[11:]
        updated = datetime.fromtimestamp(time, _zone(offset))
    return PageRecord(
        path=path,
        file=path + PAGE_SUFFIX,
        blob_id=blob_id,
        title=title,
        heading=heading,
        category=category,
        tags=tuple(json.loads(tags)),
        front_matter=json.loads(front_matter),
        front_matter_problem=front_matter_problem,
        word_count=word_count,
        size_bytes=size_bytes,
        problem=problem,
        revision=revision,
        last_updated=updated,
    )


def find(connection: sqlite3.Connection, path: str) -> str | None:
    """The path of the page `path`, or of the only one that differs from it in case."""
    row = connection.execute(
        "SELECT coalesce((SELECT path FROM pages WHERE path = ?),"
        " (SELECT max(path) FROM pages WHERE folded = ? HAVING count(*) = 1))",
        (path, fold(path)),
    ).fetchone()
    found: str | None = row[0]
    return found


def select(
    connection: sqlite3.Connection,
    *,
    prefix: str | None = None,
    category: str | None = None,
    tag: str | None = None,
    paths: Collection[str] | None = None,
    updated_since: datetime | None = None,
    after: str | None = None,
    limit: int | None = None,
    dated: bool = False,
) -> PageSelection:
    """Pages by path, all conditions together; see :meth:`.page_index.PageIndex.pages`."""
    conditions: list[str] = []
    values: list[Any] = []
    if prefix:
        conditions.append("folded >= ? AND folded < ? || char(1114111)")
        values += [fold(prefix)] * 2
    if category is not None:
        conditions.append("category = ?")
        values.append(category)
    if tag is not None:
        conditions.append("id IN (SELECT page FROM page_tags WHERE tag = ?)")
        values.append(tag)
    if paths is not None:
        conditions.append("path IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(list(paths)))
    if updated_since is not None:
        conditions.append("author_time >= ?")
        values.append(updated_since.timestamp())
    dated = dated or updated_since is not None
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    counted = _COUNT if updated_since is None else _DATED_COUNT
    (total,) = connection.execute(counted + where, values).fetchone()
    if after is not None:
        where += (" AND" if where else " WHERE") + " path > ?"
        values.append(after)
    rows = connection.execute(
        (_DATED_PAGES if dated else _PAGES) + where + " ORDER BY path LIMIT ?",
        [*values, -1 if limit is None else limit],
    )
    return PageSelection(tuple(map(_record, rows)), total)


def headings(connection: sqlite3.Connection, path: str) -> tuple[HeadingRecord, ...]:
    """The headings of a page that cut it into sections."""
    rows = connection.execute(
        "SELECT level, text, anchor, line FROM page_headings"
        " WHERE page = (SELECT id FROM pages WHERE path = ?) ORDER BY line",
        (path,),
    )
    return tuple(HeadingRecord(*row) for row in rows)


def all_headings(connection: sqlite3.Connection) -> Iterator[tuple[str, HeadingRecord]]:
    """(path, heading) of every page, by path and line."""
    for path, *heading in connection.execute(
        "SELECT pages.path, level, text, anchor, line FROM page_headings"
        " JOIN pages ON pages.id = page_headings.page ORDER BY pages.path, line"
    ):
        yield path, HeadingRecord(*heading)


def links_from(connection: sqlite3.Connection, path: str) -> tuple[LinkRecord, ...]:
    """The links of page `path` in their order."""
    rows = connection.execute(
        _LINKS + " WHERE path = ? ORDER BY position",
        (path,),
    )
    return tuple(LinkRecord(*row) for row in rows)


def links_to(connection: sqlite3.Connection, path: str) -> tuple[LinkRecord, ...]:
    """The links of other pages that lead to page `path`, by page and order."""
    rows = connection.execute(
        _LINKS + " WHERE folded = ? AND folded <> '' AND path <> ? ORDER BY path, position",
        (fold(path), path),
    )
    return tuple(link for link in (LinkRecord(*row) for row in rows) if link.leads_to == path)


def internal_links(connection: sqlite3.Connection) -> Iterator[LinkRecord]:
    """All links that stay in the wiki, by page and order."""
    for row in connection.execute(_LINKS + " WHERE folded <> '' ORDER BY path, position"):
        yield LinkRecord(*row)


def paths(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Paths of all pages, sorted."""
    return tuple(path for (path,) in connection.execute("SELECT path FROM pages ORDER BY path"))


def tags(connection: sqlite3.Connection) -> tuple[tuple[str, int], ...]:
    """Every tag with the number of its pages, the most used first."""
    rows = connection.execute(
        "SELECT min(tag COLLATE BINARY), count(*) FROM page_tags GROUP BY tag"
        " ORDER BY count(*) DESC, min(tag COLLATE BINARY)"
    )
    return tuple(rows)


def categories(connection: sqlite3.Connection) -> tuple[tuple[str, int], ...]:
    """Every category with the number of its pages, the most used first."""
    rows = connection.execute(
        "SELECT min(category COLLATE BINARY), count(*) FROM pages WHERE category IS NOT NULL"
        " GROUP BY category ORDER BY count(*) DESC, min(category COLLATE BINARY)"
    )
    return tuple(rows)


def pages_linking_to(connection: sqlite3.Connection, paths: Collection[str]) -> frozenset[str]:
    """Paths of the pages with a link to one of `paths`, or to anything below it, in any case."""
    found: set[str] = set()
    for path in paths:
        rows = connection.execute(
            "SELECT DISTINCT pages.path FROM page_links JOIN pages ON pages.id = page_links.page"
            " WHERE page_links.folded <> '' AND (page_links.folded = ?1"
            " OR (page_links.folded > ?1 || '/' AND page_links.folded < ?1 || '0'))",
            (fold(path),),
        )
        found.update(page for (page,) in rows)
    return frozenset(found)
