"""All that an index knows of a wiki's pages, for comparing two indexes."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from otterwiki_engine.pages.settings import PageSettings
from otterwiki_engine.repository import Repository
from otterwiki_engine.wiki import Wiki

_QUERIES = (
    "SELECT path, folded, blob_id, size_bytes, title, heading, category, tags, front_matter,"
    " front_matter_problem, word_count, problem FROM pages ORDER BY path",
    "SELECT path, tag FROM page_tags JOIN pages ON id = page ORDER BY path, tag COLLATE BINARY",
    "SELECT path, line, level, text, anchor FROM page_headings JOIN pages ON id = page"
    " ORDER BY path, line",
    "SELECT path, position, kind, target, page_links.folded, leads_to, anchor, text, line, syntax"
    " FROM resolved_links AS page_links ORDER BY path, position",
    "SELECT pages.path, page_text.* FROM page_text JOIN pages ON id = page_text.rowid"
    " ORDER BY pages.path",
    "SELECT term, doc, cnt FROM page_vocabulary ORDER BY term",
    "SELECT count(*) FROM page_text",
    "SELECT head, tree_id, settings FROM page_standing",
)


def dump(wiki: Wiki, settings: PageSettings) -> list[list[tuple[Any, ...]]]:
    """Every row of the page tables, numbers of rows left out, once they are at HEAD."""
    wiki.pages_index(settings).paths()
    with sqlite3.connect((wiki.repository.state_dir / "index.db").resolve()) as connection:
        for table in ("page_text", "page_words"):
            connection.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [connection.execute(query).fetchall() for query in _QUERIES]


def dump_from_scratch(wiki: Wiki, settings: PageSettings) -> list[list[tuple[Any, ...]]]:
    """The same of an index that was built from nothing just now."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Wiki(Repository(wiki.repository.git_dir, state_dir=Path(folder)))
        try:
            return dump(fresh, settings)
        finally:
            fresh.close()
