"""One wiki's git repository: snapshots for reading, one way to write.

Every door (editor, REST, MCP, import, restore) ends in :meth:`Repository.commit`: change these
paths, from this base, as this author, with this message. It holds the wiki's lock, writes and
fsyncs the objects and moves the branch by compare-and-swap, so that an acknowledged write is
durable and reachable and a refused one leaves nothing behind.
"""

from __future__ import annotations

import threading
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, FileFormatException, NotGitRepository
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Commit, ObjectID
from dulwich.repo import Repo

from . import git_command, hooks
from .authorship import Author, check_author, clean_message, commit_content, with_trailers
from .blob_cache import blobs
from .errors import BadRevision, Conflict, NotFound, RepositoryDamaged
from .locks import GitLock, WikiLock
from .loose_objects import NewObject, new_object, write_objects
from .merge import merge_bytes
from .paths import NO_COMMIT, check_file, check_revision
from .refs import check_format, head_of, read_ref
from .snapshot import Snapshot
from .trees import TreeReader, build_tree, entries_of
from .worktree import WorkTree

_KEPT_SNAPSHOTS = 4
_ATTEMPTS = 3  # where a shell's git moves the branch between our look at it and our write
_TREE, _BLOB = 2, 3  # git's object type numbers
#: What dulwich raises for an object that a power cut or the disk damaged.
_UNREADABLE = (ApplyDeltaError, ChecksumMismatch, FileFormatException, zlib.error, AssertionError)
Changes = Mapping[str, bytes | None]


@dataclass(frozen=True)
class CommitResult:
    """What a write did. ``revision == parent`` and no ``changed`` when there was nothing to do.

    ``changed`` are the paths that differ from the parent, ``merged`` those whose content was
    merged with a change made since the base.
    """

    revision: str
    parent: str | None
    changed: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()


class Repository:
    """One wiki's repository. Safe for threads and beside other processes.

    `git_dir` is the bare repository or a work tree's ``.git``; `state_dir` (default
    ``<git_dir>/otterwiki``, in a linked work tree its own) holds the lock and everything derived.
    """

    def __init__(
        self, git_dir: Path, *, work_tree: Path | None = None, state_dir: Path | None = None
    ) -> None:
        try:
            self._dulwich = Repo(str(work_tree or git_dir))
        except NotGitRepository:
            raise RepositoryDamaged(f"{work_tree or git_dir} is not a git repository") from None
        check_format(self._dulwich)
        self.git_dir = Path(self._dulwich.commondir())
        self._control_dir = Path(self._dulwich.controldir())
        self.state_dir = state_dir or self._control_dir / "otterwiki"
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        self._objects_lock = threading.RLock()
        self._trees = TreeReader(lambda tree_id: self._raw(tree_id, _TREE))
        self._snapshots: OrderedDict[str | None, Snapshot] = OrderedDict()
        self._snapshots_lock = threading.Lock()
        weakref.finalize(self, self._dulwich.close)
        self.work_tree = (
            WorkTree(work_tree, self._control_dir, self.state_dir, self.blob) if work_tree else None
        )

    @classmethod
    def create(
        cls,
        git_dir: Path,
        *,
        work_tree: Path | None = None,
        state_dir: Path | None = None,
        branch: str = "main",
    ) -> Repository:
        """Make an empty repository with HEAD on `branch` and open it."""
        if work_tree:
            Repo.init(str(work_tree), mkdir=not work_tree.exists(), default_branch=branch.encode())
        else:
            repo = Repo.init_bare(
                str(git_dir), mkdir=not git_dir.exists(), default_branch=branch.encode()
            )
            config = repo.get_config()
            for section, name, value in git_command.SAFE_SETTINGS:
                config.set((section.encode(),), name.encode(), value.encode())
            config.write_to_path()
            repo.close()
        return cls(git_dir, work_tree=work_tree, state_dir=state_dir)

    def close(self) -> None:
        """Give back open files; the object can't be used afterwards."""
        with self._objects_lock:
            self._dulwich.close()

    # ------------------------------------------------------------------ reading

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
        else:
            revision = None if revision == NO_COMMIT else self.resolve(revision)
        with self._snapshots_lock:
            known = self._snapshots.get(revision)
            if known is not None:
                self._snapshots.move_to_end(revision)
                return known
        tree_id = self.commit_object(revision).tree.decode("ascii") if revision else None
        entries = self._trees.flatten(tree_id)
        snapshot = Snapshot(revision, tree_id, entries, sorted(entries), self.blob)
        self._keep(snapshot)
        return snapshot

    def _keep(self, snapshot: Snapshot) -> None:
        with self._snapshots_lock:
            self._snapshots[snapshot.revision] = snapshot
            while len(self._snapshots) > _KEPT_SNAPSHOTS:
                self._snapshots.popitem(last=False)

    def git(self, *arguments: str) -> str:
        """Standard output of the git command run on this repository in a safe environment."""
        return git_command.run(self.git_dir, *arguments)

    # ------------------------------------------------------------------ writing

    def repair(self) -> None:
        """Finish what a killed writer left in the work tree, if anything: until then the shell is
        locked out. Also done by every write; to be called when a wiki is opened for serving."""
        if self.work_tree and self.work_tree.has_leftovers():
            with self.lock():
                pass

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Exclude every other writer of this wiki; repairs what a killed one left."""
        with WikiLock(self.state_dir / "lock"):
            if self.work_tree:
                self.work_tree.recover(self.head(), self.snapshot)
            yield

    def commit(
        self,
        changes: Changes,
        *,
        base: str | None,
        author: Author,
        message: str | None,
        actor: str | None = None,
        client: str | None = None,
        merge: bool = False,
    ) -> CommitResult:
        """Apply `changes` (path -> new content, None deletes) in one commit.

        `base` is the full id of the revision the change was made on (:data:`NO_COMMIT`: an empty
        wiki); None takes HEAD as it is under the lock. A path that changed since `base` raises
        :class:`Conflict`, unless `merge` is set and the changes do not overlap. `actor` (a DID)
        and `client` become trailers. On return the commit is durable and reachable.
        """
        author = check_author(author)
        text = with_trailers(clean_message(message), actor, client)
        for path, content in changes.items():
            check_file(path, content)
        with self.lock():
            for attempts_left in reversed(range(_ATTEMPTS)):
                head = self.head()
                wanted, merged = self._rebase(dict(changes), base, head, merge)
                try:
                    result = self._write(wanted, merged, head, author, text)
                    break
                except Conflict:  # seen only now that git's own locks are held
                    if not attempts_left or self.head() == head:
                        raise
        if result.changed:
            hooks.tell_commit_happened(self, result)
        return result

    def revert(
        self,
        revision: str,
        *,
        author: Author,
        message: str | None,
        actor: str | None = None,
        client: str | None = None,
    ) -> CommitResult:
        """Undo what commit `revision` did, keeping what later commits did elsewhere.

        A three-way merge per path; overlapping later changes raise :class:`Conflict`. A merge
        commit is undone against its first parent.
        """
        commit = self.commit_object(self.resolve(revision))
        undone = commit.id.decode("ascii")
        parent = commit.parents[0].decode("ascii") if commit.parents else NO_COMMIT
        after, before = self.snapshot(undone), self.snapshot(parent)
        changes = {
            path: before.read(path) if path in before.entries else None
            for path in {*after.entries, *before.entries}
            if after.get(path) != before.get(path)
        }
        return self.commit(
            changes,
            base=undone,
            author=author,
            message=message,
            actor=actor,
            client=client,
            merge=True,
        )

    def replace_head(self, revision: str, *, expected: str | None) -> None:
        """Move the branch to an existing commit (import, restore), if it stands at `expected`.

        Raises :class:`Conflict` where it does not. The caller has brought all objects in.
        """
        if self.work_tree:
            raise RepositoryDamaged("history can't be replaced under a work tree")
        self.commit_object(revision)
        with self.lock():
            self._move_branch(expected, revision)
        changed = tuple(self.snapshot(revision).entries)
        hooks.tell_commit_happened(self, CommitResult(revision, expected, changed))

    def _rebase(
        self, changes: dict[str, bytes | None], base: str | None, head: str | None, merge: bool
    ) -> tuple[dict[str, bytes | None], tuple[str, ...]]:
        """What `changes` made on `base` mean on `head`; also the paths that were merged."""
        if base is None or base == (head or NO_COMMIT):
            return changes, ()
        theirs = self.snapshot(head or NO_COMMIT)
        try:
            before = self.snapshot(base)
        except (NotFound, BadRevision):
            raise Conflict(
                tuple(changes), base, head, f"revision {base[:12]} is not in this wiki's history"
            ) from None
        merged: list[str] = []
        conflicts: list[str] = []
        for path, content in list(changes.items()):
            old, new = before.get(path), theirs.get(path)
            if old == new or (new is None and content is None):
                continue
            if new is not None and content is not None and theirs.read(path) == content:
                continue
            result = None
            if merge and old and new and content is not None:
                result = merge_bytes(before.read(path), content, theirs.read(path))
            if result is None:
                conflicts.append(path)
            else:
                changes[path] = result
                merged.append(path)
        if conflicts:
            raise Conflict(tuple(sorted(conflicts)), base, head)
        return changes, tuple(merged)

    def _write(
        self,
        changes: dict[str, bytes | None],
        merged: tuple[str, ...],
        head: str | None,
        author: Author,
        message: str,
    ) -> CommitResult:
        """Make the commit on top of `head` and move the branch; the lock is held."""
        before = self.snapshot(head or NO_COMMIT)
        objects: list[NewObject] = []
        blob_ids: dict[str, str | None] = {}
        for path, content in changes.items():
            old = before.get(path)
            if content is None:
                if old is not None:
                    blob_ids[path] = None
                continue
            blob = new_object(b"blob", content)
            if old is None or old.blob_id != blob.id:
                blob_ids[path] = blob.id
                objects.append(blob)
        if not blob_ids:
            return CommitResult(head or NO_COMMIT, head)
        tree_id, tree_objects = build_tree(self._trees, before.tree_id, blob_ids)
        commit = new_object(b"commit", commit_content(tree_id, head, author, message))
        objects += [*tree_objects, commit]
        if self.work_tree:
            with self.work_tree.prepared(before, blob_ids) as update:
                write_objects(self.git_dir / "objects", objects)
                update.begin(commit.id)
                self._move_branch(head, commit.id)
                update.finish()
        else:
            write_objects(self.git_dir / "objects", objects)
            self._move_branch(head, commit.id)
        self._keep(before.changed(commit.id, tree_id, entries_of(before, blob_ids)))
        return CommitResult(commit.id, head, tuple(sorted(blob_ids)), merged)

    def _move_branch(self, expected: str | None, revision: str) -> None:
        """Compare-and-swap of the branch, under git's own lock of it; durable on return."""
        name, _ = head_of(self.git_dir, self._control_dir)
        folder = self._control_dir if name == "HEAD" else self.git_dir
        with GitLock(folder / name, self.state_dir / "held" / quote(name, safe="")) as lock:
            found = read_ref(folder, name)
            if found != expected:
                raise Conflict((), expected, found, "the branch was moved by somebody else; retry")
            lock.replace(revision.encode("ascii") + b"\n")
