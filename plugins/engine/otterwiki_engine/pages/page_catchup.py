"""Bringing the page tables from the pages they hold to those of HEAD.

What there is to do is found by comparing blob ids: of the tree the tables stand at and the one at
HEAD, or, where an earlier run was not finished, of the rows there are and the tree. So it makes no
difference how HEAD came about (a commit, a rename, another history), or where an earlier run was
killed, and what comes out is what a run from nothing makes. Pages are read outside of the
transaction that writes them, and a long run is many short ones: who writes the history waits for
none of it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from sqlite3 import Connection
from typing import NamedTuple

from ..commit_objects import parse_commit
from ..errors import RepositoryBusy, RepositoryDamaged
from ..index_file import IndexFile
from ..pagenames import PAGE_SUFFIX
from ..paths import NO_COMMIT, component_problem
from ..repository import Repository
from ..tree_changes import ObjectReader, tree_changes
from . import page_store
from .names import is_page, page_of
from .page_contents import CONTENTS_VERSION, read_contents
from .page_store import PageStanding
from .settings import PageSettings

BATCH_PAGES = 64
_RAW_SUFFIX = PAGE_SUFFIX.encode("ascii")
_ATTEMPTS = 1000  # batches; a wiki that changes all the time is caught up with before


def settings_key(settings: PageSettings) -> str:
    """Stands for all besides its content that decides what the index keeps of a page."""
    return json.dumps({"contents": CONTENTS_VERSION, **asdict(settings)}, sort_keys=True)


def catch_up(
    repository: Repository, reader: ObjectReader, index_file: IndexFile, settings: PageSettings
) -> int:
    """Bring the page tables to HEAD; how many pages had to be read for that.

    Any number of processes may call this at once. `reader` reads `repository`, files only; kept
    from call to call it spares reading a tree again. Raises :class:`RepositoryBusy` when another
    process writes for a minute, or makes the tables over and over under other settings.
    """
    key = settings_key(settings)
    with index_file.reading() as connection:
        plan = _plan(repository, reader, connection, key)
    pages_read = 0
    for _ in range(_ATTEMPTS):
        if plan.is_done:
            return pages_read
        ready = {
            (path, blob_id): read_contents(
                path, blob_id, reader.blob(blob_id.encode("ascii")), settings
            )
            for path, blob_id in plan.missing[:BATCH_PAGES]
        }
        pages_read += len(ready)
        with index_file.writing() as connection:
            standing = page_store.standing(connection)
            if standing.settings != key:
                page_store.clear(connection)
            # Looked at under the write lock: a later standing is never replaced by an earlier one.
            if standing != plan.made_at or (repository.head() or NO_COMMIT) != plan.head:
                plan = _plan(repository, reader, connection, key)
                if plan.is_done:
                    return pages_read
            page_store.delete_pages(connection, plan.gone)
            page_store.put_pages(
                connection, (ready[page] for page in plan.missing if page in ready)
            )
            missing = [page for page in plan.missing if page not in ready]
            if not missing:
                page_store.set_standing(connection, PageStanding(plan.head, plan.tree_id, key))
                return pages_read
            standing = PageStanding(None, None, key)
            page_store.set_standing(connection, standing)
            plan = plan._replace(made_at=standing, missing=missing, gone=[])
    raise RepositoryBusy("the page index is being rebuilt by several processes; try again")


class _Plan(NamedTuple):
    """What leads from standing `made_at` to commit `head`: pages (path, blob id) to be read, and
    paths to be dropped."""

    made_at: PageStanding
    head: str
    tree_id: str | None
    missing: list[tuple[str, str]]
    gone: list[str]
    is_done: bool = False


def _plan(repository: Repository, reader: ObjectReader, connection: Connection, key: str) -> _Plan:
    head = repository.head() or NO_COMMIT
    standing = page_store.standing(connection)
    if (standing.head, standing.settings) == (head, key):
        return _Plan(standing, head, None, [], [], is_done=True)
    tree_id = None
    if head != NO_COMMIT:
        tree_id = parse_commit(head, reader.raw(head.encode("ascii"), b"commit")).tree_id
    if standing.settings == key and standing.head is not None:
        with suppress(RepositoryDamaged):  # the old tree is gone, its history was replaced
            return _Plan(standing, head, tree_id, *_difference(reader, standing.tree_id, tree_id))
    missing, gone = _difference(reader, None, tree_id)
    if standing.settings == key:
        wanted = dict(missing)
        found = page_store.blob_ids(connection)
        missing = [page for page in missing if found.get(page[0]) != page[1]]
        gone = [path for path in found if path not in wanted]
    return _Plan(standing, head, tree_id, missing, gone)


def _difference(
    reader: ObjectReader, old_tree: str | None, new_tree: str | None
) -> tuple[list[tuple[str, str]], list[str]]:
    """Pages (path, blob id) of the new tree that are not in the old one as they are, and paths of
    pages that are in the old one only."""
    changed: dict[str, str] = {}
    gone: list[str] = []
    raw_ids = [tree.encode("ascii") if tree else None for tree in (old_tree, new_tree)]
    for change in tree_changes(reader, *raw_ids):
        path = _page_at(change.path)
        if path is None:
            continue
        if change.new is None:
            gone.append(path)
        elif change.old is None or change.old.blob_id != change.new.blob_id:
            changed[path] = change.new.blob_id.decode("ascii")
    return list(changed.items()), [path for path in gone if path not in changed]


def _page_at(raw_path: bytes) -> str | None:
    """The page that a file of a tree is, None where it is none: as a snapshot has it."""
    if not raw_path.endswith(_RAW_SUFFIX) or raw_path.startswith(b"-"):
        return None
    try:
        file = raw_path.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not is_page(file) or any(map(component_problem, file.split("/"))):
        return None
    return page_of(file)
