"""Otterwiki's storage interface on top of the engine.

:class:`WikiStorage` takes the place of ``otterwiki.gitstorage.GitStorage``: same methods, same
answers, same errors, but reading committed content only and writing through
:meth:`~otterwiki_engine.repository.Repository.commit`.
"""

from __future__ import annotations

import codecs
import functools
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from flask import has_request_context, request
from otterwiki.gitstorage import (
    GitStorage,
    StorageError,
    StorageErrorEncoding,
    StorageNotFound,
    StorageUnsafePath,
)

from . import blame as blame_module
from . import diff as diff_module
from . import git_command, hooks
from .authorship import Author
from .current import current_wiki
from .errors import BadPath, BadRevision, Conflict, EngineError, NotFound
from .history import CommitRecord
from .paths import NO_COMMIT, check_path, check_revision
from .repository import CommitResult, Repository
from .request_state import RequestState, state_of
from .snapshot import Snapshot
from .wiki import Wiki

SHORT_REVISION = 6  # how many digits Otterwiki shows
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
AuthorPair = Sequence[str] | None


class StorageConflict(StorageError):
    """A change that was overtaken by another one; ``conflict`` has the particulars."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(str(conflict))
        self.conflict = conflict


def _otterwiki_errors(
    method: Callable[_Parameters, _Result],
) -> Callable[_Parameters, _Result]:
    """Raise the errors Otterwiki knows where the engine raises its own."""

    @functools.wraps(method)
    def wrapped(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return method(*args, **kwargs)
        except BadPath as error:
            raise StorageUnsafePath(str(error)) from error
        except (NotFound, BadRevision) as error:
            raise StorageNotFound(str(error)) from error
        except Conflict as error:
            raise StorageConflict(error) from error
        except EngineError as error:
            raise StorageError(str(error)) from error

    return wrapped


def open_stock_wiki(path: Path, *, initialize: bool = False) -> Wiki:
    """Open the repository of a stock Otterwiki: a work tree, or a bare repository."""
    if initialize and not (path / ".git").exists():
        return Wiki(Repository.create(path / ".git", work_tree=path))
    if (path / ".git").exists():
        return Wiki(Repository(path / ".git", work_tree=path))
    return Wiki(Repository(path))


class WikiStorage(GitStorage):
    """Storage of the current wiki, or of the one at `path` where a path is given."""

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

    @_otterwiki_errors
    def pinned_revision(self) -> str:
        """Full id of the commit this request reads; :data:`NO_COMMIT` where there is none."""
        return self._snapshot.revision or NO_COMMIT

    @_otterwiki_errors
    def blob_id(self, filename: str) -> str | None:
        """Id of the committed content of `filename`, which names that content for ever."""
        entry = self._snapshot.get(_normal(filename))
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

    @_otterwiki_errors
    def load(
        self, filename: str, mode: str = "r", revision: str | None = None, size: int = -1
    ) -> Any:
        """Content of a file: str, or bytes with mode "rb"; at most `size` characters (or bytes)."""
        path = _normal(filename)
        if revision is None:
            content = self._read(path)
        else:
            repository = self.wiki.repository
            content = repository.snapshot(repository.resolve(check_revision(revision))).read(path)
        if mode == "rb":
            return content if size < 0 else content[:size]
        return _decode(content, size, filename)

    def exists(self, filename: str) -> bool:
        """Whether a file or a folder of that name is committed."""
        try:
            path = _normal(filename)
        except BadPath:
            return False
        return self._state.has_file(path, self._snapshot) or self.isdir(path)

    def isdir(self, dirname: str) -> bool:
        """Whether files lie below `dirname`."""
        try:
            path = _normal(dirname)
        except BadPath:
            return False
        return not path or bool(self._files(path))

    def isemptydir(self, dirname: str) -> bool:
        """Never: git keeps no empty folders."""
        return False

    def islink(self, filename: str) -> bool:
        """Never: symbolic links are not served."""
        return False

    @_otterwiki_errors
    def canonical_filename(self, filename: str) -> str:
        """The path itself: there are no links to resolve."""
        return _normal(filename)

    def _abspath(self, filename: str) -> str:
        try:
            return os.path.join(self.path, _normal(filename))
        except BadPath as error:
            raise StorageUnsafePath(str(error)) from error

    def mtime(self, filename: str) -> datetime:
        """When the file was last committed, as a naive local time (as Otterwiki expects)."""
        record = self.wiki.history.last_change(filename)
        if record is None or not self.exists(filename):
            raise FileNotFoundError(filename)
        return record.datetime.astimezone().replace(tzinfo=None)

    @_otterwiki_errors
    def size(self, filename: str) -> int:
        """Size in bytes."""
        return len(self._read(_normal(filename)))

    def list(
        self, p: str | None = None, depth: int | None = None, exclude: Sequence[str] = ()
    ) -> tuple[list[str], list[str]]:
        """Files and folders below `p`, relative to it, sorted; `depth` 0 is one level."""
        if p is not None and os.path.isabs(p):
            raise ValueError("p must not be an absolute path")
        try:
            root = _normal(p or "")
        except BadPath:
            return [], []
        skip = len(root) + 1 if root else 0
        files: list[str] = []
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

    @_otterwiki_errors
    def metadata(self, filename: str, revision: str | None = None) -> dict[str, Any]:
        """The commit that last changed `filename`, at or before `revision`."""
        path = _normal(filename)
        if revision is not None:
            revision = self.wiki.repository.resolve(check_revision(revision))
        record = self.wiki.history.last_change(path, revision)
        if record is None:
            raise NotFound(f"{filename} has no history")
        return _metadata(record)

    @_otterwiki_errors
    def log(
        self,
        filename: str | None = None,
        fail_on_git_error: bool = False,
        max_count: int | None = None,
    ) -> list[dict[str, Any]]:
        """Commits, newest first: all of them, or those of a file across its renames."""
        if filename is None:
            records = self.wiki.history.log(limit=max_count)
            if not records and fail_on_git_error:
                raise NotFound("there is no commit yet")
        else:
            records = self.wiki.history.log(_normal(filename), limit=max_count)
            if not records:
                raise NotFound(f"{filename} has no history")
        return [_metadata(record) for record in records]

    def log_slow(self, filename: str | None = None) -> list[dict[str, Any]]:
        """The same as :meth:`log`."""
        return self.log(filename)

    @_otterwiki_errors
    def blame(
        self, filename: str, revision: str | None = None
    ) -> list[tuple[str, str, datetime, int, str, str]]:
        """(revision, author, time, line number, line, message) of every line."""
        wiki = self.wiki
        full = wiki.repository.resolve(check_revision(revision or "HEAD"))
        lines = blame_module.blame(wiki.repository, wiki.history, _normal(filename), full)
        records = wiki.history.records({line.revision for line in lines})
        return [
            (
                line.revision[:SHORT_REVISION],
                records[line.revision].author_name,
                records[line.revision].datetime,
                line.line_number,
                line.text,
                records[line.revision].message,
            )
            for line in lines
        ]

    @_otterwiki_errors
    def diff(self, rev_a: str, rev_b: str) -> str:
        """Unified diff of the whole wiki between two revisions, in git's format."""
        repository = self.wiki.repository
        full = [repository.resolve(check_revision(revision)) for revision in (rev_a, rev_b)]
        return diff_module.diff(repository, *full)

    @_otterwiki_errors
    def show_commit(self, revision: str) -> tuple[dict[str, Any], str]:
        """A commit's metadata and its diff against its first parent."""
        wiki = self.wiki
        full = wiki.repository.resolve(check_revision(revision))
        record = wiki.history.records({full}).get(full)
        if record is None:
            raise NotFound(f"revision {revision} is not in this wiki's history")
        return _metadata(record), diff_module.show(wiki.repository, full)

    @_otterwiki_errors
    def get_parent_revision(self, filename: str, revision: str) -> str:
        """Short id of the commit that changed `filename` before `revision` did."""
        log = self.log(filename)
        for newer, older in zip(log, log[1:], strict=False):
            if newer["revision-full"].startswith(revision):
                return str(older["revision"])
        raise NotFound(f"nothing precedes {revision}")

    def get_filename_at_revision(self, current_filename: str, revision: str) -> str:
        """The name the file had at `revision`; its current one where that can't be told."""
        try:
            full = self.wiki.repository.resolve(check_revision(revision))
            return self.wiki.history.path_at(_normal(current_filename), full)
        except (NotFound, BadRevision, BadPath):
            return current_filename

    # ------------------------------------------------------------------ writing

    @_otterwiki_errors
    def store(
        self,
        filename: str,
        content: str | bytes,
        message: str | None = "",
        author: AuthorPair = ("", ""),
        mode: str = "w",
    ) -> bool:
        """Commit one file; False when that changes nothing."""
        return self.commit_files({filename: _encode(content)}, message=message, author=author)

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
            {filename: _encode(content)}, base=base, message=message, author=author, merge=True
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
        actor = _actor()
        result = self.wiki.repository.commit(
            {_normal(name): content for name, content in changes.items()},
            base=base,
            author=_author(author),
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

    @_otterwiki_errors
    def update(self, filename: str, content: str | bytes, mode: str = "w") -> bool:
        """Stage a file's new content for :meth:`commit`; False when it is what it was."""
        path, new = _normal(filename), _encode(content)
        try:
            if self._read(path) == new:
                return False
        except NotFound:
            pass  # a new file
        self._stage(path, new)
        return True

    @_otterwiki_errors
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
            for name in map(_normal, names):
                staged = _below(name, state.staged)
                changes.update(staged or self._from_disk(name))
        base = state.staged_on
        try:
            self._commit(changes, base=base, message=message, author=author)
        finally:
            state.drop_staged()

    def _from_disk(self, path: str) -> dict[str, bytes | None]:
        work_tree = self.wiki.repository.work_tree
        content = work_tree.read(path) if work_tree else None
        if content is None:
            raise NotFound(f"index.add {path} in commit failed.")
        return {path: content}

    @_otterwiki_errors
    def restore(self, paths: Iterable[str], revision: str = "HEAD") -> None:
        """Forget what was staged below `paths`; with another revision, stage its content."""
        check_revision(revision)
        state = self._state
        for path in {_normal(path) for path in paths if path}:
            for staged in list(_below(path, state.staged)):
                del state.staged[staged]
            if revision != "HEAD":
                old = self.wiki.repository.snapshot(revision)
                for name in [path] if path in old.entries else old.files(path):
                    self._stage(name, old.read(name))

    @_otterwiki_errors
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
        old, new = _normal(old_filename), _normal(new_filename)
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

    @_otterwiki_errors
    def delete(
        self,
        filename: str | Iterable[str],
        message: str | None = None,
        author: AuthorPair = ("", ""),
    ) -> None:
        """Delete files and folders in one commit; names that do not exist are passed over."""
        names = [filename] if isinstance(filename, str) else list(filename)
        changes: dict[str, bytes | None] = {}
        for path in map(_normal, names):
            entry = self._snapshot.get(path)
            changes.update(dict.fromkeys([path] if entry else self._snapshot.files(path), None))
        if changes:
            text = f"Deleted {sorted(changes)}." if message is None else message
            self._commit(changes, base=self.pinned_revision(), message=text, author=author)

    def revert(self, revision: str, message: str | None = "", author: AuthorPair = ("", "")) -> None:
        """Undo one commit by a new one."""
        repository = self.wiki.repository
        actor = _actor()
        try:
            repository.revert(
                check_revision(revision),
                author=_author(author),
                message=message,
                actor=actor.did if actor else None,
            )
        except (NotFound, BadRevision) as error:
            raise StorageNotFound(str(error)) from error
        except EngineError as error:
            raise StorageError(f"Revert failed. {error}") from error
        self._state.snapshot = None

    # ------------------------------------------------------------------ housekeeping

    @_otterwiki_errors
    def count_objects(self) -> str:
        """Output of ``git count-objects -vH``."""
        return git_command.run(self.wiki.repository.git_dir, "count-objects", "-vH").rstrip("\n")

    @_otterwiki_errors
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


def _normal(path: str) -> str:
    """`path` in the form git keeps it; the root is "". Raises :class:`BadPath`."""
    if path.startswith("/"):
        raise BadPath(path, "it starts with a slash")
    normal = re.sub(r"/{2,}", "/", path).rstrip("/")
    while normal.startswith("./"):
        normal = normal[2:]
    if normal in ("", "."):
        return ""
    if ".." in normal.split("/"):
        normal = posixpath.normpath(normal)
    return check_path(normal)


def _below(path: str, staged: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """The staged changes of a file, or of everything below a folder."""
    return {
        name: content
        for name, content in staged.items()
        if name == path or name.startswith(path + "/")
    }


def _decode(content: bytes, size: int, filename: str) -> str:
    """Text of a file, as Python's text mode reads it: UTF-8, all line ends as LF."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        if 0 <= size < len(content):
            text = decoder.decode(content[: size * 4])
        else:
            text = decoder.decode(content, final=True)
    except UnicodeDecodeError:
        raise StorageErrorEncoding(f"{filename} could not be decoded as text.") from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if size < 0 else text[:size]


def _encode(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")


def _author(author: AuthorPair) -> Author:
    name, email = author or ("", "")
    return Author(name or "", email or "")


def _actor() -> Any:
    """The actor of the request being served, None outside one and on a stock Otterwiki."""
    if not has_request_context():
        return None
    return hooks.manager.hook.resolve_actor(request=request)


def _metadata(record: CommitRecord) -> dict[str, Any]:
    """A commit in the shape Otterwiki's pages expect."""
    return {
        "revision-full": record.revision,
        "revision": record.revision[:SHORT_REVISION],
        "datetime": record.datetime,
        "author_name": record.author_name,
        "author_email": record.author_email,
        "message": record.message.strip("\n"),
        "files": list(record.files),
    }
