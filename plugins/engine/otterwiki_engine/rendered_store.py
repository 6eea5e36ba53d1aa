"""The derived file ``rendered.db`` of a wiki: what came of rendering its pages, by content.

Pages are kept as one row for each content, with a digest: a row that is not what was written, or
was written for other settings, is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .derived_store import DerivedStore

FILE_NAME = "rendered.db"
_DIGEST_BYTES = 16
_FAST = 1  # zlib's level: HTML shrinks to a quarter at any
_MOST_BYTES = 64 * 1024 * 1024  # of one page, unpacked; a page's text has 1 MB at most

Toc = list[Any]


@dataclass(frozen=True)
class RenderedPage:
    """What the renderer gives for a text: HTML, table of contents, libraries it needs.

    `url` is the page's address where the HTML depends on it, else "".
    """

    html: str
    toc: Toc
    requirements: Mapping[str, bool]
    url: str


class RenderedStore(DerivedStore):
    """Tables of contents and pages. `flavour` stands for the settings of the render."""

    schema = """
        CREATE TABLE IF NOT EXISTS headings (
            flavour TEXT NOT NULL,
            blob_id TEXT NOT NULL,
            toc TEXT NOT NULL,
            PRIMARY KEY (flavour, blob_id)
        ) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS pages (
            blob_id TEXT NOT NULL PRIMARY KEY,
            flavour TEXT NOT NULL,
            url TEXT NOT NULL,
            digest BLOB NOT NULL,
            content BLOB NOT NULL
        );
    """

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir / FILE_NAME)

    # ------------------------------------------------------------------ headings

    def read_headings(self, flavour: str, blob_ids: Collection[str]) -> dict[str, Toc]:
        """What is known of `blob_ids`, in one query."""

        def query(connection: sqlite3.Connection) -> list[tuple[bytes, bytes]]:
            rows = connection.execute(
                "SELECT blob_id, toc FROM headings WHERE flavour = ?"
                " AND blob_id IN (SELECT value FROM json_each(?))",
                (flavour, json.dumps(list(blob_ids))),
            )
            return list(rows)

        found = {}
        for blob_id, text in self._read(query) or []:
            toc = _parsed_toc(text)
            if toc is not None:
                found[blob_id.decode("ascii", "replace")] = toc
        return found

    def write_headings(self, flavour: str, tocs: Mapping[str, Toc]) -> None:
        """Keep `tocs` (blob id -> table of contents) in one transaction."""
        rows = [(flavour, blob_id, json.dumps(toc)) for blob_id, toc in tocs.items()]

        def insert(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO headings VALUES (?, ?, ?)", rows)

        self._run(insert)

    def prune_headings(self, flavour: str, wanted: Collection[str], *, spare: int) -> int:
        """Drop what is not in `wanted` once more than `spare` rows are superfluous.

        Returns the number of rows dropped.
        """

        def delete(connection: sqlite3.Connection) -> int:
            (count,) = connection.execute("SELECT count(*) FROM headings").fetchone()
            if count <= len(wanted) + spare:
                return 0
            return connection.execute(
                "DELETE FROM headings WHERE flavour <> ?"
                " OR blob_id NOT IN (SELECT value FROM json_each(?))",
                (flavour, json.dumps(list(wanted))),
            ).rowcount

        return self._run(delete) or 0

    # ------------------------------------------------------------------ pages

    def read_page(self, flavour: str, blob_id: str) -> RenderedPage | None:
        """What came of the text `blob_id`; None where that is not known, or is damaged."""

        def query(connection: sqlite3.Connection) -> tuple[bytes, bytes, bytes] | None:
            row: tuple[bytes, bytes, bytes] | None = connection.execute(
                "SELECT url, digest, content FROM pages WHERE blob_id = ? AND flavour = ?",
                (blob_id, flavour),
            ).fetchone()
            return row

        row = self._read(query)
        return _unpacked(flavour, blob_id, *row) if row else None

    def write_pages(self, flavour: str, pages: Mapping[str, RenderedPage], *, most: int) -> None:
        """Keep `pages` (by blob id) with their tables of contents, in one transaction.

        Of all pages, the `most` newest stay.
        """
        rows = [_packed(flavour, blob_id, page) for blob_id, page in pages.items()]
        tocs = [(flavour, blob_id, json.dumps(page.toc)) for blob_id, page in pages.items()]

        def insert(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO headings VALUES (?, ?, ?)", tocs)
            connection.execute(
                "DELETE FROM pages WHERE rowid <= (SELECT max(rowid) FROM pages) - ?", (most,)
            )

        self._run(insert)


def _packed(flavour: str, blob_id: str, page: RenderedPage) -> tuple[str, str, str, bytes, bytes]:
    text = json.dumps([page.html, page.toc, dict(page.requirements)])
    content = zlib.compress(text.encode("ascii"), _FAST)
    digest = _digest(flavour, blob_id, page.url.encode(), content)
    return blob_id, flavour, page.url, digest, content


def _unpacked(
    flavour: str, blob_id: str, url: bytes, digest: bytes, content: bytes
) -> RenderedPage | None:
    if not isinstance(url, bytes) or not isinstance(content, bytes):
        return None
    if digest != _digest(flavour, blob_id, url, content):
        return None
    # What has its digest was written here, so it can be unpacked.
    text = zlib.decompressobj().decompress(content, _MOST_BYTES)
    html, toc, requirements = json.loads(text)
    return RenderedPage(html, [tuple(heading) for heading in toc], requirements, url.decode())


def _digest(flavour: str, blob_id: str, url: bytes, content: bytes) -> bytes:
    """Ties a row's content to what it is the content of."""
    found = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in (flavour.encode(), blob_id.encode(), url, content):
        found.update(b"%d:" % len(part) + part)
    return found.digest()


def _parsed_toc(text: bytes) -> Toc | None:
    """A row's table of contents in the renderer's form, None when it is not one."""
    try:
        toc = [tuple(heading) for heading in json.loads(text)]
    except (ValueError, TypeError):
        return None
    return toc if all(len(heading) == 5 for heading in toc) else None
