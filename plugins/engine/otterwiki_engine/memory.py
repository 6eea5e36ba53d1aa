"""All that this process keeps in memory of pages, menus and indexes: bounded, and never stale.

Each cache is bounded by bytes for the whole process, whatever the number of wikis, and its keys
begin with the wiki: two wikis never share an entry, even where their contents are equal.
"""

from __future__ import annotations

from . import (
    az_index,
    headings,
    kept_fragments,
    page_views,
    rendered_pages,
    sidebar_cache,
    storage_reading,
)
from .blob_cache import blobs
from .file_lists import file_lists

_CACHES = (
    az_index.kept,
    headings.kept,
    kept_fragments.kept,
    page_views.texts,
    rendered_pages.kept,
    sidebar_cache.trees,
    sidebar_cache.headers,
    storage_reading.last_changes,
    file_lists,
    blobs,
)


def forget() -> None:
    """Drop all of it: what a new process would start with."""
    for cache in _CACHES:
        cache.clear()
