"""One wiki's git repository: snapshots for reading, one way to write.

Every door (editor, REST, MCP, import, restore) ends in :meth:`Repository.commit`: change these
paths, from this base, as this author, with this message. It holds the wiki's lock, writes and
fsyncs the objects and moves the branch by compare-and-swap, so that an acknowledged write is
durable and reachable and a refused one leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dulwich.repo import Repo

from . import git_command, hooks
from .authorship import Author, check_author, clean_message, commit_content, with_trailers
from .errors import Conflict, RepositoryDamaged
from .locks import GitLock, WikiLock
from .loose_objects import NewObject, new_object, write_objects
from .paths import NO_COMMIT, check_file
from .proposals import Proposal
from .rebasing import Changes, rebase
from .refs import head_of, read_ref
from .repository_reading import ReadableRepository
from .snapshot import Snapshot
from .trees import build_tree, entries_of

_ATTEMPTS = 3  # where a shell's git moves the branch between our look at it and our write


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


@dataclass(frozen=True)
class Work:
    """Changes made for one head (path -> new content, None deletes), and what they are called."""

    changes: Changes
    message: str | None


class Repository(ReadableRepository):
    """One wiki's repository. Safe for threads and beside other processes."""

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
        and `client` become trailers. A plugin may refuse the change (:class:`QuotaExceeded`).
        On return the commit is durable and reachable.
        """
        author = check_author(author)
        text = with_trailers(clean_message(message), actor, client)
        for path, content in changes.items():
            check_file(path, content)

        def write(head: str | None) -> CommitResult:
            wanted, merged = rebase(
                changes, base=base, head=head, merge=merge, snapshot=self.snapshot
            )
            before = self.snapshot(head or NO_COMMIT)
            return self._write(Proposal(before, wanted, author, actor, client), merged, text)

        return self._under_the_lock(write)

    def commit_work(
        self,
        work: Callable[[Snapshot], Work],
        *,
        author: Author,
        actor: str | None = None,
        client: str | None = None,
    ) -> CommitResult:
        """Commit what `work` makes of HEAD's files, as one step: it is called under the lock.

        So it has to be quick, and may be called again where a shell's git moves the branch. What it
        raises is raised here, and nothing is written. Otherwise as :meth:`commit`.
        """
        author = check_author(author)

        def write(head: str | None) -> CommitResult:
            before = self.snapshot(head or NO_COMMIT)
            done = work(before)
            text = with_trailers(clean_message(done.message), actor, client)
            for path, content in done.changes.items():
                check_file(path, content)
            return self._write(Proposal(before, done.changes, author, actor, client), (), text)

        return self._under_the_lock(write)

    def _under_the_lock(self, write: Callable[[str | None], CommitResult]) -> CommitResult:
        """What `write` does on HEAD, while no other writer is at work; then tell the plugins."""
        with self.lock():
            for attempts_left in reversed(range(_ATTEMPTS)):
                head = self.head()
                try:
                    result = write(head)
                    break
                except Conflict:  # perhaps seen only now that git's own locks are held
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

    def _write(self, proposal: Proposal, merged: tuple[str, ...], message: str) -> CommitResult:
        """Make the commit on top of the proposal's head and move the branch; the lock is held."""
        before, head = proposal.before, proposal.before.revision
        objects: list[NewObject] = []
        blob_ids: dict[str, str | None] = {}
        for path, content in proposal.changes.items():
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
        hooks.check_commit(self, proposal.only(blob_ids))
        tree_id, tree_objects = build_tree(self._trees, before.tree_id, blob_ids)
        commit = new_object(b"commit", commit_content(tree_id, head, proposal.author, message))
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
