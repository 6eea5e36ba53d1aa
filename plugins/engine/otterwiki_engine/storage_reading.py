"""The reading half of the storage stand-in: files and history, of committed content only."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from otterwiki.gitstorage import GitStorage, StorageError, StorageUnsafePath

from . import blame as blame_module
from . import diff as diff_module
from .current import current_wiki
from .errors import BadPath, BadRevision, EngineError, NotFound
from .history_records import CommitRecord
from .paths import NO_COMMIT, check_revision
from .request_state import RequestState, state_of
from .sized_cache import SizedCache
from .snapshot import Snapshot
from .storage_common import (
    decode,
    metadata_of,
    normal,
    open_stock_wiki,
    otterwiki_errors,
)
from .wiki import Wiki

_COMMIT_BYTES, _FILE_BYTES = 1500, 150  # what a commit and each of its files take in memory
#: What :meth:`CommittedFiles.metadata` found, by (wiki, revision at HEAD, path).
last_changes: SizedCache[tuple[str, str, str], dict[str, Any]] = SizedCache(8 * 1024 * 1024)


class CommittedFiles(GitStorage):
    """What is committed in the current wiki, or in the one at `path` where a path is given."""

    def __init__(  # pyright: ignore[reportMissingSuperCall]
        self, path: str, initialize: bool = False, allow_external_symlinks: bool = False
    ) -> None:
        try:
            self._own_wiki: Wiki | None = open_stock_wiki(
                Path(path).absolute(), initialize=initialize
            )
        except EngineError as error:
            raise StorageError(str(error)) from error

    # ------------------------------------------------------------------ which wiki, which commit

    @property
    def wiki(self) -> Wiki:
        """The wiki this storage stands for at this moment."""
        own: Wiki | None = self.__dict__.get("_own_wiki")
        return own or current_wiki()

    @property
    def path(self) -> str:
        """The work tree, or the wiki's own folder where the repository is bare."""
        repository = self.wiki.repository
        return str(repository.work_tree.root if repository.work_tree else repository.state_dir)

    @path.setter
    def path(self, _value: str) -> None:
        raise AttributeError("the storage's path follows the current wiki")

    @property
    def repo(self) -> Any:
        """GitPython's Repo, for Otterwiki's remote push and pull; work trees only."""
        if self.wiki.repository.work_tree is None:
            raise StorageError("remote push and pull need a repository with a work tree")
        import git

        return git.Repo(self.path)

    @property
    def _state(self) -> RequestState:
        return state_of(self.wiki)

    @property
    def _snapshot(self) -> Snapshot:
        state = self._state
        if state.snapshot is not None and state.pins_snapshot:
            return state.snapshot
        state.snapshot = self.wiki.repository.snapshot()
        return state.snapshot

    @otterwiki_errors
    def pinned_revision(self) -> str:
        """Full id of the commit this request reads; :data:`NO_COMMIT` where there is none."""
        return self._snapshot.revision or NO_COMMIT

    @otterwiki_errors
    def blob_id(self, filename: str) -> str | None:
        """Id of the committed content of `filename`, which names that content for ever."""
        entry = self._snapshot.get(normal(filename))
        return entry.blob_id if entry else None

    # ------------------------------------------------------------------ reading files

    def _read(self, path: str) -> bytes:
        staged = self._state.staged
        if path in staged:
            content = staged[path]
            if content is None:
                raise NotFound(f"{path} not found")
            return content
        return self._snapshot.read(path)

    def _files(self, prefix: str = "") -> list[str]:
        """Full paths below a directory, staged changes included."""
        files = self._snapshot.files(prefix)
        staged = self._state.staged
        if not staged:
            return files
        below = prefix.strip("/") + "/" if prefix.strip("/") else ""
        names = {path for path in files if staged.get(path, b"") is not None}
        names |= {
            path
            for path, content in staged.items()
            if content is not None and path.startswith(below)
        }
        return sorted(names)

    @otterwiki_errors
    def load(
        self, filename: str, mode: str = "r", revision: str | None = None, size: int = -1
    ) -> Any:
        """Content of a file: str, or bytes with mode "rb"; at most `size` characters (or bytes)."""
        path = normal(filename)
        if revision is None:
            content = self._read(path)
        else:
            repository = self.wiki.repository
            content = repository.snapshot(repository.resolve(check_revision(revision))).read(path)
        if mode == "rb":
            return content if size < 0 else content[:size]
        return decode(content, size, filename)

    def exists(self, filename: str) -> bool:
        """Whether a file or a folder of that name is committed."""
        try:
            path = normal(filename)
        except BadPath:
            return False
        return self._state.has_file(path, self._snapshot) or self.isdir(path)

    def isdir(self, dirname: str) -> bool:
        """Whether files lie below `dirname`."""
        try:
            path = normal(dirname)
        except BadPath:
            return False
        return not path or bool(self._files(path))

    def isemptydir(self, dirname: str) -> bool:
        """Never: git keeps no empty folders."""
        return False

    def islink(self, filename: str) -> bool:
        """Never: symbolic links are not served."""
        return False

    @otterwiki_errors
    def canonical_filename(self, filename: str) -> str:
        """The path itself: there are no links to resolve."""
        return normal(filename)

    def _abspath(self, filename: str) -> str:
        try:
            return os.path.join(self.path, normal(filename))
        except BadPath as error:
            raise StorageUnsafePath(str(error)) from error

    def mtime(self, filename: str) -> datetime:
        """When the file was last committed, as a naive local time (as Otterwiki expects)."""
        record = self.wiki.history.last_change(filename)
        if record is None or not self.exists(filename):
            raise FileNotFoundError(filename)
        return record.datetime.astimezone().replace(tzinfo=None)

    @otterwiki_errors
    def size(self, filename: str) -> int:
        """Size in bytes."""
        return len(self._read(normal(filename)))

    def list(
        self, p: str | None = None, depth: int | None = None, exclude: Sequence[str] = ()
    ) -> tuple[builtins.list[str], builtins.list[str]]:
        """Files and folders below `p`, relative to it, sorted; `depth` 0 is one level."""
        if p is not None and os.path.isabs(p):
            raise ValueError("p must not be an absolute path")
        try:
            root = normal(p or "")
        except BadPath:
            return [], []
        skip = len(root) + 1 if root else 0
        files: builtins.list[str] = []
        folders: set[str] = set()
        for full_path in self._files(root):
            *parents, _name = full_path[skip:].split("/")
            if exclude and any(parent in exclude for parent in parents):
                continue
            for count in range(1, len(parents) + 1):
                if depth is None or count - 1 <= depth:
                    folders.add("/".join(parents[:count]))
            if depth is None or len(parents) <= depth:
                files.append(full_path[skip:])
        return files, sorted(folders)

    # ------------------------------------------------------------------ history

    def _described(self, records: Sequence[CommitRecord]) -> builtins.list[dict[str, Any]]:
        """Commits in the shape Otterwiki's pages expect."""
        short = self.wiki.history.abbreviations([record.revision for record in records])
        return [metadata_of(record, short[record.revision]) for record in records]

    @otterwiki_errors
    def metadata(self, filename: str, revision: str | None = None) -> dict[str, Any]:
        """The commit that last changed `filename`, at or before `revision`."""
        path, wiki = normal(filename), self.wiki
        if revision is not None:
            full = wiki.repository.resolve(check_revision(revision))
            return self._last_change(filename, path, full)
        key = str(wiki.repository.state_dir), self.pinned_revision(), path
        known = last_changes.get(key)
        if known is None:
            known = self._last_change(filename, path, None)
            if wiki.repository.head() == key[1]:  # else this may be about a later one
                last_changes.put(key, known, _COMMIT_BYTES + _FILE_BYTES * len(known["files"]))
        return {**known, "files": list(known["files"])}

    def _last_change(self, filename: str, path: str, revision: str | None) -> dict[str, Any]:
        record = self.wiki.history.last_change(path, revision)
        if record is None:
            raise NotFound(f"{filename} has no history")
        return self._described([record])[0]

    @otterwiki_errors
    def log(
        self,
        filename: str | None = None,
        fail_on_git_error: bool = False,
        max_count: int | None = None,
    ) -> builtins.list[dict[str, Any]]:
        """Commits, newest first: all of them, or those of a file across its renames."""
        if filename is None:
            records = self.wiki.history.log(limit=max_count)
            if not records and fail_on_git_error:
                raise NotFound("there is no commit yet")
        else:
            records = self.wiki.history.log(normal(filename), limit=max_count)
            if not records:
                raise NotFound(f"{filename} has no history")
        return self._described(records)

    def log_slow(self, filename: str | None = None) -> builtins.list[dict[str, Any]]:
        """The same as :meth:`log`."""
        return self.log(filename)

    @otterwiki_errors
    def blame(
        self, filename: str, revision: str | None = None
    ) -> builtins.list[tuple[str, str, datetime, int, str, str]]:
        """(revision, author, time, line number, line, message) of every line."""
        wiki = self.wiki
        full = wiki.repository.resolve(check_revision("HEAD" if revision is None else revision))
        lines = blame_module.blame(wiki.repository, wiki.history, normal(filename), full)
        revisions = {line.revision for line in lines}
        records = wiki.history.records(revisions)
        short = wiki.history.abbreviations(revisions)
        return [
            (
                short[line.revision],
                records[line.revision].author_name,
                records[line.revision].datetime,
                line.line_number,
                line.text,
                records[line.revision].message,
            )
            for line in lines
        ]

    @otterwiki_errors
    def diff(self, rev_a: str, rev_b: str) -> str:
        """Unified diff of the whole wiki between two revisions, in git's format."""
        repository = self.wiki.repository
        full = [repository.resolve(check_revision(revision)) for revision in (rev_a, rev_b)]
        return diff_module.diff(repository, *full)

    @otterwiki_errors
    def show_commit(self, revision: str) -> tuple[dict[str, Any], str]:
        """A commit's metadata and its diff against its first parent."""
        wiki = self.wiki
        full = wiki.repository.resolve(check_revision(revision))
        record = wiki.history.records({full}).get(full)
        if record is None:
            raise NotFound(f"revision {revision} is not in this wiki's history")
        return self._described([record])[0], diff_module.show(wiki.repository, full)

    @otterwiki_errors
    def get_parent_revision(self, filename: str, revision: str) -> str:
        """Short id of the commit that changed `filename` before `revision` did."""
        log = self.log(filename)
        for newer, older in pairwise(log):
            if newer["revision-full"].startswith(revision):
                return str(older["revision"])
        raise NotFound(f"nothing precedes {revision}")

    def get_filename_at_revision(self, current_filename: str, revision: str) -> str:
        """The name the file had at `revision`; its current one where that can't be told."""
        try:
            full = self.wiki.repository.resolve(check_revision(revision))
            return self.wiki.history.path_at(normal(current_filename), full)
        except (NotFound, BadRevision, BadPath):
            return current_filename
