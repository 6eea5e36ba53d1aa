"""Keeping a work tree and git's index right beside a commit (stock Otterwiki, a person's shell).

The branch moves first; files and index follow, under git's own ``index.lock``, which keeps a
shell's ``git commit`` out until they agree again. A journal written before the branch moves lets
the next writer finish what a killed one began. Uncommitted edits of others are never overwritten
and never swept into a commit: a save of such a page is refused.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dulwich.index import ConflictedIndexEntry, IndexEntry

from . import git_index
from .durability import fsync_directory
from .errors import NotFound, UncommittedChanges
from .git_index import IndexEntries
from .locks import GitLock
from .paths import NO_COMMIT
from .recent_commits import RecentCommits
from .snapshot import Snapshot
from .trees import entries_of
from .work_files import WorkFiles

_log = logging.getLogger(__name__)


class WorkTree:
    """The checked-out files of one repository, and its index.

    `read_blob` gives a blob's content by id.
    """

    def __init__(
        self, root: Path, control_dir: Path, state_dir: Path, read_blob: Callable[[str], bytes]
    ) -> None:
        self.root = root
        self.files = WorkFiles(root, read_blob)
        self._index = control_dir / "index"
        self._own_lock = state_dir / "held" / "index"
        self._journal = state_dir / "journal.json"
        self._recent = RecentCommits(state_dir / "recent.json")

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
        for path, (earlier, newest) in self._recent.changes().items():
            entry = before.get(path)
            staged = entries.get(path.encode())
            staged_id = staged.sha.decode() if isinstance(staged, IndexEntry) else None
            if staged_id == newest or staged_id not in earlier:
                continue
            if (entry.blob_id if entry else None) != newest:
                continue
            if self.files.has_content(path, newest):
                _log.warning("the index was put back by a git command: path=%s", path)
                git_index.update(entries, path, entry, None)

    def remember(self, before: Snapshot, changes: Mapping[str, str | None]) -> None:
        """Note what a commit on top of `before` did, for :meth:`_undo_old_index`."""
        self._recent.add(
            {
                path: (old.blob_id if (old := before.get(path)) else None, new)
                for path, new in changes.items()
            }
        )

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
            found_id = None
            if not self.files.makes_way(path, changes):
                found_id = self.files.blob_id(path)
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
            self.files.remove_temporaries(paths, journal["new"])
            done = {
                path: new.get(path)
                for path in self.files.undisturbed(paths, old, new)
                if current.get(path) == new.get(path)
            }
            written = self.files.write(done, old, journal["new"])
            lock.publish(git_index.updated(entries, done, written))
        self.forget_journal()

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
            written = self._work_tree.files.write(entries, self._before, self._revision)
            self._lock.publish(git_index.updated(self._entries, entries, written))
            self._work_tree.forget_journal()
            self._work_tree.remember(self._before, self._changes)
        except Exception:  # noqa: BLE001 - the commit stands, whatever failed
            self.unfinished = True
            _log.exception("work tree left behind; the next save repairs it")
