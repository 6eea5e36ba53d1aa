"""Otterwiki's search page, answered from the full-text index: ranked, in pages of twenty.

Where Otterwiki reads all pages and counts, words are looked up here and the best pages come first.
"Match case" and "Regular expression" mean letters, not words, and so does a search whose words no
page has: then pages are read as Otterwiki does, for a bounded time (:mod:`.search_scan`).

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

import regex  # type: ignore[import-untyped]
from flask import abort, render_template, request
from markupsafe import Markup, escape
from otterwiki.auth import has_permission
from otterwiki.gitstorage import StorageError
from otterwiki.helper import get_pagename, url_for
from otterwiki.server import app, storage
from otterwiki.util import empty
from otterwiki.wiki import Search

from . import search_scan
from .errors import RepositoryBusy
from .pages.search import UnknownSearchMode, search, search_modes
from .pages.search_query import TEXT_MODE, SearchQuery
from .pages.settings import page_settings_of
from .pages.words import HIT_BEGIN, HIT_END
from .search_scan import BadExpression, ScannedPage

PAGE_LENGTH = 20
_MOST_PAGES = 500  # of results that can be leafed through
_ON = "y"  # what Otterwiki's form sends for a box that is ticked
_MARKS = {HIT_BEGIN: Markup('<span class="text-match">'), HIT_END: Markup("</span>")}

_upstream_render = Search.render


@dataclass(frozen=True)
class Hit:
    """One page as the template shows it. `snippets` are HTML."""

    url: str
    name: Markup
    section: tuple[str, ...]
    snippets: tuple[Markup, ...]
    note: str = ""


@dataclass(frozen=True)
class Results:
    """What is shown below the form. `previous` and `next` are addresses, None where there is none.

    `total` counts pages; `note` is said above them.
    """

    hits: tuple[Hit, ...]
    total: int
    note: str = ""
    previous: str | None = None
    next: str | None = None


def render(self: Any) -> Any:
    """As :meth:`Search.render`; the query may also be given as ``?query=``, with ``page``.

    Where plugins know other ways to search, ``mode`` names the one to use.
    """
    if not has_permission("READ"):
        return _upstream_render(self)
    query = self.query if not empty(self.query) else request.args.get("query")
    is_regexp = self.is_regexp or request.args.get("is_regexp") == _ON
    is_casesensitive = self.is_casesensitive or request.args.get("is_casesensitive") == _ON
    mode = request.values.get("mode", TEXT_MODE)
    results = None
    if query is not None and not empty(query):
        if is_regexp or is_casesensitive:
            results = scanned(query, is_regexp=is_regexp, is_casesensitive=is_casesensitive)
        else:
            results = ranked(query, mode, _page_number())
    return render_template(
        "search.html",
        title=f"Search '{query}'" if not empty(query) else "Search",
        query=query,
        is_regexp=is_regexp,
        is_casesensitive=is_casesensitive,
        found=results,
        mode=mode,
        modes=search_modes(storage.wiki),
    )


def _page_number() -> int:
    number = request.args.get("page", 1, type=int)
    return min(max(number, 1), _MOST_PAGES)


def ranked(query: str, mode: str, page: int) -> Results:
    """The pages found by words, or as `mode` does it, best first; by letters where there is none.

    A mode that nobody knows here is told, and words are looked for.
    """
    wiki, settings = storage.wiki, page_settings_of(app.config)
    asked = SearchQuery(query, limit=PAGE_LENGTH, offset=PAGE_LENGTH * (page - 1), mode=mode)
    note = ""
    try:
        try:
            found = search(wiki, settings, asked)
        except UnknownSearchMode as error:
            note = str(error)
            found = search(wiki, settings, replace(asked, mode=TEXT_MODE))
    except RepositoryBusy as error:
        abort(503, description=str(error))
    if not found.total:
        return scanned(query, is_regexp=False, is_casesensitive=False)
    words = _words(query)
    hits = tuple(
        Hit(
            url=_url(hit.path, hit.anchor),
            name=_marked_name(_name(hit.path), words),
            section=hit.section,
            snippets=(_snippet(hit.snippet),),
        )
        for hit in found.hits
    )
    return Results(
        hits,
        found.total,
        note,
        previous=_page_url(query, mode, page - 1) if page > 1 else None,
        next=_page_url(query, mode, page + 1) if page * PAGE_LENGTH < found.total else None,
    )


def scanned(query: str, *, is_regexp: bool, is_casesensitive: bool) -> Results:
    """The pages with this very text, or with what the expression matches."""
    try:
        pattern = search_scan.pattern_of(
            query, is_expression=is_regexp, match_case=is_casesensitive
        )
    except BadExpression as error:
        return Results((), 0, note=f"Error in search term: {error}")
    found = search_scan.scan(_pages(), pattern)
    note = "" if found.is_whole else "The search took too long, or found too much: there is more."
    in_names = regex.compile(pattern.pattern, regex.IGNORECASE)
    return Results(tuple(_scanned_hit(page, in_names) for page in found.pages), found.total, note)


def _pages() -> Iterator[tuple[str, Callable[[], str | None]]]:
    """Every page of the wiki, and how to read its text."""
    files, _ = storage.list()
    for filename in files:
        if filename.endswith(".md"):
            yield filename.removesuffix(".md"), partial(_text, filename)


def _text(filename: str) -> str | None:
    try:
        text: str = storage.load(filename)
    except StorageError:  # no text
        return None
    return text


def _scanned_hit(page: ScannedPage, in_names: regex.Pattern[str]) -> Hit:
    name = _name(page.name)
    return Hit(
        url=_url(page.name, None),
        name=_marked_name(name, in_names) if page.in_name else escape(name),
        section=(),
        snippets=page.lines,
        note=_counted(page),
    )


def _counted(page: ScannedPage) -> str:
    matches = f"{page.count} match{'' if page.count == 1 else 'es'}"
    if not page.in_name:
        return f"({matches} found)"
    return f"(Name and {matches} found)" if page.count else "(Name matches)"


def _name(path: str) -> str:
    name: str = get_pagename(f"{path}.md", full=True)
    return name


def _url(path: str, anchor: str | None) -> str:
    url: str = url_for("view", path=_name(path), _anchor=anchor)
    return url


def _page_url(query: str, mode: str, page: int) -> str:
    """Address of another page of results; a query with a slash can't be a part of a path."""
    asked = {"query": query, "page": page} | ({} if mode == TEXT_MODE else {"mode": mode})
    return f"{url_for('search')}?{urlencode(asked)}"


def _snippet(text: str) -> Markup:
    """A snippet of the index as HTML, with Otterwiki's marks around what was found."""
    html = escape(text)
    for mark, element in _MARKS.items():
        html = html.replace(mark, element)
    return html


def _words(query: str) -> regex.Pattern[str]:
    """The words of `query`, to mark them in names."""
    words = sorted({regex.escape(word) for word in regex.findall(r"\w+", query)}, key=len)
    return regex.compile("|".join(reversed(words)) or r"(?!)", regex.IGNORECASE)


def _marked_name(name: str, pattern: regex.Pattern[str]) -> Markup:
    """`name` as HTML, with what matches marked as Otterwiki does."""
    html, at = Markup(""), 0
    try:
        for match in pattern.finditer(name, timeout=search_scan.SECONDS):
            if match.end() > match.start():
                html += escape(name[at : match.start()])
                html += Markup('<span class="page-match">{}</span>').format(match[0])
                at = match.end()
    except TimeoutError:
        return escape(name)
    return html + escape(name[at:])


def install() -> None:
    """Let the search page be answered so; the storage has to be the engine's already."""
    Search.render = render
