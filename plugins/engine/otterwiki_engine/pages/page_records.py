"""What comes out of the page index. Paths are those of pages ("notes/todo"), lines count from 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class PageRecord:
    """A page at HEAD; see :class:`~.page_contents.PageContents` for what the fields mean.

    ``file`` is its path in the repository. ``revision`` is the commit that made its content and
    ``last_updated`` that commit's author time; both None unless they were asked for.
    """

    path: str
    file: str
    blob_id: str
    title: str | None
    heading: str | None
    category: str | None
    tags: tuple[str, ...]
    front_matter: Mapping[str, Any]
    front_matter_problem: str | None
    word_count: int
    size_bytes: int
    problem: str | None
    revision: str | None = None
    last_updated: datetime | None = None


@dataclass(frozen=True)
class PageSelection:
    """Some pages, by path; ``total`` counts all that meet the conditions."""

    pages: tuple[PageRecord, ...]
    total: int


@dataclass(frozen=True)
class HeadingRecord:
    """A heading of a page."""

    level: int
    text: str
    anchor: str
    line: int


@dataclass(frozen=True)
class LinkRecord:
    """A link on ``page``.

    ``target`` is as the page means it (:class:`~.links.Link`), ``leads_to`` the path of the page
    at HEAD that it leads to, also where it is written in another case; None where there is none.
    """

    page: str
    kind: str
    target: str
    leads_to: str | None
    anchor: str | None
    text: str
    line: int
    syntax: str


@dataclass(frozen=True)
class Graph:
    """All pages, and the links between two different ones (from, to), each once; sorted."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SearchHit:
    """A page that was found.

    ``score`` is relevance relative to the best match of the same search, which has 1.0 (0 < score
    <= 1); scores of two searches can't be compared. ``snippet`` is plain text of the page around
    the best match, on one line, in which what was found stands between
    :data:`~.words.HIT_BEGIN` and :data:`~.words.HIT_END`: it may hold anything a page may, and has
    to be escaped before these are replaced by HTML (:func:`~.snippets.as_html` does). ``section``
    is the path of the headings above it, () where there is none, and ``line`` the snippet's first.
    ``details`` is what a plugin's search mode tells besides, as JSON can say it
    (:meth:`..hooks.EngineHooks.search_pages` names what is known).
    """

    path: str
    title: str | None
    snippet: str
    score: float
    section: tuple[str, ...] = ()
    anchor: str | None = None
    line: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchHits:
    """Best first; ``total`` counts all pages that match, ``mode`` is how it was searched."""

    hits: tuple[SearchHit, ...]
    total: int
    mode: str


@dataclass(frozen=True)
class RelatedPage:
    """A page that has to do with another one; ``score`` as with :class:`SearchHit`."""

    path: str
    title: str | None
    score: float
    details: Mapping[str, Any] = field(default_factory=dict)
