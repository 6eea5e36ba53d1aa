"""The three storages that Otterwiki's own tests run against, and how each one is put in place.

This module runs inside the child process that runs one batch of upstream test files.
"""

from __future__ import annotations

import contextlib
import enum
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import git
import pluggy

#: They are not about storage, and would change what upstream's tests look for in pages.
OTHER_PLUGINS = frozenset({"tenant", "access_control", "content_security"})


class StorageKind(enum.Enum):
    """What stands behind Otterwiki's `storage`."""

    STOCK = "stock"
    """Otterwiki's GitStorage with none of our plugins: proves our fixtures, not our engine."""
    WORKTREE = "worktree"
    """The engine over a repository with a work tree, as beside a stock Otterwiki."""
    BARE = "bare"
    """The engine over a bare repository, as on the farm."""

    @property
    def blocked_plugins(self) -> frozenset[str]:
        """Names of our Otterwiki plugins that must not load: all but the engine never do."""
        return OTHER_PLUGINS | {"engine"} if self is StorageKind.STOCK else OTHER_PLUGINS


def block_plugins(names: frozenset[str]) -> None:
    """Keep these entry points of the group `otterwiki` from loading, in every plugin manager.

    Otterwiki makes its plugin manager and loads its plugins in one go at import, and some upstream
    tests import it afresh, so the names are blocked at the moment of loading.
    """
    load = pluggy.PluginManager.load_setuptools_entrypoints

    def load_unblocked(manager: pluggy.PluginManager, group: str, name: str | None = None) -> int:
        if group == "otterwiki":
            for blocked in names:
                manager.set_blocked(blocked)
        return load(manager, group, name)

    setattr(pluggy.PluginManager, load.__name__, load_unblocked)


def new_repository(folder: Path) -> Path:
    """Make an empty repository with a work tree in `folder` and return the folder."""
    git.Repo.init(folder).close()
    return folder


@contextlib.contextmanager
def served(kind: StorageKind, storage: Any, folder: Path) -> Iterator[None]:
    """Let `otterwiki.server.storage` serve the repository in `folder` meanwhile.

    The object stays the same one: every module of Otterwiki holds it.
    """
    if kind is StorageKind.STOCK:
        storage.__init__(str(folder))
        yield
        storage.repo.close()
        return
    from otterwiki_engine import current
    from otterwiki_engine.storage import open_stock_wiki

    repository = folder
    if kind is StorageKind.BARE:
        repository = folder / ".git"
        with git.Repo(repository).config_writer() as config:
            config.set_value("core", "bare", True)
        storage.__class__ = storage_class(kind)
        storage.folder = folder
    wiki = open_stock_wiki(repository)
    current.use_resolver(lambda: wiki)
    yield
    wiki.close()


@functools.cache
def storage_class(kind: StorageKind) -> type[Any] | None:
    """The class that upstream tests find as `otterwiki.gitstorage.GitStorage`; None leaves it be.

    Upstream builds it as `GitStorage(path, initialize=False, allow_external_symlinks=False)`.
    """
    if kind is StorageKind.STOCK:
        return None
    from otterwiki_engine.storage import WikiStorage

    if kind is StorageKind.WORKTREE:
        return WikiStorage

    class BareStorage(WikiStorage):
        """The engine over `<folder>/.git` with no work tree, for tests that expect one.

        What such a test writes into the folder is nothing to the engine, but can be committed:
        that is how upstream tests bring bytes into a wiki that no page can be saved with.
        """

        def __init__(
            self, path: str, initialize: bool = False, allow_external_symlinks: bool = False
        ) -> None:
            self.folder = Path(path).absolute()
            if initialize:
                new_repository(self.folder)
            super().__init__(str(self.folder / ".git"))

        @property
        def path(self) -> str:
            return str(self.folder)

        @path.setter
        def path(self, _value: str) -> None:
            raise AttributeError("the folder of a storage does not change")

        def _from_disk(self, path: str) -> dict[str, bytes | None]:
            file = self.folder / path
            if file.is_symlink() or not file.is_file():
                return super()._from_disk(path)
            return {path: file.read_bytes()}

    return BareStorage
