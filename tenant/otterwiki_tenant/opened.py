"""Opened wikis, a bounded number of them: repository, history index and ``wiki.db``."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from otterwiki_engine.repository import Repository
from otterwiki_engine.wiki import Wiki

from .layout import repository_of, wiki_db_of
from .wiki_database import Tables, WikiDatabase

_Closers = list[Callable[[], None]]


class OpenedWiki:
    """One wiki's folder, opened part by part at first use. Safe for threads.

    Whoever uses a part holds this object: the parts are closed when nobody does any more, so that
    making room for another wiki never closes one under a request.
    """

    def __init__(self, folder: Path, session_key: str, tables: Tables | None) -> None:
        self.session_key = session_key
        self._folder = folder
        self._tables = tables
        self._lock = threading.Lock()
        self._wiki: Wiki | None = None
        self._database: WikiDatabase | None = None
        self._closers: _Closers = []
        weakref.finalize(self, _close, self._closers)

    @property
    def wiki(self) -> Wiki:
        """The engine's wiki; raises RepositoryDamaged where there is no repository."""
        with self._lock:
            if self._wiki is None:
                repository = Repository(repository_of(self._folder), state_dir=self._folder)
                self._wiki = Wiki(repository)
                self._closers.append(self._wiki.close)
            return self._wiki

    @property
    def database(self) -> WikiDatabase:
        """Otterwiki's database of this wiki, made if it is missing."""
        with self._lock:
            if self._database is None:
                self._database = WikiDatabase(wiki_db_of(self._folder), self._tables)
                self._closers.append(self._database.close)
            return self._database


def _close(closers: _Closers) -> None:
    for close in reversed(closers):
        close()


class OpenedWikis:
    """The most recently used opened wikis of one process. Safe for threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[str, OpenedWiki] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, slug: str, session_key: str, open_wiki: Callable[[], OpenedWiki]) -> OpenedWiki:
        """The opened wiki; one that was deleted and made anew (other key) is opened anew."""
        with self._lock:
            found = self._kept.pop(slug, None)
            if found is None or found.session_key != session_key:
                found = open_wiki()
            self._kept[slug] = found
            dropped = None
            if len(self._kept) > self._capacity:
                _, dropped = self._kept.popitem(last=False)
        del dropped  # outside of the lock: closing takes a moment
        return found

    def forget(self, slug: str) -> None:
        """Drop a wiki that is gone."""
        with self._lock:
            dropped = self._kept.pop(slug, None)
        del dropped

    def clear(self) -> None:
        """Drop all of them."""
        with self._lock:
            dropped = dict(self._kept)
            self._kept.clear()
        del dropped
