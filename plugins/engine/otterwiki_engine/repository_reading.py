"""The reading half of one wiki's repository: objects, revisions, snapshots.

:class:`~otterwiki_engine.repository.Repository` adds the one way to write.
"""

from __future__ import annotations

import threading
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, FileFormatException, NotGitRepository
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Commit, ObjectID
from dulwich.repo import Repo

from . import git_command
from .blob_cache import blobs
from .errors import NotFound, RepositoryDamaged
from .file_lists import file_lists
from .paths import NO_COMMIT, check_revision
from .refs import check_format, head_of, is_known_to_be_sound
from .snapshot import Snapshot
from .trees import TreeReader
from .worktree import WorkTree

_KEPT_SNAPSHOTS = 4
_TREE, _BLOB = 2, 3  # git's object type numbers
#: What dulwich raises for an object that a power cut or the disk damaged.
_UNREADABLE = (ApplyDeltaError, ChecksumMismatch, FileFormatException, zlib.error, AssertionError)


class ReadableRepository:
    """What can be read of one wiki's repository. Safe for threads and beside other processes.

    `git_dir` is the bare repository or a work tree's ``.git``; `state_dir` (default
    ``<git_dir>/otterwiki``, in a linked work tree its own) holds the lock and everything derived.
    """

    def __init__(
        self, git_dir: Path, *, work_tree: Path | None = None, state_dir: Path | None = None
    ) -> None:
        self._root = work_tree or git_dir
        self._objects_lock = threading.RLock()
        self._opened: Repo | None = None
        if work_tree or not is_known_to_be_sound(git_dir):
            opened = self._dulwich
            self.git_dir, self._control_dir = Path(opened.commondir()), Path(opened.controldir())
        else:
            self.git_dir = self._control_dir = git_dir
        self.state_dir = state_dir or self._control_dir / "otterwiki"
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        self._trees = TreeReader(lambda tree_id: self._raw(tree_id, _TREE))
        self._snapshots: OrderedDict[str | None, Snapshot] = OrderedDict()
        self._snapshots_lock = threading.Lock()
        self.work_tree = (
            WorkTree(work_tree, self._control_dir, self.state_dir, self.blob) if work_tree else None
        )

    @property
    def _dulwich(self) -> Repo:
        """dulwich's repository, opened when the first object is read: much is known without."""
        with self._objects_lock:
            if self._opened is None:
                try:
                    opened = Repo(str(self._root))
                except NotGitRepository:
                    raise RepositoryDamaged(f"{self._root} is not a git repository") from None
                weakref.finalize(self, opened.close)
                check_format(opened)
                self._opened = opened
            return self._opened

    def close(self) -> None:
        """Give back open files; the object can't be used afterwards."""
        with self._objects_lock:
            if self._opened is not None:
                self._opened.close()

    @property
    def object_store(self) -> DiskObjectStore:
        """dulwich's object store; its packs are not thread-safe: use it inside :meth:`reading`."""
        return self._dulwich.object_store

    @contextmanager
    def reading(self) -> Iterator[DiskObjectStore]:
        """Exclusive use of :attr:`object_store` for this thread. Reentrant."""
        with self._objects_lock:
            yield self._dulwich.object_store

    def _raw(self, object_id: str, kind: int) -> bytes:
        try:
            with self._objects_lock:
                found, content = self._dulwich.object_store.get_raw(ObjectID(object_id.encode()))
        except KeyError:
            raise RepositoryDamaged(f"object {object_id} is missing in {self.git_dir}") from None
        except _UNREADABLE as error:
            raise RepositoryDamaged(
                f"object {object_id} in {self.git_dir} can't be read: {error}"
            ) from error
        if found != kind:
            raise RepositoryDamaged(f"object {object_id} in {self.git_dir} has the wrong type")
        return content

    def blob(self, blob_id: str) -> bytes:
        """Content of a blob by id, from memory where possible."""
        key = str(self.git_dir)
        content = blobs.get(key, blob_id)
        if content is None:
            content = self._raw(blob_id, _BLOB)
            blobs.put(key, blob_id, content)
        return content

    def head(self) -> str | None:
        """Full id of the commit the branch stands at now, None while there is none."""
        return head_of(self.git_dir, self._control_dir)[1]

    def branch(self) -> tuple[str, str | None]:
        """The ref that HEAD stands for (``HEAD`` itself where it is detached), and its commit."""
        return head_of(self.git_dir, self._control_dir)

    def resolve(self, revision: str) -> str:
        """Full id of the commit that ``HEAD`` or a hexadecimal prefix names.

        Raises :class:`BadRevision` for anything that is not a revision, :class:`NotFound` for an
        unknown or ambiguous one.
        """
        revision = check_revision(revision)
        if revision == "HEAD":
            head = self.head()
            if head is None:
                raise NotFound("there is no commit yet")
            return head
        with self.reading() as store:
            if len(revision) == 40:
                full = ObjectID(revision.encode())
                candidates = [full] if full in store else []
            else:
                candidates = list(store.iter_prefix(revision.encode()))
            commits = {
                candidate.decode()
                for candidate in candidates
                if store.get_raw(ObjectID(candidate))[0] == Commit.type_num
            }
        if len(commits) != 1:
            raise NotFound(f"revision {revision} not found")
        return commits.pop()

    def commit_object(self, revision: str) -> Commit:
        """dulwich's Commit for a full id; raises :class:`NotFound`."""
        try:
            with self.reading() as store:
                found = store[ObjectID(revision.encode("ascii"))]
        except (KeyError, UnicodeEncodeError):
            raise NotFound(f"revision {revision} not found") from None
        except _UNREADABLE as error:
            raise RepositoryDamaged(f"commit {revision} can't be read: {error}") from error
        if not isinstance(found, Commit):
            raise NotFound(f"{revision} is not a commit")
        return found

    def snapshot(self, revision: str | None = None) -> Snapshot:
        """The files as of `revision` (None: HEAD now, :data:`NO_COMMIT`: nothing)."""
        if revision is None:
            revision = self.head()
        elif revision == NO_COMMIT:
            revision = None
        known = self._kept(revision)
        if known is None and revision is not None:
            revision = self.resolve(revision)
            known = self._kept(revision)
        if known is not None:
            return known
        tree_id = self.commit_object(revision).tree.decode("ascii") if revision else None
        entries = self._trees.flatten(tree_id)
        snapshot = Snapshot(revision, tree_id, entries, sorted(entries), self.blob)
        self._keep(snapshot)
        return snapshot

    def _kept(self, revision: str | None) -> Snapshot | None:
        """The snapshot of a full id as this object, or this process, made it before."""
        with self._snapshots_lock:
            known = self._snapshots.get(revision)
            if known is not None:
                self._snapshots.move_to_end(revision)
                return known
        files = file_lists.get(str(self.git_dir), revision) if revision else None
        if files is None:
            return None
        snapshot = Snapshot(revision, *files, self.blob)
        self._keep(snapshot)
        return snapshot

    def _keep(self, snapshot: Snapshot) -> None:
        if snapshot.revision:
            file_lists.put(str(self.git_dir), snapshot)
        with self._snapshots_lock:
            self._snapshots[snapshot.revision] = snapshot
            while len(self._snapshots) > _KEPT_SNAPSHOTS:
                self._snapshots.popitem(last=False)

    def git(self, *arguments: str) -> str:
        """Standard output of the git command run on this repository in a safe environment."""
        return git_command.run(self.git_dir, *arguments)
