"""Reading one repository's objects for one request, by dulwich.

dulwich's packs are not safe for threads, and a clone must not hold up whoever views a page: each
request opens the object folder for itself.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, FileFormatException
from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID, parse_tree
from dulwich.pack import Pack

from otterwiki_engine.errors import RepositoryDamaged

COMMIT, TREE, BLOB = 1, 2, 3  # git's object type numbers
_FOLDER_MODE, _GITLINK_MODE = 0o040000, 0o160000
_KEPT_TREES = 256
_ID_BYTES = 20
_UNREADABLE = (ApplyDeltaError, ChecksumMismatch, FileFormatException, zlib.error, AssertionError)

#: (name, mode, object id); a folder's entries are a set, so that two are compared quickly.
Entry = tuple[bytes, int, bytes]
Entries = frozenset[Entry]


@dataclass(frozen=True)
class CommitFacts:
    """What of a commit counts here. Ids are 40 hexadecimal digits, as bytes."""

    tree: bytes
    parents: tuple[bytes, ...]
    time: int


def is_folder(entry: Entry) -> bool:
    """Whether an entry is a folder."""
    return entry[1] == _FOLDER_MODE


def is_elsewhere(entry: Entry) -> bool:
    """Whether an entry is a submodule, which is in another repository and never sent."""
    return entry[1] == _GITLINK_MODE


class ObjectReader:
    """The objects below `objects_dir`. For one thread; close it, or use it as a context.

    Every method raises RepositoryDamaged for an object that should be there and can't be read.
    `check` is called with every question, so that a walk ends when it raises, however long it is.
    """

    def __init__(self, objects_dir: Path, check: Callable[[], None] = lambda: None) -> None:
        self.check = check
        self._store = DiskObjectStore(str(objects_dir))
        self._folder = objects_dir
        self._trees: OrderedDict[bytes, Entries] = OrderedDict()
        self._commits: dict[bytes, CommitFacts] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back open files."""
        self._store.close()

    def raw(self, object_id: bytes) -> tuple[int, bytes]:
        """Type number and content of an object."""
        self.check()
        try:
            return self._store.get_raw(ObjectID(object_id))
        except KeyError:
            name = object_id.decode("ascii", "replace")
            raise RepositoryDamaged(f"object {name} is missing in {self._folder}") from None
        except _UNREADABLE as error:
            name = object_id.decode("ascii", "replace")
            raise RepositoryDamaged(f"object {name} can't be read: {error}") from error

    def is_commit(self, object_id: bytes) -> bool:
        """Whether there is a commit of that id."""
        self.check()
        if object_id in self._commits:
            return True
        if ObjectID(object_id) not in self._store:
            return False
        return self.raw(object_id)[0] == COMMIT

    def commit(self, commit_id: bytes) -> CommitFacts:
        """The commit of that id."""
        self.check()
        known = self._commits.get(commit_id)
        if known is None:
            kind, content = self.raw(commit_id)
            if kind != COMMIT:
                raise RepositoryDamaged(f"{commit_id.decode()} is not a commit")
            known = self._commits[commit_id] = _commit_facts(content)
        return known

    def tree(self, tree_id: bytes) -> Entries:
        """What is in the folder of that id."""
        self.check()
        known = self._trees.get(tree_id)
        if known is not None:
            self._trees.move_to_end(tree_id)
            return known
        kind, content = self.raw(tree_id)
        if kind != TREE:
            raise RepositoryDamaged(f"{tree_id.decode()} is not a tree")
        known = self._trees[tree_id] = frozenset(parse_tree(content, _ID_BYTES))
        if len(self._trees) > _KEPT_TREES:
            self._trees.popitem(last=False)
        return known

    def packs(self) -> list[Pack]:
        """The packs that are there now."""
        return list(self._store.packs)


def _commit_facts(content: bytes) -> CommitFacts:
    tree, parents, time = b"", [], 0
    for line in content.split(b"\n"):
        if not line:
            break
        field, _, value = line.partition(b" ")
        if field == b"tree" and not tree:
            tree = value
        elif field == b"parent":
            parents.append(value)
        elif field == b"committer":
            time = _committer_time(value)
    if not tree:
        raise RepositoryDamaged("a commit without a tree")
    return CommitFacts(tree, tuple(parents), time)


def _committer_time(value: bytes) -> int:
    """Seconds since the epoch; 0 for what git of long ago may have written."""
    try:
        return int(value.rpartition(b"> ")[2].split(b" ")[0])
    except ValueError:
        return 0
