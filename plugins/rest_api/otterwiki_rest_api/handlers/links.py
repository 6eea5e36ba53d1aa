"""How pages hang together: links, orphans, the wiki's tree, tags and categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from otterwiki_engine.pages.records import PageNode, PageSummary
from otterwiki_engine.pages.service import PageService

from .. import answers, queries
from ..calls import Answer, Call
from . import shapes

_PAGES_AT_ONCE = 1000


def graph(call: Call[queries.NoQuery, None]) -> Answer:
    """All pages and the links between them."""
    found = call.service.graph()
    return Answer(
        answers.Graph(
            nodes=list(found.nodes),
            edges=[answers.Edge(source=source, target=target) for source, target in found.edges],
        )
    )


def page_links(call: Call[queries.NoQuery, None]) -> Answer:
    """The links of a page in both directions."""
    found = call.service.links(call.page)
    return Answer(
        answers.Links(
            path=found.path,
            links_to=list(found.links_to),
            linked_from=list(found.linked_from),
            broken=list(found.broken),
            attachments=list(found.attachments),
            external=list(found.external),
        )
    )


def broken_links(call: Call[queries.PagedQuery, None]) -> Answer:
    """Links that lead nowhere, by page and line; equal ones of one line once."""
    found = sorted(
        {
            (link.path, link.line, link.target, link.kind, link.text)
            for link in call.service.broken_links()
        }
    )
    shown, next_cursor = shapes.part(
        found,
        key=lambda link: link,
        name="broken-links",
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    return Answer(
        answers.BrokenLinks(
            broken_links=[
                answers.BrokenLink(path=path, line=line, target=target, kind=kind, text=text)
                for path, line, target, kind, text in shown
            ],
            total=len(found),
            next_cursor=next_cursor,
        )
    )


def orphans(call: Call[queries.PagedQuery, None]) -> Answer:
    """Pages no other page links to."""
    found = sorted(call.service.orphans())
    shown, next_cursor = shapes.part(
        found,
        key=lambda path: path,
        name="orphans",
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    return Answer(answers.Orphans(orphans=shown, total=len(found), next_cursor=next_cursor))


def wiki_outline(call: Call[queries.OutlineQuery, None]) -> Answer:
    """The tree of pages."""
    return Answer(_node(call.service.wiki_outline(call.query.prefix, call.query.depth)))


def _node(node: PageNode) -> answers.Node:
    return answers.Node(
        name=node.name,
        path=node.path,
        title=node.title,
        exists=node.exists,
        page_count=node.page_count,
        children=[_node(child) for child in node.children],
    )


# ---------------------------------------------------------------------- tags and categories


def tags(call: Call[queries.PagedQuery, None]) -> Answer:
    """Tags and how many pages have each."""
    found = Counter(tag for page in _all_pages(call.service) for tag in set(page.tags))
    shown, total, next_cursor = _counts(found, "tags", call.query)
    return Answer(answers.Tags(tags=shown, total=total, next_cursor=next_cursor))


def categories(call: Call[queries.PagedQuery, None]) -> Answer:
    """Categories and how many pages are in each."""
    found = Counter(page.category for page in _all_pages(call.service) if page.category)
    shown, total, next_cursor = _counts(found, "categories", call.query)
    return Answer(answers.Categories(categories=shown, total=total, next_cursor=next_cursor))


def _all_pages(service: PageService) -> Iterator[PageSummary]:
    cursor = None
    while True:
        found = service.list(limit=_PAGES_AT_ONCE, cursor=cursor)
        yield from found.pages
        cursor = found.next_cursor
        if cursor is None:
            return


def _counts(
    found: Counter[str], name: str, asked: queries.PagedQuery
) -> tuple[list[answers.Count], int, str | None]:
    shown, next_cursor = shapes.part(
        sorted(found), key=lambda each: each, name=name, limit=asked.limit, cursor=asked.cursor
    )
    return (
        [answers.Count(name=each, pages=found[each]) for each in shown],
        len(found),
        next_cursor,
    )
