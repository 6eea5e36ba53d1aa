"""The page part of index.db: its tables, and the SQL that fills them.

``pages`` has a row for each page at the commit of ``page_standing``, ``page_tags``,
``page_headings`` and ``page_links`` have rows for each of them. ``page_text`` is the full-text
index (English endings taken away), ``page_words`` knows the words of the same texts as they are
written, for searches by the beginning of a word. A row of ``pages`` is right for its own
``blob_id`` whatever ``page_standing`` says, so that a build that was interrupted goes on.
Queries are in :mod:`.page_query_store` and :mod:`.search_store`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from typing import NamedTuple

from .names import fold
from .page_contents import PageContents
from .words import indexable

SCHEMA = """
CREATE TABLE page_standing (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    head TEXT,                    -- all its pages are there (no commit: 0000...), NULL: not yet
    tree_id TEXT,                 -- of that commit
    settings TEXT                 -- what the rows were made under, besides the pages
);
INSERT INTO page_standing (id) VALUES (1);
CREATE TABLE pages (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,    -- "notes/todo"
    folded TEXT NOT NULL,         -- what names have in common that differ in case only
    blob_id TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    title TEXT,
    heading TEXT,
    category TEXT COLLATE NOCASE,
    tags TEXT NOT NULL,           -- JSON list, in the page's order
    front_matter TEXT NOT NULL,   -- JSON object
    front_matter_problem TEXT,
    word_count INTEGER NOT NULL,
    problem TEXT
);
-- With the newest commit that gave a page's file the content it has: across branches, that is the
-- one that counts.
CREATE VIEW dated_pages AS
    SELECT pages.*, commits.id AS revision, author_time, author_offset
    FROM pages JOIN commits ON seq = (
        SELECT changes.seq FROM changes
        WHERE changes.path = pages.path || '.md' AND changes.blob_id = pages.blob_id
        ORDER BY changes.seq DESC LIMIT 1
    );
CREATE INDEX pages_by_folded ON pages (folded);
CREATE INDEX pages_by_category ON pages (category) WHERE category IS NOT NULL;
CREATE TABLE page_tags (
    tag TEXT NOT NULL COLLATE NOCASE,
    page INTEGER NOT NULL,
    PRIMARY KEY (tag, page)
) WITHOUT ROWID;
CREATE INDEX page_tags_by_page ON page_tags (page);
CREATE TABLE page_headings (
    page INTEGER NOT NULL,
    line INTEGER NOT NULL,        -- from 0
    level INTEGER NOT NULL,
    text TEXT NOT NULL,
    anchor TEXT NOT NULL,
    PRIMARY KEY (page, line)
) WITHOUT ROWID;
CREATE TABLE page_links (
    page INTEGER NOT NULL,
    position INTEGER NOT NULL,    -- among the links of the page, from 0
    kind TEXT NOT NULL,           -- page, attachment or external
    target TEXT NOT NULL,
    folded TEXT NOT NULL,         -- of the target; '' where kind is external
    anchor TEXT,
    text TEXT NOT NULL,
    line INTEGER NOT NULL,        -- from 0
    syntax TEXT NOT NULL,
    PRIMARY KEY (page, position)
) WITHOUT ROWID;
-- With the page a link's target means: the one of that very name, else the only one that differs
-- from it in case.
CREATE VIEW resolved_links AS
    SELECT source.path AS path, link.*, coalesce(
        (SELECT path FROM pages WHERE path = link.target),
        (SELECT path FROM pages WHERE folded = link.folded GROUP BY folded HAVING count(*) = 1)
    ) AS leads_to
    FROM page_links AS link JOIN pages AS source ON source.id = link.page;
CREATE INDEX page_links_by_folded ON page_links (folded, page) WHERE folded <> '';
CREATE VIRTUAL TABLE page_text USING fts5(
    path, title, headings, front_matter, body, addresses,
    tokenize = "porter unicode61 remove_diacritics 2"
);
CREATE VIRTUAL TABLE page_words USING fts5(
    path, title, headings, front_matter, body, addresses,
    content = 'page_text', detail = 'none',
    tokenize = "unicode61 remove_diacritics 2"
);
CREATE VIRTUAL TABLE page_vocabulary USING fts5vocab('page_words', 'row');
"""


class PageStanding(NamedTuple):
    """Which commit's pages the tables hold, its tree, and the settings they were made under.

    ``head`` is None while no commit's pages are there completely, :data:`NO_COMMIT` for none.
    """

    head: str | None
    tree_id: str | None
    settings: str | None


def standing(connection: sqlite3.Connection) -> PageStanding:
    """Where the page tables stand."""
    row = connection.execute("SELECT head, tree_id, settings FROM page_standing").fetchone()
    return PageStanding(*row)


def set_standing(connection: sqlite3.Connection, to: PageStanding) -> None:
    """Record where the page tables stand."""
    connection.execute("UPDATE page_standing SET head = ?, tree_id = ?, settings = ?", to)


def clear(connection: sqlite3.Connection) -> None:
    """Empty the page tables."""
    connection.execute("INSERT INTO page_words (page_words) VALUES ('delete-all')")
    connection.execute("DELETE FROM page_text")
    connection.execute("DELETE FROM page_links")
    connection.execute("DELETE FROM page_headings")
    connection.execute("DELETE FROM page_tags")
    connection.execute("DELETE FROM pages")
    set_standing(connection, PageStanding(None, None, None))


def blob_ids(connection: sqlite3.Connection) -> dict[str, str]:
    """Path -> blob id of all pages there are rows for."""
    return dict(connection.execute("SELECT path, blob_id FROM pages"))


def put_pages(connection: sqlite3.Connection, pages: Iterable[PageContents]) -> None:
    """Insert pages, in the place of older rows of the same paths."""
    for page in pages:
        delete_pages(connection, [page.path])
        number = connection.execute(
            "INSERT INTO pages (path, folded, blob_id, size_bytes, title, heading, category, tags,"
            " front_matter, front_matter_problem, word_count, problem)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                page.path,
                fold(page.path),
                page.blob_id,
                page.size_bytes,
                page.title,
                page.heading,
                page.category,
                json.dumps(page.tags, ensure_ascii=False),
                json.dumps(page.front_matter, ensure_ascii=False),
                page.front_matter_problem,
                page.word_count,
                page.problem,
            ),
        ).lastrowid
        connection.executemany(
            "INSERT OR IGNORE INTO page_tags VALUES (?, ?)", [(tag, number) for tag in page.tags]
        )
        connection.executemany(
            "INSERT INTO page_headings VALUES (?, ?, ?, ?, ?)",
            [
                (number, heading.line, heading.level, heading.text, heading.anchor)
                for heading in page.headings
            ],
        )
        connection.executemany(
            "INSERT INTO page_links VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    number,
                    position,
                    link.kind,
                    link.target,
                    "" if link.kind == "external" else fold(link.target),
                    link.anchor,
                    link.text,
                    link.line,
                    link.syntax,
                )
                for position, link in enumerate(page.links)
            ],
        )
        texts = (number, *_texts(page))
        connection.execute(
            "INSERT INTO page_text (rowid, path, title, headings, front_matter, body, addresses)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            texts,
        )
        connection.execute(
            "INSERT INTO page_words (rowid, path, title, headings, front_matter, body, addresses)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            texts,
        )


def _texts(page: PageContents) -> tuple[str, ...]:
    """What is searched of a page, in the order of the columns."""
    other_headings = [heading.text for heading in page.headings if heading.text != page.title]
    front_matter = " ".join((page.category or "", *page.tags, *_words_of(page.front_matter)))
    return (
        indexable(page.path),
        indexable(page.title or ""),
        indexable("\n".join(other_headings)),
        indexable(front_matter),
        page.body,
        page.addresses,
    )


def _words_of(value: object) -> Iterable[str]:
    """The texts in a front matter's values; its title, tags and category stand elsewhere."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in ("title", "tags", "tag", "keywords", "category", "categories"):
                yield from _words_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from _words_of(item)


def delete_pages(connection: sqlite3.Connection, paths: Collection[str]) -> None:
    """Take pages out; unknown paths are passed over."""
    for path in paths:
        row = connection.execute("SELECT id FROM pages WHERE path = ?", (path,)).fetchone()
        if row is None:
            continue
        # page_words finds out from page_text what it has to forget, so it goes first.
        connection.execute("DELETE FROM page_words WHERE rowid = ?", row)
        connection.execute("DELETE FROM page_text WHERE rowid = ?", row)
        connection.execute("DELETE FROM page_tags WHERE page = ?", row)
        connection.execute("DELETE FROM page_headings WHERE page = ?", row)
        connection.execute("DELETE FROM page_links WHERE page = ?", row)
        connection.execute("DELETE FROM pages WHERE id = ?", row)
