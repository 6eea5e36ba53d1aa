"""One opened wiki: its repository, its history index, and where its derived files lie."""

from __future__ import annotations

from pathlib import Path

from .history import HistoryIndex
from .repository import Repository


class Wiki:
    """What a door needs of one wiki. Safe for threads; open it once per process and keep it."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.history = HistoryIndex(repository)

    @property
    def files_dir(self) -> Path:
        """Folder of served files, each named by its blob id; may be deleted at any moment."""
        return self.repository.state_dir / "files"

    def close(self) -> None:
        """Give back open files and connections."""
        self.history.close()
        self.repository.close()
