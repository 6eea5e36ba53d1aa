"""Otterwiki's page index (A - Z) made in linear time, once for a commit and its settings.

Otterwiki compares every page with every other one, asks for each page's headings, and builds an
address for each heading; the editor does all that as well, for its list of pages. What comes out
here is the same, entry by entry. It is kept in memory for a revision of a wiki and the settings
below, so that a commit, also of another process, or a changed setting is another key.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import request
from otterwiki.helper import (
    get_breadcrumbs,
    get_filename,
    get_pagename,
    get_pagename_for_title,
    url_for,
)
from otterwiki.pageindex import PageIndex, PageIndexEntry
from otterwiki.server import app, storage
from otterwiki.util import join_path, split_path

from . import headings, rendered_pages
from .errors import NoWikiActive
from .kept_fragments import KeptKey
from .request_state import state_of
from .sized_cache import SizedCache

SIZE_BYTES = 32 * 1024 * 1024
_ENTRY_BYTES = 700  # what an entry or a heading takes in memory, about
#: Settings that decide how pages are called, besides those of their headings.
SETTINGS = ("RETAIN_PAGE_NAME_CASE", "TREAT_UNDERSCORE_AS_SPACE_FOR_TITLES")
#: What Flask leaves as it is in the part of an address after "#".
_SAFE_IN_ANCHOR = "%!#$&'()*+,/:;=?@"

Letters = dict[str, list[PageIndexEntry]]


class KeptLetters(Letters):
    """Entries by letter that others are given too; `kept_key` tells them apart."""

    kept_key: KeptKey = ()


@dataclass(frozen=True)
class Made:
    """The index of a revision. `entries` are those of pages: (content, is a folder too, entry)."""

    revision: str
    letters: Letters
    entries: dict[str, tuple[str, bool, PageIndexEntry]]


#: The newest index by what it is made with.
kept: SizedCache[KeptKey, Made] = SizedCache(SIZE_BYTES)


def init(self: Any, path: str | None = None, display_page_path: bool = False) -> None:
    """As :meth:`PageIndex.__init__`, in less time."""
    self.path = self.breadcrumbs = self.pagename = None
    self.index_depth = 0
    if path is not None:
        own_case = path if app.config["RETAIN_PAGE_NAME_CASE"] else path.lower()
        self.path = own_case.rstrip("/")
        self.breadcrumbs = get_breadcrumbs(get_pagename(path, full=True))
        self.index_depth = len(split_path(self.path))
    if self.path:
        self.pagename = get_pagename_for_title(filepath=self.path, full=False)
    key = _key(self.path, display_page_path=display_page_path)
    revision = storage.pinned_revision() if key else ""
    made = kept.get(key) if key else None
    if made is None or made.revision != revision:
        making = _Making(self.path, self.index_depth, display_page_path)
        made = making.make(revision, made)
        if key and making.is_whole:
            size = sum(1 + len(entry.toc or ()) for _, _, entry in made.entries.values())
            kept.put(key, made, _ENTRY_BYTES * size)
        else:
            key = ()
    self.toc = KeptLetters((letter, list(entries)) for letter, entries in made.letters.items())
    self.toc.kept_key = (*key, revision) if key else ()


def _key(path: str | None, *, display_page_path: bool) -> KeptKey:
    """What an index is kept under; () where it has to be made each time."""
    try:
        wiki = storage.wiki
    except NoWikiActive:
        return ()
    if state_of(wiki).staged or rendered_pages.foreign_plugins_decide():
        return ()
    names = tuple([repr(app.config.get(name)) for name in SETTINGS])
    return (
        str(wiki.repository.state_dir),
        names,
        rendered_pages.settings_of(app.config),
        request.script_root if request else None,
        path,
        display_page_path,
    )


@dataclass
class _Making:
    """One index being made. `is_whole` tells afterwards whether all headings could be had."""

    path: str | None
    index_depth: int
    display_page_path: bool
    is_whole: bool = True

    def make(self, revision: str, before: Made | None) -> Made:
        """The index, with the entries of pages that have not changed since `before`."""
        files, _ = storage.list(p=self.path)
        pages = [name for name in files if name.endswith(".md")]
        folders = set(_folders(pages))
        listed: set[str] = set()
        found = Made(revision, {}, {})
        for name in pages:
            filename = os.path.join(self.path or "", name)
            # As Otterwiki looks for it: the whole path of this page before those of the others.
            is_folder = filename[:-3] in folders
            content = storage.blob_id(filename) or ""
            known = before.entries.get(name) if before and content else None
            if known is None or known[:2] != (content, is_folder):
                known = content, is_folder, self._entry(filename, is_folder)
            found.entries[name] = known
            letter = get_pagename_for_title(name, full=True)[0].upper()
            entries = found.letters.setdefault(letter, [])
            entries += self._folders_without_page(name, listed)
            entries.append(known[2])
        return found

    def _folders_without_page(self, name: str, listed: set[str]) -> Iterator[PageIndexEntry]:
        """Entries of the folders that page `name` lies in, where they are not `listed` yet."""
        parents = split_path(name)[:-1]
        for depth in range(len(parents)):
            folder = join_path(parents[: depth + 1])
            full = join_path([self.path or "", folder])
            if full in listed:
                continue
            listed.add(full)
            if not storage.exists(get_filename(full)):
                yield PageIndexEntry(
                    depth=depth,
                    title=get_pagename_for_title(folder, full=False),
                    url=url_for("view", path=get_pagename(full, full=True)),
                    toc=[],
                    has_children=True,
                )

    def _entry(self, filename: str, is_folder: bool) -> PageIndexEntry:
        toc = headings.headings_of(filename)
        if toc is None:
            self.is_whole = False
            toc = []
        # The first heading may tell how the name is capitalised.
        title = get_pagename(filename, full=False, header=toc[0][3] if toc else None)
        url = url_for("view", path=get_pagename(filename, full=True, header=title))
        shown = get_pagename_for_title(filename, full=self.display_page_path, header=title)
        if (
            self.path is not None
            and self.display_page_path
            and shown.lower().startswith(self.path.lower())
        ):
            shown = shown[len(self.path) + 1 :]
        return PageIndexEntry(
            depth=len(split_path(filename)) - 1 - self.index_depth,
            title=shown,
            url=url,
            toc=[
                (level, text, f"{url}#{quote(anchor, safe=_SAFE_IN_ANCHOR)}")
                for _count, _html, level, text, anchor in toc[1:]
            ],
            has_children=is_folder,
        )


def _folders(names: Iterable[str]) -> Iterator[str]:
    """Every folder that a file of `names` lies in, at any depth."""
    for name in names:
        end = name.find("/")
        while end >= 0:
            yield name[:end]
            end = name.find("/", end + 1)


def install() -> None:
    """Let every page index be made so; storage and headings have to be the engine's already."""
    PageIndex.__init__ = init
