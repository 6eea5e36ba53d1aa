"""The reading half of the page service.

:class:`~.service.PageService` adds the changes. See there what names, revisions and errors are.
"""

from __future__ import annotations

from datetime import datetime

from ..wiki import Wiki
from . import attachments, changelog, listing, reading
from .names import PageNames
from .records import (
    AttachmentContent,
    AttachmentInfo,
    BrokenLink,
    Difference,
    LineRange,
    LinkGraph,
    Outline,
    Page,
    PageHistory,
    PageLinks,
    PageList,
    PageNode,
    RecentChanges,
    RelatedResult,
    SearchResults,
    SectionText,
)
from .search import search_modes
from .search_query import SearchQuery
from .settings import PageSettings
from .tools import Tools

DEFAULT_LIMIT = 100


class ReadablePages:
    """What can be read of the pages of `wiki`, named and linked as `settings` say.

    Safe for threads; cheap to make.
    """

    def __init__(self, wiki: Wiki, settings: PageSettings) -> None:
        self.wiki = wiki
        self.settings = settings
        self.names = PageNames(settings)

    def _tools(self) -> Tools:
        return Tools.of(self.wiki, self.settings)

    # ------------------------------------------------------------------ reading one page

    def read(self, page: str, revision: str | None = None) -> Page:
        """The whole page at HEAD, or as it was at `revision` under the name it has now or had then.

        Raises PageNotFound, BadRevision, NotFound (unknown revision).
        """
        return reading.read_page(self._tools(), page, revision)

    def outline(self, page: str, revision: str | None = None) -> Outline:
        """The page's headings with lines and sizes, without its text. Errors as :meth:`read`."""
        return reading.read_outline(self._tools(), page, revision)

    def read_section(self, page: str, section: str, revision: str | None = None) -> SectionText:
        """One section, its heading first.

        `section` is a title, a path of titles or the end of one ("A > B"), in any case, or "#3"
        for the third heading of the page. Raises SectionNotFound, SectionAmbiguous, and what
        :meth:`read` raises.
        """
        return reading.read_section(self._tools(), page, section, revision)

    def read_lines(
        self, page: str, start_line: int = 1, line_count: int = 200, revision: str | None = None
    ) -> LineRange:
        """At most `line_count` lines from line `start_line` (from 1) on.

        Past the end there are none. Raises BadValue for numbers below 1, and what :meth:`read`
        raises.
        """
        return reading.read_lines(self._tools(), page, start_line, line_count, revision)

    def history(
        self, page: str, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> PageHistory:
        """The commits of a page, newest first, across its renames; of a deleted one too.

        Raises PageNotFound where there never was such a page, BadValue, BadCursor.
        """
        return changelog.page_history(self.wiki, self.names, page, limit, cursor)

    def diff(self, page: str, from_revision: str, to_revision: str | None = None) -> Difference:
        """What changed in the page from one revision to another (None: HEAD), renames followed.

        Raises PageNotFound where it existed at neither, BadRevision, NotFound.
        """
        return changelog.page_diff(self.wiki, self.names, page, from_revision, to_revision)

    # ------------------------------------------------------------------ reading the wiki

    def list(
        self,
        prefix: str | None = None,
        category: str | None = None,
        tag: str | None = None,
        updated_since: datetime | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> PageList:
        """Pages by path, all conditions together.

        `prefix` is the beginning of the path; `updated_since` is inclusive and compared with the
        time of the last commit that changed the page (a time without offset is UTC). A list that is
        followed by its cursors names each page that stays there exactly once, whatever is
        committed meanwhile. Raises BadValue, BadCursor.
        """
        return listing.list_pages(
            self._tools(),
            prefix=prefix,
            category=category,
            tag=tag,
            updated_since=updated_since,
            limit=limit,
            cursor=cursor,
        )

    def wiki_outline(self, prefix: str | None = None, depth: int | None = None) -> PageNode:
        """The tree of pages below `prefix` ("" and None: all), `depth` levels of it (None: all).

        Raises PageNotFound where nothing lies there.
        """
        return listing.outline_of(self._tools(), prefix, depth)

    def links(self, page: str) -> PageLinks:
        """The links of a page in both directions. Raises PageNotFound."""
        return listing.links_of(self._tools(), page)

    def graph(self) -> LinkGraph:
        """All pages and the links between them."""
        return listing.graph_of(self._tools())

    def broken_links(self) -> tuple[BrokenLink, ...]:
        """Links to pages and attachments that do not exist, by page and line."""
        return listing.broken_links(self._tools())

    def orphans(self) -> tuple[str, ...]:
        """Paths of the pages no other page links to, without the home page."""
        return self._tools().index.orphans()

    def recent_changes(
        self,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
        since: str | datetime | None = None,
    ) -> RecentChanges:
        """The wiki's commits, newest first, as far back as `since`.

        `since` is a revision (that one is left out) or a time (inclusive). Raises BadValue,
        BadCursor, BadRevision, NotFound.
        """
        return changelog.recent_changes(self.wiki, limit, cursor, since)

    def search(
        self,
        query: str,
        limit: int = 20,
        offset: int = 0,
        mode: str = "text",
        prefix: str | None = None,
        category: str | None = None,
        tag: str | None = None,
    ) -> SearchResults:
        """Pages that match, best first.

        `mode` is one of :meth:`search_modes`; what can be typed for "text" is said in
        :mod:`.search_query`. Raises BadValue for an empty query or an unknown mode.
        """
        wanted = SearchQuery(query, limit, offset, prefix, category, tag, mode)
        return listing.search(self._tools(), wanted)

    def search_modes(self) -> tuple[str, ...]:
        """The modes the wiki can be searched in now, "text" first."""
        return search_modes(self.wiki)

    def related(self, page: str, limit: int = 10) -> tuple[RelatedResult, ...]:
        """Pages that have to do with another one, best first; () where no plugin can tell.

        Raises PageNotFound, BadValue.
        """
        return listing.related_pages(self._tools(), page, limit)

    # ------------------------------------------------------------------ attachments

    def attachments(self, page: str, revision: str | None = None) -> tuple[AttachmentInfo, ...]:
        """The files attached to a page, by name. Raises PageNotFound."""
        return attachments.attachments_of(self.wiki, self.names, page, revision)

    def read_attachment(
        self, page: str, filename: str, revision: str | None = None
    ) -> AttachmentContent:
        """An attachment with its bytes. Raises AttachmentNotFound, BadPath, BadRevision."""
        return attachments.attachment(self.wiki, self.names, page, filename, revision)
