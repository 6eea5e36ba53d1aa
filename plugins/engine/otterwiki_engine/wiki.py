"""One opened wiki: its repository, its indexes, and where its derived files lie."""

from __future__ import annotations

import threading
from pathlib import Path

from .history import HistoryIndex, index_file_of
from .pages.page_index import PageIndex
from .pages.settings import PageSettings
from .repository import Repository


class Wiki:
    """What a door needs of one wiki. Safe for threads; open it once per process and keep it."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._index_file = index_file_of(repository)
        self.history = HistoryIndex(repository, self._index_file)
        self._page_index: PageIndex | None = None
        self._lock = threading.Lock()

    def pages_index(self, settings: PageSettings) -> PageIndex:
        """The index of the wiki's pages, named and linked as `settings` say.

        The file holds it for one kind of settings at a time: other ones make it be built anew.
        """
        with self._lock:
            index = self._page_index
            if index is None or index.settings != settings:
                index = PageIndex(self.repository, self._index_file, self.history, settings)
                self._page_index = index
            return index

    def drop_indexes(self) -> None:
        """Forget everything that is derived from the commits; it is worked out again when asked
        for, here and in every other process."""
        self._index_file.replace()

    @property
    def files_dir(self) -> Path:
        """Folder of served files, each named by its blob id; may be deleted at any moment."""
        return self.repository.state_dir / "files"

    def close(self) -> None:
        """Give back open files and connections."""
        self.history.close()
        self.repository.close()
