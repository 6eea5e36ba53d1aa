"""The pages of a wiki together: lists, the tree of them, links between them, search."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..errors import RepositoryDamaged
from .cursors import check_limit, check_word, make_cursor, query_key, read_cursor
from .errors import BadValue, PageNotFound
from .names import MOST_PARTS, fold, may_be_page, page_of
from .page_records import LinkRecord, PageRecord, SearchHit
from .records import (
    BrokenLink,
    LinkGraph,
    PageLinks,
    PageList,
    PageNode,
    PageSummary,
    RelatedResult,
    SearchResult,
    SearchResults,
)
from .revisions import explained
from .search import UnknownSearchMode, as_markdown
from .search import related as related_in
from .search import search as search_in
from .search_query import MAX_CHARACTERS, MAX_LIMIT, SearchQuery
from .tools import Tools

_MOST_OFFSET = 100_000


def list_pages(
    tools: Tools,
    *,
    prefix: str | None,
    category: str | None,
    tag: str | None,
    updated_since: datetime | None,
    limit: int,
    cursor: str | None,
) -> PageList:
    """Pages by path, all conditions together."""
    check_limit(limit)
    for field, word in (("prefix", prefix), ("category", category), ("tag", tag)):
        check_word(field, word)
    key = query_key("pages", prefix, category, tag, updated_since)
    after = None if cursor is None else read_cursor(key, cursor, tools.index.paths)[0]
    found = tools.index.pages(
        prefix=prefix or None,
        category=category,
        tag=tag,
        updated_since=updated_since,
        after=after,
        limit=limit + 1,
        dated=True,
    )
    pages = found.pages[:limit]
    more = len(found.pages) > limit
    return PageList(
        pages=tuple(_summary(tools, record) for record in pages),
        total=found.total,
        next_cursor=make_cursor(key, pages[-1].path) if more else None,
    )


def _summary(tools: Tools, record: PageRecord) -> PageSummary:
    if record.revision is None or record.last_updated is None:
        raise RepositoryDamaged(f"the index does not know who wrote {record.path!r}")
    return PageSummary(
        path=record.path,
        name=tools.names.name_of(record.path, record.heading),
        file=record.file,
        title=tools.names.display_title(record.path, record.title),
        category=record.category,
        tags=record.tags,
        front_matter=record.front_matter,
        word_count=record.word_count,
        size_bytes=record.size_bytes,
        blob_id=record.blob_id,
        revision=record.revision,
        last_updated=record.last_updated,
    )


# ---------------------------------------------------------------------- the tree


def outline_of(tools: Tools, prefix: str | None, depth: int | None) -> PageNode:
    """The tree of pages below `prefix`, `depth` levels of it, :data:`MOST_PARTS` at most."""
    if depth is not None and (not isinstance(depth, int) or depth < 1):
        raise BadValue("depth", "it has to be 1 or more")
    root = page_of(tools.names.file_of(check_word("prefix", prefix) or ""))
    wanted = [fold(part) for part in root.split("/") if part]
    top = _Branch(root)
    levels = min(depth or MOST_PARTS, MOST_PARTS)
    for record in tools.index.pages(prefix=root or None).pages:
        parts = record.path.split("/")
        if list(map(fold, parts[: len(wanted)])) == wanted:
            top.path = "/".join(parts[: len(wanted)])
            top.add(parts[len(wanted) :], record, levels)
    if wanted and top.record is None and not top.children:
        raise explained(tools.wiki, tools.names, PageNotFound(prefix or ""))
    return _node(tools, top)


class _Branch:
    """A place in the tree while it is put together."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.record: PageRecord | None = None
        self.children: dict[str, _Branch] = {}
        self.pages_below = 0

    def add(self, parts: list[str], record: PageRecord, levels: int) -> None:
        """Put a page below this place: as a node in these `levels`, else it is only counted."""
        node = self
        for part in parts[:levels]:
            node.pages_below += 1
            node = node.children.setdefault(part, _Branch(f"{node.path}/{part}".lstrip("/")))
        if len(parts) > levels:
            node.pages_below += 1
        else:
            node.record = record


def _node(tools: Tools, branch: _Branch) -> PageNode:
    heading = branch.record.heading if branch.record else None
    title = branch.record.title if branch.record else None
    return PageNode(
        path=branch.path,
        name=tools.names.name_of(branch.path, heading),
        title=tools.names.display_title(branch.path, title),
        exists=branch.record is not None,
        page_count=branch.pages_below,
        children=tuple(_node(tools, child) for _, child in sorted(branch.children.items())),
    )


# ---------------------------------------------------------------------- links


def links_of(tools: Tools, page: str) -> PageLinks:
    """The links of a page in both directions."""
    path = _path_of(tools, page)
    links = tools.index.links_from(path)
    head = tools.wiki.repository.snapshot()
    pages = [link for link in links if link.kind == "page"]
    broken = {one.target for one in pages if not one.leads_to and not head.exists(one.target)}
    return PageLinks(
        path=path,
        links_to=_each_once(link.leads_to or link.target for link in pages),
        linked_from=_each_once(link.page for link in tools.index.links_to(path)),
        broken=_each_once(broken),
        attachments=_each_once(link.target for link in links if link.kind == "attachment"),
        external=_each_once(link.target for link in links if link.kind == "external"),
    )


def _path_of(tools: Tools, page: str) -> str:
    """The path of the page that is meant; raises :class:`PageNotFound`."""
    file = tools.names.file_of(page)
    path = tools.index.find(page_of(file)) if may_be_page(file) else None
    if path is None:
        raise explained(tools.wiki, tools.names, PageNotFound(page))
    return path


def _each_once(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(paths)))


def graph_of(tools: Tools) -> LinkGraph:
    """All pages and the links between them."""
    found = tools.index.graph()
    return LinkGraph(found.nodes, found.edges)


def broken_links(tools: Tools) -> tuple[BrokenLink, ...]:
    """Links to what does not exist, by page and line."""
    return tuple(map(_broken, tools.index.broken_links()))


def _broken(link: LinkRecord) -> BrokenLink:
    return BrokenLink(link.page, link.target, link.kind, link.text, link.line + 1)


# ---------------------------------------------------------------------- search


def search(tools: Tools, query: SearchQuery) -> SearchResults:
    """Pages that match, best first."""
    check_limit(query.limit, MAX_LIMIT)
    if not isinstance(query.offset, int) or not 0 <= query.offset <= _MOST_OFFSET:
        raise BadValue("offset", f"it has to be a number from 0 to {_MOST_OFFSET}")
    check_word("query", query.text, MAX_CHARACTERS)
    if not query.text.strip():
        raise BadValue("query", "it is empty")
    for field, word in (("prefix", query.prefix), ("category", query.category), ("tag", query.tag)):
        check_word(field, word)
    try:
        found = search_in(tools.wiki, tools.settings, query)
    except UnknownSearchMode as error:
        raise BadValue("mode", str(error)) from error
    return SearchResults(
        query=query.text,
        results=tuple(_result(tools, hit) for hit in found.hits),
        total=found.total,
        mode=found.mode,
    )


def _result(tools: Tools, hit: SearchHit) -> SearchResult:
    return SearchResult(
        path=hit.path,
        name=tools.names.name_of(hit.path),
        title=tools.names.display_title(hit.path, hit.title),
        snippet=as_markdown(hit.snippet),
        score=hit.score,
        section=hit.section,
        anchor=hit.anchor,
        line=hit.line + 1,
    )


def related_pages(tools: Tools, page: str, limit: int) -> tuple[RelatedResult, ...]:
    """Pages that have to do with another one, as plugins find them; () where none does."""
    check_limit(limit, MAX_LIMIT)
    return tuple(
        RelatedResult(
            path=found.path,
            name=tools.names.name_of(found.path),
            title=tools.names.display_title(found.path, found.title),
            score=found.score,
        )
        for found in related_in(tools.wiki, tools.settings, _path_of(tools, page), limit)
    )
