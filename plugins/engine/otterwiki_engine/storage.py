"""Otterwiki's storage interface on top of the engine.

:class:`WikiStorage` takes the place of ``otterwiki.gitstorage.GitStorage``: same methods, same
answers, same errors, but reading committed content only and writing through
:meth:`~otterwiki_engine.repository.Repository.commit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from otterwiki.gitstorage import StorageError, StorageNotFound

from . import git_command, hooks
from .errors import BadRevision, EngineError, Forbidden, NotFound, QuotaExceeded
from .paths import check_path, check_revision
from .repository import CommitResult
from .storage_common import (
    AuthorPair,
    StorageConflict,
    acting,
    author_of,
    below,
    encode,
    normal,
    open_stock_wiki,
    otterwiki_errors,
)
from .storage_reading import CommittedFiles

__all__ = ["StorageConflict", "WikiStorage", "open_stock_wiki"]


class WikiStorage(CommittedFiles):
    """Storage of the current wiki, or of the one at `path` where a path is given."""

    @otterwiki_errors
    def store(
        self,
        filename: str,
        content: str | bytes,
        message: str | None = "",
        author: AuthorPair = ("", ""),
        mode: str = "w",
    ) -> bool:
        """Commit one file; False when that changes nothing."""
        return self.commit_files({filename: encode(content)}, message=message, author=author)

    def commit_files(
        self,
        changes: Mapping[str, bytes | None],
        message: str | None = "",
        author: AuthorPair = ("", ""),
    ) -> bool:
        """Commit several files at once (None deletes); False when that changes nothing."""
        result = self._commit(changes, base=None, message=message, author=author)
        return bool(result.changed)

    def store_with_base(
        self,
        filename: str,
        content: str,
        *,
        base: str | None,
        message: str | None,
        author: AuthorPair,
    ) -> CommitResult:
        """Commit a page edited on revision `base` (None: HEAD), merging what others changed since.

        Raises the engine's own errors, :class:`Conflict` above all.
        """
        return self._commit(
            {filename: encode(content)}, base=base, message=message, author=author, merge=True
        )

    def _commit(
        self,
        changes: Mapping[str, bytes | None],
        *,
        base: str | None,
        message: str | None,
        author: AuthorPair,
        merge: bool = False,
    ) -> CommitResult:
        actor = acting()
        result = self.wiki.repository.commit(
            {normal(name): content for name, content in changes.items()},
            base=base,
            author=author_of(author),
            message=message,
            actor=actor.did if actor else None,
            client=actor.client if actor else None,
            merge=merge,
        )
        self._state.snapshot = None
        return result

    def _stage(self, path: str, content: bytes | None) -> None:
        check_path(path)
        state = self._state
        if not state.staged:
            state.staged_on = self.pinned_revision()
        state.staged[path] = content

    @otterwiki_errors
    def update(self, filename: str, content: str | bytes, mode: str = "w") -> bool:
        """Stage a file's new content for :meth:`commit`; False when it is what it was."""
        path, new = normal(filename), encode(content)
        try:
            if self._read(path) == new:
                return False
        except NotFound:
            pass  # a new file
        self._stage(path, new)
        return True

    @otterwiki_errors
    def commit(
        self,
        filenames: str | Iterable[str],
        message: str | None = "",
        author: AuthorPair = ("", ""),
        no_add: bool = False,
    ) -> None:
        """Commit what was staged: all of it with `no_add`, else what lies at `filenames`.

        In a work tree, `filenames` that nobody staged are taken from the disk, as git add does.
        """
        state = self._state
        names = [filenames] if isinstance(filenames, str) else list(filenames)
        if no_add:
            changes = dict(state.staged)
        else:
            changes = {}
            for name in map(normal, names):
                staged = below(name, state.staged)
                changes.update(staged or self._from_disk(name))
        base = state.staged_on
        try:
            self._commit(changes, base=base, message=message, author=author)
        finally:
            state.drop_staged()

    def _from_disk(self, path: str) -> dict[str, bytes | None]:
        work_tree = self.wiki.repository.work_tree
        content = work_tree.files.read(path) if work_tree else None
        if content is None:
            raise NotFound(f"index.add {path} in commit failed.")
        return {path: content}

    @otterwiki_errors
    def restore(self, paths: Iterable[str], revision: str = "HEAD") -> None:
        """Forget what was staged below `paths`; with another revision, stage its content."""
        check_revision(revision)
        state = self._state
        for path in {normal(path) for path in paths if path}:
            for staged in list(below(path, state.staged)):
                del state.staged[staged]
            if revision != "HEAD":
                old = self.wiki.repository.snapshot(revision)
                for name in [path] if path in old.entries else old.files(path):
                    self._stage(name, old.read(name))

    @otterwiki_errors
    def rename(
        self,
        old_filename: str,
        new_filename: str,
        message: str | None = None,
        author: AuthorPair = None,
        no_commit: bool = False,
        files_updated: list[str] | None = None,
        preserve_symlink_target: bool = False,
    ) -> None:
        """Move a file or a folder; with `no_commit` only stage it."""
        old, new = normal(old_filename), normal(new_filename)
        if self.exists(new):
            raise StorageError(
                f'The filename "{new_filename}" already exist. Please choose a new filename.'
            )
        moved = [old] if self._state.has_file(old, self._snapshot) else self._files(old)
        if not moved:
            raise StorageError(f"Renaming {old_filename} to {new_filename} failed: not found.")
        for path in moved:
            content = self._read(path)
            self._stage(new + path[len(old) :], content)
            self._stage(path, None)
        if not no_commit:
            text = message
            if text is None:
                text = f"{old_filename} renamed to {new_filename}."
            self.commit([*(files_updated or []), new], text, author, no_add=True)

    @otterwiki_errors
    def delete(
        self,
        filename: str | Iterable[str],
        message: str | None = None,
        author: AuthorPair = ("", ""),
    ) -> None:
        """Delete files and folders in one commit; names that do not exist are passed over."""
        names = [filename] if isinstance(filename, str) else list(filename)
        changes: dict[str, bytes | None] = {}
        for path in map(normal, names):
            entry = self._snapshot.get(path)
            changes.update(dict.fromkeys([path] if entry else self._snapshot.files(path), None))
        if changes:
            text = f"Deleted {sorted(changes)}." if message is None else message
            self._commit(changes, base=self.pinned_revision(), message=text, author=author)

    def revert(
        self, revision: str, message: str | None = "", author: AuthorPair = ("", "")
    ) -> None:
        """Undo one commit by a new one."""
        repository = self.wiki.repository
        actor = acting()
        try:
            repository.revert(
                check_revision(revision),
                author=author_of(author),
                message=message,
                actor=actor.did if actor else None,
                client=actor.client if actor else None,
            )
        except (NotFound, BadRevision) as error:
            raise StorageNotFound(str(error)) from error
        except (Forbidden, QuotaExceeded):
            raise
        except EngineError as error:
            raise StorageError(f"Revert failed. {error}") from error
        self._state.snapshot = None

    # ------------------------------------------------------------------ housekeeping

    @otterwiki_errors
    def count_objects(self) -> str:
        """Output of ``git count-objects -vH``."""
        return git_command.run(self.wiki.repository.git_dir, "count-objects", "-vH").rstrip("\n")

    @otterwiki_errors
    def gc(self) -> str:
        """Run ``git gc``, with no writer at work meanwhile."""
        with self.wiki.repository.lock():
            return git_command.run(self.wiki.repository.git_dir, "gc", "--quiet")

    def notify_repository_changed_from_external(self) -> None:
        """Tell plugins that the last commit was made by somebody else (pull, push)."""
        head = self.wiki.repository.head()
        records = self.wiki.history.log(limit=1)
        if head and records:
            record = records[0]
            parent = record.parents[0] if record.parents else None
            result = CommitResult(record.revision, parent, tuple(record.files))
            hooks.tell_commit_happened(self.wiki.repository, result)
