"""Keeping a work tree and git's index right beside a commit (stock Otterwiki, a person's shell).

The branch moves first; files and index follow, under git's own ``index.lock``, which keeps a
shell's ``git commit`` out until they agree again. A journal written before the branch moves lets
the next writer finish what a killed one began. Uncommitted edits of others are never overwritten
and never swept into a commit: a save of such a page is refused.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dulwich.index import ConflictedIndexEntry, IndexEntry

from . import git_index
from .durability import fsync_directory
from .errors import BadPath, NotFound, UncommittedChanges
from .git_index import IndexEntries
from .locks import GitLock
from .loose_objects import new_object
from .paths import NO_COMMIT
from .recent_commits import RecentCommits
from .snapshot import Entry, Snapshot
from .trees import entries_of

_log = logging.getLogger(__name__)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # never waits for a pipe
_NOT_A_FOLDER = {errno.ELOOP, errno.ENOTDIR}


class WorkTree:
    """The checked-out files of one repository, and its index.

    `read_blob` gives a blob's content by id.
    """

    def __init__(
        self, root: Path, control_dir: Path, state_dir: Path, read_blob: Callable[[str], bytes]
    ) -> None:
        self.root = root
        self._index = control_dir / "index"
        self._own_lock = state_dir / "held" / "index"
        self._journal = state_dir / "journal.json"
        self._recent = RecentCommits(state_dir / "recent.json")
        self._read_blob = read_blob

    # ------------------------------------------------------------------ one commit

    @contextmanager
    def prepared(self, before: Snapshot, changes: Mapping[str, str | None]) -> Iterator[Update]:
        """Hold ``index.lock`` and check that nobody's uncommitted edit is in the way.

        `changes` maps paths to new blob ids (None: deleted). Raises :class:`UncommittedChanges`.
        """
        with GitLock(self._index, self._own_lock) as lock:
            entries = git_index.read(self._index)
            self._undo_old_index(before, entries)
            self._check_clean(before, changes, entries)
            update = Update(self, lock, entries, before, changes)
            yield update
            if update.unfinished:
                lock.keep()  # keeps shells out until recover() has repaired index and files

    def _undo_old_index(self, before: Snapshot, entries: IndexEntries) -> None:
        """Correct entries that a suspended ``git commit`` set back behind one of our commits.

        Only where HEAD and the disk agree on what we committed within the last seconds.
        """
        for change in self._recent.changes().values():
            name, entry = change.path.encode(), before.get(change.path)
            staged = entries.get(name)
            staged_id = staged.sha.decode() if isinstance(staged, IndexEntry) else None
            if staged_id != change.old or (entry.blob_id if entry else None) != change.new:
                continue
            if not self._has_content(change.path, change.new):
                continue
            _log.warning("the index was put back by a git command: path=%s", change.path)
            git_index.update(entries, change.path, entry, None)

    def remember(self, before: Snapshot, changes: Mapping[str, str | None]) -> None:
        """Note what a commit on top of `before` did, for :meth:`_undo_old_index`."""
        self._recent.add(
            {
                path: (old.blob_id if (old := before.get(path)) else None, new)
                for path, new in changes.items()
            }
        )

    def _has_content(self, path: str, blob_id: str | None) -> bool:
        try:
            found = self.read(path)
        except BadPath:
            return False
        return (new_object(b"blob", found).id if found is not None else None) == blob_id

    def _check_clean(
        self,
        before: Snapshot,
        changes: Mapping[str, str | None],
        entries: IndexEntries,
    ) -> None:
        dirty = []
        for path, new_id in changes.items():
            old = before.get(path)
            old_id = old.blob_id if old else None
            staged = entries.get(path.encode())
            staged_id = staged.sha.decode() if isinstance(staged, IndexEntry) else None
            if isinstance(staged, ConflictedIndexEntry) or staged_id not in (old_id, new_id):
                dirty.append(path)
                continue
            found = None if self._makes_way(path, changes) else self.read(path)
            found_id = new_object(b"blob", found).id if found is not None else None
            if found_id not in (old_id, new_id):
                dirty.append(path)
        if dirty:
            named = ", ".join(sorted(dirty)[:5])
            raise UncommittedChanges(
                tuple(sorted(dirty)),
                before.revision,
                before.revision,
                f"{named} has uncommitted changes in the repository's work tree."
                " Commit or discard them there first",
            )

    def _makes_way(self, path: str, changes: Mapping[str, str | None]) -> bool:
        """Whether a folder becomes the file `path` in this commit, or a file the folder above it.

        Only where everything that stands there now is deleted by the same commit.
        """
        parts = path.split("/")
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            if changes.get(above, "") is None and not (self.root / above).is_dir():
                return True
        if not (self.root / path).is_dir() or (self.root / path).is_symlink():
            return False
        return all(changes.get(name, "") is None for name in self._files_below(path))

    # ------------------------------------------------------------------ after a kill

    def has_leftovers(self) -> bool:
        """Whether a writer is at work, or was killed at it."""
        return self._journal.exists() or self._own_lock.exists()

    def recover(self, head: str | None, snapshot: Callable[[str], Snapshot]) -> None:
        """Finish or forget what a killed writer began. The wiki's lock is held."""
        try:
            journal = json.loads(self._journal.read_text("utf-8"))
            old, new = snapshot(journal["old"]), snapshot(journal["new"])
        except FileNotFoundError:
            GitLock(self._index, self._own_lock).clear()
            return
        except NotFound:  # the branch never moved, and git has removed the unused commit since
            self.forget_journal()
            return
        current = snapshot(head or NO_COMMIT)
        paths = [path for path in {*old.entries, *new.entries} if old.get(path) != new.get(path)]
        _log.warning("finishing an interrupted commit: revision=%s", journal["new"])
        with GitLock(self._index, self._own_lock) as lock:
            entries = git_index.read(self._index)
            self.remove_temporaries(paths, journal["new"])
            done = {
                path: new.get(path)
                for path in self._undisturbed(paths, old, new)
                if current.get(path) == new.get(path)
            }
            written = self.write_files(done, old, journal["new"])
            lock.publish(git_index.updated(entries, done, written))
        self.forget_journal()

    def _undisturbed(self, paths: Iterable[str], old: Snapshot, new: Snapshot) -> set[str]:
        """Those of `paths` where the disk has what one of the two commits says."""
        found: set[str] = set()
        blocked: list[str] = []
        for path in paths:
            sides = [
                self._read_blob(entry.blob_id) if (entry := side.get(path)) else None
                for side in (old, new)
            ]
            try:
                if self.read(path) in sides:
                    found.add(path)
            except BadPath:
                blocked.append(path)
        # The commit makes a folder of a file, or the reverse, and got only so far; but a link, or
        # a file somebody put there since, is theirs.
        return found | {path for path in blocked if self._in_the_way(path) <= found}

    def _in_the_way(self, path: str) -> set[str]:
        """What stands where `path` should: files in a folder of that name, or one above it."""
        parts = path.split("/")
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            if (self.root / above).is_symlink() or not (self.root / above).is_dir():
                return {above}
        if (self.root / path).is_symlink() or not (self.root / path).is_dir():
            return {path}
        return self._files_below(path)

    def _files_below(self, folder: str) -> set[str]:
        return {
            os.path.relpath(os.path.join(inner, name), self.root)
            for inner, _, names in os.walk(self.root / folder)
            for name in names
        }

    def write_journal(self, old: str | None, new: str) -> None:
        """Durably note that the branch is about to move from `old` to `new`."""
        temporary = self._journal.with_suffix(".tmp")
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({"old": old or NO_COMMIT, "new": new}, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, self._journal)
        fsync_directory(self._journal.parent)

    def forget_journal(self) -> None:
        """The commit is complete: index and files agree with the branch."""
        self._journal.unlink()

    # ------------------------------------------------------------------ files

    def _open_parent(self, path: str, *, create: bool) -> int:
        """Descriptor of the folder `path` lies in, following no symbolic link (F3)."""
        fd = os.open(self.root, _DIRECTORY & ~os.O_NOFOLLOW)  # a setting, which may be a link
        try:
            for part in path.split("/")[:-1]:
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o777, dir_fd=fd)
                inner = os.open(part, _DIRECTORY, dir_fd=fd)
                os.close(fd)
                fd = inner
        except OSError as error:
            os.close(fd)
            if error.errno in _NOT_A_FOLDER:
                raise BadPath(path, "a file or a symbolic link stands where a folder is") from None
            raise
        return fd

    def read(self, path: str) -> bytes | None:
        """The file's content on disk; None where there is none or it is not an ordinary file."""
        try:
            parent = self._open_parent(path, create=False)
        except FileNotFoundError:
            return None
        try:
            fd = os.open(path.rpartition("/")[2], _FILE, dir_fd=parent)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in _NOT_A_FOLDER:
                raise BadPath(path, "it is a symbolic link") from None
            raise
        finally:
            os.close(parent)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise BadPath(path, "a folder or another special file of that name exists")
        with os.fdopen(fd, "rb") as file:
            return file.read()

    @staticmethod
    def _temporary_name(revision: str, number: int) -> str:
        return f".otterwiki-{revision[:16]}-{number}"

    def write_files(
        self, changes: Mapping[str, Entry | None], before: Snapshot, revision: str
    ) -> dict[str, os.stat_result]:
        """Put the files of `changes` in place, each by an atomic rename; None removes.

        A file that is neither what `before` nor what `changes` says was edited this very moment,
        and stays. Returns the status of those that were written.
        """
        written: dict[str, os.stat_result] = {}
        for path in sorted(path for path, entry in changes.items() if entry is None):
            if self._is_untouched(path, before, None):
                self._remove(path)
        for number, (path, entry) in enumerate(sorted(changes.items())):
            if entry is not None:
                status = self._write_file(
                    path, entry, before, self._temporary_name(revision, number)
                )
                if status is not None:
                    written[path] = status
        return written

    def _is_untouched(self, path: str, before: Snapshot, entry: Entry | None) -> bool:
        """Whether the disk has what `before` says, or what `entry` says already."""
        old = before.get(path)
        return self._has_content(path, old.blob_id if old else None) or self._has_content(
            path, entry.blob_id if entry else None
        )

    def _write_file(
        self, path: str, entry: Entry, before: Snapshot, temporary: str
    ) -> os.stat_result | None:
        """Put one file in place; None where somebody else's content stands there now."""
        name = path.rpartition("/")[2]
        parent = self._open_parent(path, create=True)
        try:
            permissions = 0o777 if entry.mode & 0o100 else 0o666
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            fd = os.open(temporary, flags, permissions, dir_fd=parent)
            with os.fdopen(fd, "wb") as file:
                file.write(self._read_blob(entry.blob_id))
                file.flush()
                os.fsync(fd)
                ours = os.fstat(fd)
            if not self._is_untouched(path, before, entry):
                os.unlink(temporary, dir_fd=parent)
                return None
            os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            os.fsync(parent)
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(parent)
        same = (status.st_ino, status.st_mtime_ns, status.st_size)
        return status if same == (ours.st_ino, ours.st_mtime_ns, ours.st_size) else None

    def _remove(self, path: str) -> None:
        """Remove a file and the folders that are empty then.

        Where something else stands by now (see :meth:`_undisturbed`), the file is gone already.
        """
        try:
            parent = self._open_parent(path, create=False)
        except (FileNotFoundError, BadPath):
            return
        try:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(path.rpartition("/")[2], dir_fd=parent)
        finally:
            os.close(parent)
        folder = path.rpartition("/")[0]
        while folder:
            try:
                os.rmdir(self.root / folder)
            except OSError:
                return  # not empty, or gone already
            folder = folder.rpartition("/")[0]

    def remove_temporaries(self, paths: Iterable[str], revision: str) -> None:
        """Remove what an interrupted :meth:`write_files` of `revision` left."""
        for folder in {path.rpartition("/")[0] for path in paths}:
            for leftover in (self.root / folder).glob(f".otterwiki-{revision[:16]}-*"):
                leftover.unlink(missing_ok=True)


class Update:
    """The file side of one commit, between "checked" and "done"."""

    def __init__(
        self,
        work_tree: WorkTree,
        lock: GitLock,
        entries: IndexEntries,
        before: Snapshot,
        changes: Mapping[str, str | None],
    ) -> None:
        self._work_tree = work_tree
        self._lock = lock
        self._entries = entries
        self._before = before
        self._changes = changes
        self._revision = ""
        self.unfinished = False

    def begin(self, revision: str) -> None:
        """To be called when the objects are written, right before the branch moves."""
        self._revision = revision
        self._work_tree.write_journal(self._before.revision, revision)

    def finish(self) -> None:
        """To be called when the branch has moved. The commit stands, whatever happens here.

        A failure (disk full, say) leaves the journal and ``index.lock`` for the next writer.
        """
        entries = entries_of(self._before, self._changes)
        try:
            written = self._work_tree.write_files(entries, self._before, self._revision)
            self._lock.publish(git_index.updated(self._entries, entries, written))
            self._work_tree.forget_journal()
            self._work_tree.remember(self._before, self._changes)
        except Exception:  # noqa: BLE001 - the commit stands, whatever failed
            self.unfinished = True
            _log.exception("work tree left behind; the next save repairs it")
