"""The page tree beside every page, made once for a commit and the settings it is made with.

Otterwiki reads the first lines of each page at each view. Here the tree is kept in memory for a
revision of a wiki, a folder and the settings below, so that a commit, also of another process, or a
changed setting is another key. A plugin that filters or sorts the tree may do so for each reader:
where there is one, nothing is kept.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Any

from otterwiki.gitstorage import StorageError
from otterwiki.plugins import plugin_manager
from otterwiki.server import app, storage
from otterwiki.sidebar import SidebarPageIndex, SidebarPageIndexEntry
from otterwiki.util import get_page_directoryname

from .errors import NoWikiActive
from .kept_fragments import KeptKey
from .request_state import state_of
from .sized_cache import SizedCache

SIZE_BYTES = 32 * 1024 * 1024
_ENTRY_BYTES = 900  # what one entry of a tree takes in memory, about
_HEADER_BYTES = 4 * 1024 * 1024  # of first headings in memory
#: Settings that decide what is in the tree, in which order and by which name.
SETTINGS = (
    "RETAIN_PAGE_NAME_CASE",
    "SIDEBAR_MENUTREE_FOCUS",
    "SIDEBAR_MENUTREE_IGNORE_CASE",
    "SIDEBAR_MENUTREE_MAXDEPTH",
    "SIDEBAR_MENUTREE_MODE",
    "TREAT_UNDERSCORE_AS_SPACE_FOR_TITLES",
)
DECIDING_HOOKS = ("sidebar_page_index_filter_entries", "sidebar_page_index_sort_entries")

_upstream_init = SidebarPageIndex.__init__
_upstream_read_header = SidebarPageIndex.read_header


class KeptTree(OrderedDict[str, SidebarPageIndexEntry]):
    """A tree that others are given too, so it must not be changed; `kept_key` tells it apart."""

    kept_key: KeptKey = ()


#: The newest tree by what it is made with: its revision, and the attributes of the object.
trees: SizedCache[KeptKey, tuple[str, dict[str, Any]]] = SizedCache(SIZE_BYTES)
headers: SizedCache[tuple[str, str], tuple[str | None]] = SizedCache(_HEADER_BYTES)


def init(self: Any, path: str | None = None, mode: str = "", filter_order: bool = True) -> None:
    """As :meth:`SidebarPageIndex.__init__`, from memory where the same tree was made before."""
    key = _key(path, mode, filter_order=filter_order)
    if not key:
        _upstream_init(self, path, mode, filter_order)
        return
    revision = storage.pinned_revision()
    made_at, attributes = trees.get(key) or (None, {})
    if made_at != revision:
        _upstream_init(self, path, mode, filter_order)
        self.tree = KeptTree(self.tree)
        self.tree.kept_key = (*key, revision)
        attributes = dict(vars(self))
        trees.put(key, (revision, attributes), _ENTRY_BYTES * len(self.filenames_and_header))
    vars(self).update(attributes)
    self.filenames_and_header = list(self.filenames_and_header)


def _key(path: str | None, mode: str, *, filter_order: bool) -> KeptKey:
    """What a tree is kept under; () where it has to be made each time."""
    if any(getattr(plugin_manager.hook, name).get_hookimpls() for name in DECIDING_HOOKS):
        return ()
    try:
        wiki = storage.wiki
    except NoWikiActive:
        return ()
    if state_of(wiki).staged:
        return ()
    folder = get_page_directoryname(path or "/")
    settings = tuple([repr(app.config.get(name)) for name in SETTINGS])
    return str(wiki.repository.state_dir), settings, folder, mode, filter_order


def read_header(self: Any, filename: str) -> str | None:
    """As :meth:`SidebarPageIndex.read_header`, once for each content.

    A menu shows no headers where page names keep their case, so there none is looked for.
    """
    if app.config["RETAIN_PAGE_NAME_CASE"] and self.mode == app.config["SIDEBAR_MENUTREE_MODE"]:
        return None
    try:
        blob_id = storage.blob_id(filename)
    except StorageError:
        blob_id = None
    if blob_id is None or state_of(storage.wiki).staged:
        header: str | None = _upstream_read_header(self, filename)
        return header
    key = str(storage.wiki.repository.state_dir), blob_id
    known = headers.get(key)
    if known is None:
        known = (_upstream_read_header(self, filename),)
        headers.put(key, known, sys.getsizeof(known[0]))
    return known[0]


def install() -> None:
    """Let every menu be made so; the storage has to be the engine's already."""
    SidebarPageIndex.__init__ = init
    SidebarPageIndex.read_header = read_header
