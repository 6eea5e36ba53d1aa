"""Questions about all pages of a wiki: which there are, what links where, what is in them.

Everything is answered from ``index.db``, whose page tables are brought to HEAD before each answer
and only then: who asks about the history waits for no page. The tables are derived; delete the file
at any moment and they are built again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from .. import index_store
from ..errors import RepositoryBusy
from ..index_file import IndexFile
from ..paths import NO_COMMIT
from ..repository import Repository
from ..tree_changes import ObjectReader
from . import page_catchup, page_query_store, page_store, text_search
from .link_targets import file_name
from .page_records import (
    Graph,
    HeadingRecord,
    LinkRecord,
    PageRecord,
    PageSelection,
    SearchHits,
)
from .search_query import SearchQuery
from .settings import PageSettings

if TYPE_CHECKING:
    from ..history import HistoryIndex

_ATTEMPTS = 10
_T = TypeVar("_T")


class PageIndex:
    """The pages of one wiki. Safe for threads, beside other processes, and across fork.

    Paths are those of pages ("notes/todo"). What comes in is taken in the case that file names
    have, and where no page is called so, means the only one that differs from it in case. Each
    method answers from one state of the wiki, that of HEAD when it was called or later, and may
    raise :class:`RepositoryBusy` (another process has been writing for a minute),
    :class:`RepositoryDamaged` and :class:`RepositoryGone`.
    """

    def __init__(
        self,
        repository: Repository,
        index_file: IndexFile,
        history: HistoryIndex,
        settings: PageSettings,
    ) -> None:
        self._repository = repository
        self._file = index_file
        self._history = history
        self.settings = settings
        self._reader = ObjectReader(repository, files_only=True)  # whoever has the pages' turn
        self._key = page_catchup.settings_key(settings)

    # ------------------------------------------------------------------ keeping up

    def catch_up(self) -> int:
        """Bring the index to HEAD; how many pages had to be read. Any process may call it."""
        with self._file.page_turn:  # one thread works, the others find it done
            return self._catch_up()

    def _catch_up(self) -> int:
        """As :meth:`catch_up`, for whoever has the pages' turn."""
        return page_catchup.catch_up(self._repository, self._reader, self._file, self.settings)

    def standing(self) -> str | None:
        """The commit whose pages the index holds, without bringing it up; None where none's."""
        with self._file.reading() as connection:
            found = page_store.standing(connection)
        return None if found.settings != self._key or found.head == NO_COMMIT else found.head

    def drop(self) -> None:
        """Forget all pages; the next question builds the index again."""
        with self._file.page_turn, self._file.writing() as connection:
            page_store.clear(connection)

    def _read(self, query: Callable[[sqlite3.Connection], _T], *, with_history: bool = False) -> _T:
        """The answer of `query` on page tables (and history) that stand at HEAD as of now."""
        wanted = self._repository.head() or NO_COMMIT
        for _ in range(_ATTEMPTS):
            try:
                with self._file.reading() as connection:
                    head = self._standing_at(connection, wanted)
                    if head and (not with_history or _history_is_at(connection, head)):
                        return query(connection)
                with self._file.page_turn:
                    self._catch_up()
                    if with_history:
                        self._history.catch_up()
                    # Answered before another thread of this process can take it elsewhere.
                    with self._file.reading() as connection:
                        head = self._standing_at(connection)
                        if head and (not with_history or _history_is_at(connection, head)):
                            return query(connection)
                wanted = self._repository.head() or NO_COMMIT
            except sqlite3.Error as error:
                self._file.recover(error)
        raise RepositoryBusy("the page index is being rebuilt by several processes; try again")

    def _standing_at(self, connection: sqlite3.Connection, wanted: str | None = None) -> str | None:
        """The commit the page tables stand at, None where it is not `wanted`.

        Right after catching up any is good: what HEAD was then, or what it has become since.
        """
        found = page_store.standing(connection)
        if found.settings != self._key or (wanted is not None and found.head != wanted):
            return None
        return found.head

    # ------------------------------------------------------------------ pages

    def page(self, path: str) -> PageRecord | None:
        """The page that `path` means, with its last change; None where there is none."""
        wanted = file_name(path, self.settings)

        def query(connection: sqlite3.Connection) -> PageRecord | None:
            found = page_query_store.find(connection, wanted)
            if found is None:
                return None
            return page_query_store.select(connection, paths=[found], dated=True).pages[0]

        return self._read(query, with_history=True)

    def find(self, path: str) -> str | None:
        """The path of the page that `path` means; None where there is none."""
        wanted = file_name(path, self.settings)
        return self._read(lambda connection: page_query_store.find(connection, wanted))

    def pages(
        self,
        *,
        prefix: str | None = None,
        category: str | None = None,
        tag: str | None = None,
        paths: Collection[str] | None = None,
        updated_since: datetime | None = None,
        after: str | None = None,
        limit: int | None = None,
        dated: bool = False,
    ) -> PageSelection:
        """Pages by path, all conditions together.

        `prefix` is the beginning of the path, in any case; category and tag are compared without
        regard to the case of ASCII letters. `updated_since` is inclusive and compared with the
        author time of the commit that made the page's content (a time without offset is UTC).
        `after` leaves out the pages up to that path, for lists in parts of `limit` pages. With
        `dated`, and where `updated_since` is given, records have that commit and its time.
        """
        if updated_since is not None and updated_since.tzinfo is None:
            updated_since = updated_since.replace(tzinfo=UTC)
        dated = dated or updated_since is not None
        return self._read(
            lambda connection: page_query_store.select(
                connection,
                prefix=prefix,
                category=category,
                tag=tag,
                paths=paths,
                updated_since=updated_since,
                after=after,
                limit=limit,
                dated=dated,
            ),
            with_history=dated,
        )

    def paths(self) -> tuple[str, ...]:
        """Paths of all pages, sorted."""
        return self._read(page_query_store.paths)

    def tags(self) -> tuple[tuple[str, int], ...]:
        """Every tag with the number of its pages, the most used first."""
        return self._read(page_query_store.tags)

    def categories(self) -> tuple[tuple[str, int], ...]:
        """Every category with the number of its pages, the most used first."""
        return self._read(page_query_store.categories)

    def headings(self, path: str) -> tuple[HeadingRecord, ...]:
        """The headings that cut the page at exactly `path` into sections, in their order."""
        return self._read(lambda connection: page_query_store.headings(connection, path))

    def all_headings(self) -> dict[str, list[HeadingRecord]]:
        """The headings of every page that has some, by path."""

        def query(connection: sqlite3.Connection) -> dict[str, list[HeadingRecord]]:
            found: dict[str, list[HeadingRecord]] = {}
            for path, heading in page_query_store.all_headings(connection):
                found.setdefault(path, []).append(heading)
            return found

        return self._read(query)

    # ------------------------------------------------------------------ links

    def links_from(self, path: str) -> tuple[LinkRecord, ...]:
        """The links of the page at exactly `path` in their order."""
        return self._read(lambda connection: page_query_store.links_from(connection, path))

    def links_to(self, path: str) -> tuple[LinkRecord, ...]:
        """The links of other pages that lead to the page at exactly `path`, by page and order."""
        return self._read(lambda connection: page_query_store.links_to(connection, path))

    def graph(self) -> Graph:
        """All pages and the links between them."""

        def query(connection: sqlite3.Connection) -> Graph:
            links = page_query_store.internal_links(connection)
            edges = {(link.page, link.leads_to) for link in links if link.leads_to}
            between = sorted((page, to) for page, to in edges if to and to != page)
            return Graph(page_query_store.paths(connection), tuple(between))

        return self._read(query)

    def broken_links(self) -> tuple[LinkRecord, ...]:
        """Links to pages and attachments that do not exist, by page and order."""

        def query(connection: sqlite3.Connection) -> tuple[LinkRecord, ...]:
            head = page_store.standing(connection).head or NO_COMMIT
            files = self._repository.snapshot(head)
            pages = {path.casefold(): path for path in page_query_store.paths(connection)}
            broken = []
            for link in page_query_store.internal_links(connection):
                if link.leads_to is not None:
                    continue
                folder, _, name = link.target.rpartition("/")
                page = pages.get(folder.casefold(), folder)
                if not any(
                    files.get(path) for path in (link.target, f"{page}/{name}")
                ) and not files.is_dir(link.target):
                    broken.append(link)
            return tuple(broken)

        return self._read(query)

    def orphans(self) -> tuple[str, ...]:
        """Paths of the pages no other page links to, without the home page; sorted."""
        home = file_name(self.settings.home_page, self.settings)

        def query(connection: sqlite3.Connection) -> tuple[str, ...]:
            linked = {
                link.leads_to
                for link in page_query_store.internal_links(connection)
                if link.leads_to != link.page
            }
            linked.add(page_query_store.find(connection, home))
            return tuple(path for path in page_query_store.paths(connection) if path not in linked)

        return self._read(query)

    def linking_to(self, paths: Collection[str]) -> frozenset[str]:
        """Paths of the pages with links to the pages or folders `paths`, or to anything in them.

        A superset of the pages in which links have to be rewritten when these are renamed.
        """

        def query(connection: sqlite3.Connection) -> frozenset[str]:
            return page_query_store.pages_linking_to(connection, paths)

        return self._read(query)

    # ------------------------------------------------------------------ search

    def search(self, query: SearchQuery) -> SearchHits:
        """Pages that match, best first, whatever `query.mode` says: this is the mode "text"."""
        return self._read(lambda connection: text_search.search(connection, query))


def _history_is_at(connection: sqlite3.Connection, head: str) -> bool:
    found = index_store.standing(connection)
    return found.target is None and (found.head or NO_COMMIT) == head
