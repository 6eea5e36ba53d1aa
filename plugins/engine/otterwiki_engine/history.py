"""Which commit touched which file, across renames: the wiki's history without walking git.

Everything is answered from ``index.db``, which is brought to HEAD before each answer. The file is
a cache of the commits: delete it and it is built again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import TypeVar

from . import blame_store, index_store
from .errors import NotFound, RepositoryBusy
from .history_records import CommitRecord, Version
from .history_versions import versions_from
from .index_catchup import catch_up
from .index_file import IndexFile, is_busy
from .index_store import PathRow
from .pages import page_store
from .record_cache import RecordCache
from .repository import Repository
from .short_ids import ShortIds
from .tree_changes import ObjectReader

__all__ = ["CommitRecord", "HistoryIndex", "Version"]

SCHEMA_VERSION = 2  # of all tables in index.db; another one makes it be built anew
_ATTEMPTS = 10
_NEWEST = 1 << 62  # above every commit's number
_HEXADECIMAL = frozenset("0123456789abcdef")
_T = TypeVar("_T")


def index_file_of(repository: Repository) -> IndexFile:
    """The wiki's ``index.db``: its history, and what is known of its pages."""
    return IndexFile(
        repository.state_dir / "index.db",
        index_store.SCHEMA + blame_store.SCHEMA + page_store.SCHEMA,
        SCHEMA_VERSION,
    )


class HistoryIndex:
    """The history of one wiki. Safe for threads, beside other processes, and across fork.

    Revisions that come in and go out are full commit ids unless said otherwise; paths are full
    paths of files. Each method may raise :class:`RepositoryBusy` (another process has been
    building the index for a minute), :class:`RepositoryDamaged` and :class:`RepositoryGone`.
    """

    def __init__(self, repository: Repository, index_file: IndexFile | None = None) -> None:
        self._repository = repository
        self._file = index_file or index_file_of(repository)
        self._reader = ObjectReader(repository, files_only=True)  # whoever has the file's turn
        self._records = RecordCache()
        self._short_ids = ShortIds()

    def close(self) -> None:
        """Give back open files. Calls under way can still finish."""
        self._file.close()

    # ------------------------------------------------------------------ keeping up

    def catch_up(self) -> None:
        """Bring the index to HEAD; nothing to do is the common case. Any process may call it."""
        self._read(lambda _connection: None)

    def _read(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        """The answer of `query` on an index that stands at HEAD as of now, or later."""
        wanted = self._repository.head()
        caught_up = False
        for _ in range(_ATTEMPTS):
            try:
                with self._file.reading() as connection:
                    standing = index_store.standing(connection)
                    # After catching up, HEAD may have moved on, but what was there must be in it:
                    # the file may also have been replaced by an empty one this very moment.
                    if standing.target is None and (
                        standing.head == wanted
                        or (caught_up and index_store.has_commit(connection, wanted))
                    ):
                        return query(connection)
                if caught_up:  # HEAD was put elsewhere meanwhile, or the file was replaced
                    wanted = self._repository.head()
                with self._file.turn:  # one thread works, the others find it done
                    catch_up(self._repository, self._reader, self._file)
                caught_up = True
            except sqlite3.Error as error:
                self._file.recover(error)
                caught_up = False
        raise RepositoryBusy("the history index is being rebuilt by several processes; try again")

    # ------------------------------------------------------------------ commits

    def log(
        self,
        path: str | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
        follow: bool = True,
    ) -> list[CommitRecord]:
        """Commits, newest first, children before parents; at most `limit` after skipping `offset`.

        With the path of a file: those that changed it, under its earlier names too unless `follow`
        is False, its deletion included. With a directory: those that changed anything below it.
        Empty when nothing ever did.
        """
        if path:
            return self._read(
                lambda connection: self._log_of(connection, path, limit, offset, follow)
            )
        if limit is None:
            return list(self._read(self._records.whole)[offset:])
        return self._read(
            lambda connection: self._records.in_order(
                connection, index_store.revisions(connection, limit, offset)
            )
        )

    def records(self, revisions: Collection[str]) -> dict[str, CommitRecord]:
        """The commits with these full ids, by id; what is not in the history is left out."""

        def query(connection: sqlite3.Connection) -> dict[str, CommitRecord]:
            known = index_store.known_of(connection, revisions)  # memory may know dropped ones too
            return self._records.some(connection, known)

        return self._read(query)

    def count(self) -> int:
        """How many commits the history has."""
        return self._read(lambda connection: index_store.standing(connection).commits)

    def find(self, prefix: str, path: str | None = None) -> str | None:
        """Full id of the one commit that begins with `prefix` (at least four digits).

        With `path`, only commits in its log count. None where there is no such commit, or more
        than one.
        """
        if len(prefix) < 4 or not _HEXADECIMAL.issuperset(prefix):
            return None

        def query(connection: sqlite3.Connection) -> str | None:
            found = index_store.with_prefix(connection, prefix, -1 if path else 2)
            if path and found:
                numbers = list(self._numbers(connection, path, follow=True))
                touched = set(index_store.revisions_of(connection, numbers))
                found = [revision for revision in found if revision in touched]
            return found[0] if len(found) == 1 else None

        return self._read(query)

    def abbreviations(self, revisions: Collection[str]) -> dict[str, str]:
        """The shortest beginning, of six digits or more, that names only it now, by full id."""
        return self._read(lambda connection: self._short_ids.of(connection, revisions))

    # ------------------------------------------------------------------ files

    def last_change(self, path: str, revision: str | None = None) -> CommitRecord | None:
        """The newest commit at or before `revision` (None: HEAD) that touched `path`.

        That may be the commit that deleted it. `path` can be a directory. None where nothing
        touched it, :class:`NotFound` for a revision that is not in the history.
        """

        def query(connection: sqlite3.Connection) -> CommitRecord | None:
            number = self._last_number(connection, path, revision)
            if number is None:
                return None
            found = index_store.revisions_of(connection, [number])
            return self._records.in_order(connection, found)[0]

        return self._read(query)

    def parent_of(self, path: str, revision: str) -> str | None:
        """The commit before `revision` in the log of `path`.

        None where `revision` is the first one there, or is not in that log.
        """

        def query(connection: sqlite3.Connection) -> str | None:
            number = index_store.number_of(connection, revision)
            numbers = self._numbers(connection, path, follow=True)
            for found in numbers:
                if found == number:
                    older = next(numbers, None)
                    return (
                        None if older is None else index_store.revisions_of(connection, [older])[0]
                    )
            return None

        return self._read(query)

    def path_at(self, path: str, revision: str) -> str:
        """The name that the file now called `path` had at `revision`, by following its renames.

        `path` itself where it was not renamed since; raises :class:`NotFound` for a revision that
        is not in the history.
        """

        def query(connection: sqlite3.Connection) -> str:
            number = _known_number(connection, revision)
            name = path
            for row in _follow(connection, path):
                if row.seq <= number:
                    break
                if row.kind == "R" and row.old_path:
                    name = row.old_path
            return name

        return self._read(query)

    def version(self, path: str, revision: str | None = None) -> Version | None:
        """The content of file `path` at `revision` (None: HEAD), without its sources.

        None where there is no such file; raises :class:`NotFound` for a revision that is not in
        the history.
        """

        def query(connection: sqlite3.Connection) -> Version | None:
            number = self._last_number(connection, path, revision)
            row = None
            if number is not None:
                row = next(index_store.changes_of_path(connection, path, number + 1), None)
            if row is None or row.seq != number or row.blob_id is None:
                return None
            (made_by,) = index_store.revisions_of(connection, [row.seq])
            return Version(made_by, path, row.blob_id, ())

        return self._read(query)

    def versions(
        self, path: str, revision: str | None = None, *, stop_at: Collection[str] = ()
    ) -> list[Version]:
        """Every content that led to that of file `path` at `revision` (None: HEAD).

        Newest first, so that each one's sources come after it; empty when there is no such file.
        What led to the versions of `path` made by the commits `stop_at` is left out. Raises
        :class:`NotFound` for a revision that is not in the history.
        """

        def query(connection: sqlite3.Connection) -> list[Version]:
            number = self._last_number(connection, path, revision)
            return [] if number is None else versions_from(connection, path, number, stop_at)

        return self._read(query)

    # ------------------------------------------------------------------ blame's memory

    def kept_blames(self, path: str) -> dict[str, str]:
        """What :meth:`keep_blame` kept for `path`, by revision."""
        return self._read(lambda connection: blame_store.kept_blames(connection, path))

    def keep_blame(self, path: str, revision: str, data: str) -> None:
        """Remember a worked out answer in the index, if that can be done without waiting."""
        try:
            with self._file.writing(timeout_seconds=0) as connection:
                blame_store.keep_blame(connection, path, revision, data)
        except sqlite3.Error as error:
            if not is_busy(error):  # somebody is writing: the answer is worked out again next time
                self._file.recover(error)

    # ------------------------------------------------------------------ inside

    def _log_of(
        self,
        connection: sqlite3.Connection,
        path: str,
        limit: int | None,
        offset: int,
        follow: bool,
    ) -> list[CommitRecord]:
        numbers = self._numbers(connection, path, follow=follow)
        end = None if limit is None else offset + limit
        chosen = list(islice(numbers, offset, end))
        return self._records.in_order(connection, index_store.revisions_of(connection, chosen))

    def _numbers(self, connection: sqlite3.Connection, path: str, *, follow: bool) -> Iterator[int]:
        """Numbers of the commits in the log of `path`, newest first, each once."""
        path = path.rstrip("/")
        if not index_store.has_path(connection, path):
            yield from index_store.numbers_below(connection, path, _NEWEST)
            return
        last = None
        rows = (
            _follow(connection, path)
            if follow
            else index_store.changes_of_path(connection, path, _NEWEST)
        )
        for row in rows:
            if row.seq != last:
                last = row.seq
                yield last

    def _last_number(
        self, connection: sqlite3.Connection, path: str, revision: str | None
    ) -> int | None:
        """Number of the newest commit at or before `revision` that touched `path`."""
        path = path.rstrip("/")
        before = _NEWEST if revision is None else _known_number(connection, revision) + 1
        newest = next(index_store.changes_of_path(connection, path, before), None)
        if newest is None:
            return next(index_store.numbers_below(connection, path, before), None)
        if newest.seq > index_store.last_merge(connection):
            return newest.seq  # one line of commits since then
        # There are branches: the newest change may lie on one that was not taken. What counts is
        # the content at `revision`, and the newest commit that made it.
        entry = self._repository.snapshot(revision).get(path)
        wanted = entry.blob_id if entry else None
        for row in index_store.changes_of_path(connection, path, before):
            if row.blob_id == wanted:
                return row.seq
        return newest.seq


def _known_number(connection: sqlite3.Connection, revision: str) -> int:
    number = index_store.number_of(connection, revision)
    if number is None:
        raise NotFound(f"revision {revision} is not in this wiki's history")
    return number


def _follow(connection: sqlite3.Connection, path: str) -> Iterator[PathRow]:
    """Changes of a file, newest first; from a rename on those of its old name."""
    before = _NEWEST
    while True:
        for row in index_store.changes_of_path(connection, path, before):
            yield row
            if row.kind == "R" and row.old_path:
                path, before = row.old_path, row.seq
                break
        else:
            return
