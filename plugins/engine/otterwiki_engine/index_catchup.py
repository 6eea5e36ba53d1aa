"""Bringing the history index from the commit it stands at to HEAD.

Only new commits are walked, each compared with its parents once. A long history is added in
batches, each one transaction together with the note of how far it got, so that a killed process
loses one batch at most. One process works at a time; readers never wait for a lock.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import blame_store, index_store
from .commit_objects import ParsedCommit, parse_commit
from .index_file import IndexFile
from .index_store import ChangeRow, Standing
from .renames import with_renames
from .repository import Repository
from .tree_changes import FileChange, FileState, ObjectReader, tree_changes

BATCH_COMMITS = 1000


@dataclass
class _Plan:
    """What is still to be done. `commits` are the new ones, oldest first."""

    head: str | None
    commits: list[ParsedCommit]
    trees: dict[str, str]
    rewritten: bool
    in_order: bool
    after: Standing | None = None
    done: int = 0


def catch_up(repository: Repository, reader: ObjectReader, index_file: IndexFile) -> None:
    """Bring the index to HEAD. Any number of processes may call this at once.

    `reader` reads `repository`, files only; kept from call to call it spares reading a tree again.

    Where the index stands at a commit that is not part of HEAD's history, it is built anew.
    Raises :class:`RepositoryBusy` when another process has been at it for a minute.
    """
    plan: _Plan | None = None
    while True:
        with index_file.writing() as connection:
            standing = index_store.standing(connection)
            if plan is None or standing != plan.after:  # the first time, or another was at work
                head = repository.head()
                if standing.target is None and standing.head == head:
                    return
                plan = _make_plan(reader, connection, standing, head)
            if _work(plan, reader, connection):
                return


def _work(plan: _Plan, reader: ObjectReader, connection: sqlite3.Connection) -> bool:
    """Do one batch; True when it was the last."""
    if plan.rewritten:
        index_store.clear(connection)
        blame_store.clear(connection)
        plan.rewritten = False
    number = index_store.standing(connection).commits
    for commit in plan.commits[plan.done : plan.done + BATCH_COMMITS]:
        number += 1
        index_store.add_commit(connection, number, commit, _rows(reader, commit, plan.trees))
        plan.done += 1
    finished = plan.done == len(plan.commits)
    if finished:
        if not plan.in_order:
            _put_in_order(connection)
        index_store.set_standing(connection, plan.head, None)
    else:
        index_store.set_standing(connection, index_store.standing(connection).head, plan.head)
    plan.after = index_store.standing(connection)
    return finished


def _make_plan(
    reader: ObjectReader, connection: sqlite3.Connection, standing: Standing, head: str | None
) -> _Plan:
    """Find the commits that lead from where the index stands to `head`."""
    base = standing.target or standing.head

    def is_known(revision: str) -> bool:
        return index_store.has_commit(connection, revision)

    walk = _walk(reader, head, is_known)
    # Everything in the index is an ancestor of `base` (or `base`). So `head` descends from `base`
    # exactly when the walk ended at `base`, or came through it.
    rewritten = base is not None and base not in walk.ends and base not in walk.commits
    if rewritten:
        walk = _walk(reader, head, lambda _revision: False)
    # New commits that all descend from `base` belong after everything there is. Others (a merged
    # branch, a second root, an interrupted batch) may belong in between.
    appended = {standing.head} if standing.target is None and standing.head else set()
    in_order = rewritten or (walk.ends == appended and (not appended or not walk.has_root))
    commits = [walk.commits[revision] for revision in _newest_first(_facts(walk.commits))]
    commits.reverse()
    return _Plan(head, commits, walk.trees, rewritten, in_order)


@dataclass
class _Walk:
    """New commits by id, the known ones they lead to, and the trees of all of them."""

    commits: dict[str, ParsedCommit]
    ends: set[str]
    trees: dict[str, str]
    has_root: bool


def _walk(reader: ObjectReader, head: str | None, is_known: Callable[[str], bool]) -> _Walk:
    walk = _Walk({}, set(), {}, has_root=False)
    cut_off = _shallow(reader.git_dir)
    pending = [head] if head else []
    while pending:
        revision = pending.pop()
        if revision in walk.commits or revision in walk.ends:
            continue
        commit = parse_commit(revision, reader.raw(revision.encode("ascii"), b"commit"))
        if revision in cut_off:
            commit = commit._replace(parents=())
        walk.trees[revision] = commit.tree_id
        if is_known(revision):
            walk.ends.add(revision)
            continue
        walk.commits[revision] = commit
        walk.has_root = walk.has_root or not commit.parents
        pending.extend(commit.parents)
    return walk


def _shallow(git_dir: Path) -> frozenset[str]:
    """Commits whose parents are left out of this repository, as in a shallow clone."""
    try:
        return frozenset((git_dir / "shallow").read_text("ascii").split())
    except FileNotFoundError:
        return frozenset()


# ---------------------------------------------------------------------- order

_Facts = Mapping[str, tuple[Collection[str], int]]  # id -> (parents, commit time)


def _facts(commits: Mapping[str, ParsedCommit]) -> _Facts:
    return {revision: (commit.parents, commit.commit_time) for revision, commit in commits.items()}


def _newest_first(facts: _Facts) -> Iterator[str]:
    """Commits by time, but never a parent before its child (``git log --date-order``)."""
    children = dict.fromkeys(facts, 0)
    for parents, _ in facts.values():
        for parent in set(parents):
            if parent in children:
                children[parent] += 1
    tips = [revision for revision, count in children.items() if not count]
    waiting = [(-facts[revision][1], turn, revision) for turn, revision in enumerate(tips)]
    heapq.heapify(waiting)
    turn = len(waiting)
    while waiting:
        _, _, revision = heapq.heappop(waiting)
        yield revision
        for parent in dict.fromkeys(facts[revision][0]):
            if parent in children:
                children[parent] -= 1
                if not children[parent]:
                    heapq.heappush(waiting, (-facts[parent][1], turn, parent))
                    turn += 1


def _put_in_order(connection: sqlite3.Connection) -> None:
    """Number all commits in the one right order, which depends on HEAD alone."""
    numbers: dict[str, int] = {}
    facts: dict[str, tuple[Collection[str], int]] = {}
    for number, revision, parents, time in index_store.order_facts(connection):
        numbers[revision] = number
        facts[revision] = (parents, time)
    right = {
        numbers[revision]: len(facts) - position
        for position, revision in enumerate(_newest_first(facts))
    }
    wrong = {old: new for old, new in right.items() if old != new}
    if wrong:
        index_store.renumber(connection, wrong)


# ---------------------------------------------------------------------- changes


def _rows(
    reader: ObjectReader, commit: ParsedCommit, trees: Mapping[str, str]
) -> Iterator[ChangeRow]:
    """What `commit` touched. Of a merge, only files that differ from every parent."""
    tree = commit.tree_id.encode("ascii")
    parents: list[bytes | None] = [trees[parent].encode("ascii") for parent in commit.parents]
    found = [tree_changes(reader, parent, tree) for parent in parents or [None]]
    if len(found) > 1:
        common = set.intersection(*({change.path for change in changes} for changes in found))
        if not common:
            return
    for position, changes in enumerate(found):
        for change in with_renames(reader, changes):
            if len(found) == 1 or change.path in common:
                yield from _rows_of(change, position)
            elif change.old and change.old.path in common:  # a rename of which one half counts
                yield from _rows_of(FileChange(change.old, None), position)


def _rows_of(change: FileChange, parent: int) -> Iterator[ChangeRow]:
    old, new = change.old, change.new
    if new is None:
        yield ChangeRow(_path(old), parent, "D", None, None, _blob(old))
    elif change.similarity_percent is not None:
        yield ChangeRow(_path(new), parent, "R", _path(old), _blob(new), _blob(old))
        yield ChangeRow(_path(old), parent, "X", None, None, _blob(old))
    else:
        yield ChangeRow(_path(new), parent, "M" if old else "A", None, _blob(new), _blob(old))


def _path(state: FileState | None) -> str:
    return state.path.decode("utf-8", "replace") if state else ""


def _blob(state: FileState | None) -> str | None:
    return state.blob_id.decode("ascii") if state else None
