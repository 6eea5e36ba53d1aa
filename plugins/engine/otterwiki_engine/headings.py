"""Headings of pages, for the page index: remembered by content instead of by time.

Otterwiki keeps them in its database by the page's modification time, writes there on every view,
and may keep an old revision's headings for the current page. Here they belong to a blob id and can
never be stale: in memory, and in the wiki's derived ``rendered.db``.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import otterwiki.helper
from flask import Flask, g, has_app_context
from otterwiki.gitstorage import StorageError
from otterwiki.server import app, app_renderer, storage

from . import rendered_pages
from .rebinding import rebind
from .rendered_pages import Settings, blob_id_of
from .rendered_store import RenderedStore, Toc
from .rendering import last_rendered
from .sized_cache import SizedCache
from .wiki import Wiki

SIZE_BYTES = 16 * 1024 * 1024  # tables of contents in memory
_HEADING_BYTES = 500  # what one heading takes there, about
_SPARE_ROWS = 2000  # rows of old versions the file may hold before it is pruned
_FLUSH_AT = 64  # new tables of contents held back before they are written in one transaction
_KEY = "_otterwiki_engine_headings"

_Version = tuple[str, Settings, str]  # wiki, settings, blob id
kept: SizedCache[_Version, Toc] = SizedCache(SIZE_BYTES)


@dataclass
class _RequestHeadings:
    """What one request read from the file, and what it found out but has not written yet."""

    wiki: Wiki
    settings: Settings
    loaded: dict[str, Toc] | None = None
    unwritten: dict[str, Toc] = field(default_factory=dict)
    in_progress: set[str] = field(default_factory=set)

    @property
    def store(self) -> RenderedStore:
        return RenderedStore(self.wiki.repository.state_dir)

    @property
    def flavour(self) -> str:
        return rendered_pages.flavour(self.settings)

    def remembered(self, blob_id: str) -> Toc | None:
        """The table of contents of a version, from memory."""
        return kept.get(self._key(blob_id))

    def remember(self, blob_id: str, toc: Toc) -> None:
        """Keep `toc` in memory."""
        kept.put(self._key(blob_id), toc, _HEADING_BYTES * len(toc))

    def _key(self, blob_id: str) -> _Version:
        return str(self.wiki.repository.state_dir), self.settings, blob_id

    def find(self, blob_id: str) -> Toc | None:
        """The table of contents of a version, from memory or the file, without rendering."""
        toc = self.remembered(blob_id)
        if toc is None:
            toc = self._load().get(blob_id)
        return toc

    def is_known(self, blob_id: str) -> bool:
        """Whether memory or file have this one version; loads nothing else."""
        if self.remembered(blob_id) is None:
            found = self.store.read_headings(self.flavour, [blob_id]).get(blob_id)
            if found is None:
                return False
            self.remember(blob_id, found)
        return True

    def keep(self, blob_id: str, toc: Toc) -> None:
        """Remember `toc` from now on; it reaches the file at the end of the request, if any."""
        self.remember(blob_id, toc)
        self.unwritten[blob_id] = toc
        if len(self.unwritten) >= _FLUSH_AT or not has_app_context():
            self.flush()

    def flush(self) -> None:
        """Write what is new to the file."""
        unwritten, self.unwritten = self.unwritten, {}
        if unwritten:
            self.store.write_headings(self.flavour, unwritten)

    def _load(self) -> dict[str, Toc]:
        """All that the file knows of the wiki's current pages: one query at the first miss."""
        if self.loaded is None:
            entries = self.wiki.repository.snapshot(storage.pinned_revision()).entries
            pages = {entry.blob_id for path, entry in entries.items() if path.endswith(".md")}
            known = {page: self.remembered(page) for page in pages}
            missing = [page for page, toc in known.items() if toc is None]
            read = self.store.read_headings(self.flavour, missing)
            # Held for this request, so that a wiki larger than the memory is read only once too.
            self.loaded = {page: toc for page, toc in known.items() if toc is not None} | read
            for blob_id, toc in read.items():
                self.remember(blob_id, toc)
            if len(read) < len(missing):
                self.store.prune_headings(self.flavour, pages, spare=_SPARE_ROWS)
        return self.loaded


def _headings_of_request() -> _RequestHeadings:
    wiki: Wiki = storage.wiki
    held: dict[int, _RequestHeadings] = g.setdefault(_KEY, {}) if has_app_context() else {}
    headings = held.get(id(wiki))
    if headings is None:
        headings = held[id(wiki)] = _RequestHeadings(wiki, rendered_pages.settings_of(app.config))
    return headings


def flush(_error: BaseException | None = None) -> None:
    """Write what this request found out. Called when the app context ends."""
    for headings in g.pop(_KEY, {}).values():
        headings.flush()


def get_ftoc(filename: str, mtime: Any = None) -> Toc:
    """Headings of the page `filename` as (count, HTML, level, text, anchor), [] where none is.

    A caller that gives `mtime` names a version of its own making, as stored under that time by
    :func:`update_ftoc_cache`; Otterwiki itself never does.
    """
    headings = _headings_of_request()
    if mtime is not None:
        stated = headings.remembered(_stated(filename, mtime))
        if stated is not None:
            return list(stated)
    return headings_of(filename) or []


def headings_of(filename: str) -> Toc | None:
    """Headings of the committed page `filename`, [] where there is no such page.

    None where they can't be had now, but may be another time.
    """
    headings = _headings_of_request()
    blob_id = _committed(filename)
    if blob_id is None:
        return []
    if blob_id in headings.in_progress:
        return None  # a page index embedded in this very page asks for its headings
    toc = headings.find(blob_id)
    if toc is None:
        try:
            text = storage.load(filename)
        except StorageError:
            return []
        headings.in_progress.add(blob_id)
        try:
            toc = app_renderer.headings(text)
        finally:
            headings.in_progress.discard(blob_id)
        if toc is None:
            return None
        headings.keep(blob_id, toc)
    return list(toc)


def update_ftoc_cache(filename: str, ftoc: Toc, mtime: Any = None) -> None:
    """Remember `ftoc`, just found while rendering `filename`; writes nothing that is known.

    It is believed only where it came from rendering the committed text (a view of an old revision
    passes that revision's headings), or where the caller states the version with `mtime`.
    """
    headings = _headings_of_request()
    if mtime is not None:
        headings.remember(_stated(filename, mtime), list(ftoc))
        return
    blob_id = _committed(filename)
    if blob_id is None or headings.remembered(blob_id) is not None:
        return
    rendered = last_rendered()
    if rendered is None or rendered.toc is not ftoc or blob_id_of(rendered.text) != blob_id:
        return
    if rendered.is_kept:
        headings.remember(blob_id, list(ftoc))
    elif not headings.is_known(blob_id):
        headings.keep(blob_id, list(ftoc))


def _committed(filename: str) -> str | None:
    """Blob id of the page in this request's snapshot; None where there is none."""
    try:
        blob_id: str | None = storage.blob_id(filename)
    except StorageError:
        return None
    return blob_id


def _stated(filename: str, mtime: Any) -> str:
    return f"{mtime!r} {filename}"


def install(flask_app: Flask) -> None:
    """Replace Otterwiki's headings cache; renderer and storage have to be the engine's already."""
    rebind(otterwiki.helper.get_ftoc, get_ftoc)
    rebind(otterwiki.helper.update_ftoc_cache, update_ftoc_cache)
    flask_app.teardown_appcontext(flush)
