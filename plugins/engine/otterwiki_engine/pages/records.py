"""What goes into the page service and what comes out of it.

A page is named by its ``path``, "notes/todo" (``file`` is where it lies in the repository,
"notes/todo.md"; ``name`` is the last part as Otterwiki shows it). Revisions are full commit ids.
Line numbers count from 1. Contents are what is stored, line ends included.

One long module of plain records: it is what every door writes its answers from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..authorship import Author
from ..history_records import CommitRecord


@dataclass(frozen=True)
class Writer:
    """Who makes a change: the commit's author, and for its trailers the person's DID and the
    program's name, each None where there is none."""

    author: Author
    did: str | None = None
    client: str | None = None


# ---------------------------------------------------------------------- reading


@dataclass(frozen=True)
class SectionInfo:
    """A heading of a page and what lies under it, deeper headings included.

    ``number`` counts a page's sections from 1 in the order of their headings ("#3" names the third
    one); ``path`` are the titles of the enclosing sections, its own last; ``line`` is the
    heading's, and the section has ``line_count`` lines from there on.
    """

    number: int
    title: str
    level: int
    path: tuple[str, ...]
    anchor: str
    line: int
    line_count: int
    size_characters: int


@dataclass(frozen=True)
class Page:
    """A page at HEAD, or at the revision that was asked for.

    ``revision`` is the commit that last changed it (at or before the one asked for): the base for
    a change. ``content`` is the whole text with its front matter; ``is_utf8`` is False where bytes
    had to be replaced to show it. ``front_matter`` is {} where there is none,
    ``front_matter_problem`` says why something that looks like it is none. ``links_to`` are paths
    of pages its text links to, ``linked_from`` paths of pages that link to it now.
    """

    path: str
    name: str
    file: str
    title: str
    content: str
    front_matter: Mapping[str, Any]
    front_matter_problem: str | None
    category: str | None
    tags: tuple[str, ...]
    revision: str
    last_commit: CommitRecord
    blob_id: str
    size_bytes: int
    line_count: int
    is_utf8: bool
    links_to: tuple[str, ...]
    linked_from: tuple[str, ...]


@dataclass(frozen=True)
class Outline:
    """The headings of a page, without its text."""

    path: str
    name: str
    file: str
    title: str
    revision: str
    front_matter: Mapping[str, Any]
    size_bytes: int
    line_count: int
    sections: tuple[SectionInfo, ...]


@dataclass(frozen=True)
class SectionText:
    """One section of a page: ``content`` begins with its heading."""

    path: str
    name: str
    file: str
    revision: str
    section: SectionInfo
    content: str


@dataclass(frozen=True)
class LineRange:
    """Some lines of a page.

    ``content`` are the ``line_count`` lines from ``start_line`` on, of ``total_lines``;
    ``next_line`` is where to go on, None at the end.
    """

    path: str
    name: str
    file: str
    revision: str
    start_line: int
    line_count: int
    total_lines: int
    next_line: int | None
    content: str


@dataclass(frozen=True)
class PageSummary:
    """A page in a list. ``revision`` and ``last_updated`` are those of its last change."""

    path: str
    name: str
    file: str
    title: str
    category: str | None
    tags: tuple[str, ...]
    front_matter: Mapping[str, Any]
    word_count: int
    size_bytes: int
    blob_id: str
    revision: str
    last_updated: datetime


@dataclass(frozen=True)
class PageList:
    """``total`` counts all that match, ``next_cursor`` is None on the last page of the list."""

    pages: tuple[PageSummary, ...]
    total: int
    next_cursor: str | None


@dataclass(frozen=True)
class PageNode:
    """A place in the tree of pages.

    ``exists`` is False for a folder that is no page itself; ``page_count`` counts the pages below
    it, also those that `depth` leaves out of ``children``.
    """

    path: str
    name: str
    title: str
    exists: bool
    page_count: int
    children: tuple[PageNode, ...] = ()


@dataclass(frozen=True)
class PageLinks:
    """The links of one page, as paths of pages, each once and sorted.

    ``broken`` are those of ``links_to`` that do not exist; ``external`` are addresses elsewhere.
    """

    path: str
    links_to: tuple[str, ...]
    linked_from: tuple[str, ...]
    broken: tuple[str, ...]
    attachments: tuple[str, ...]
    external: tuple[str, ...]


@dataclass(frozen=True)
class LinkGraph:
    """All pages (``nodes``) and the links between those that exist (``edges``: from, to)."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BrokenLink:
    """A link of page ``path`` on line ``line`` to a page or attachment that does not exist."""

    path: str
    target: str
    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class PageVersion:
    """One commit in a page's history; ``path`` is what the page was called in it."""

    revision: str
    path: str
    author_name: str
    author_email: str
    datetime: datetime
    message: str


@dataclass(frozen=True)
class PageHistory:
    """A page's commits, newest first, under its earlier names too.

    ``exists`` is False where the page was deleted (its history can still be read).
    """

    path: str
    exists: bool
    versions: tuple[PageVersion, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class ChangeEntry:
    """One commit of the wiki: ``pages`` are paths of the pages it touched, ``files`` the paths of
    all other files (attachments above all)."""

    revision: str
    author_name: str
    author_email: str
    datetime: datetime
    message: str
    pages: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True)
class RecentChanges:
    """Commits, newest first; ``total`` counts all commits of the wiki, ``head`` is the newest
    one's id, None where there is none."""

    entries: tuple[ChangeEntry, ...]
    total: int
    head: str | None
    next_cursor: str | None


@dataclass(frozen=True)
class Difference:
    """What changed in a page from one revision to another.

    ``unified`` is in git's format; ``added`` and ``removed`` count lines; ``truncated`` tells that
    ``unified`` was cut (the counts are of all of it).
    """

    path: str
    from_revision: str
    to_revision: str
    unified: str
    added: int
    removed: int
    truncated: bool


@dataclass(frozen=True)
class SearchResult:
    """A page that was found.

    ``snippet`` is plain text of the page around the best match, on one line, with what was found
    between ``**``; ``section`` are the titles of the headings above it, ``anchor`` that of the
    innermost one, ``line`` its line. ``score`` is relative to the best result of the same search.
    """

    path: str
    name: str
    title: str
    snippet: str
    score: float
    section: tuple[str, ...]
    anchor: str | None
    line: int


@dataclass(frozen=True)
class SearchResults:
    """Best first; ``total`` counts all pages that match, ``mode`` is how it was searched."""

    query: str
    results: tuple[SearchResult, ...]
    total: int
    mode: str


@dataclass(frozen=True)
class RelatedResult:
    """A page that has to do with another one; ``score`` is relative to the best of them."""

    path: str
    name: str
    title: str
    score: float


# ---------------------------------------------------------------------- attachments


@dataclass(frozen=True)
class AttachmentInfo:
    """A file attached to page ``page``; ``revision`` is the commit that last changed it."""

    page: str
    filename: str
    file: str
    mime_type: str
    size_bytes: int
    blob_id: str
    revision: str
    last_commit: CommitRecord


@dataclass(frozen=True)
class AttachmentContent:
    """An attachment with its bytes."""

    info: AttachmentInfo
    content: bytes


# ---------------------------------------------------------------------- writing


@dataclass(frozen=True)
class Written:
    """What a change of one page did.

    ``revision`` is the page's revision now, the base of the next change; ``parent`` is the commit
    it was made on (None: the first one of the wiki). ``changed`` is False, and no commit was made,
    where the page was like that already. ``diff`` is the unified diff of the page. ``merged``
    tells that it had changed elsewhere since the base. ``with_files`` are other files that changed
    with it (restored attachments).
    """

    path: str
    name: str
    file: str
    revision: str
    parent: str | None
    created: bool
    changed: bool
    merged: bool
    diff: str
    diff_truncated: bool
    with_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Renamed:
    """What a rename did, all in commit ``revision``.

    ``moved`` are the (old, new) paths of the page and of the sub-pages below it;
    ``moved_attachments`` are (old, new) repository paths of all other files in its folder;
    ``updated_pages`` are the pages, by their new paths, in which links were rewritten.
    """

    old_path: str
    new_path: str
    name: str
    file: str
    revision: str
    parent: str | None
    moved: tuple[tuple[str, str], ...]
    moved_attachments: tuple[tuple[str, str], ...]
    updated_pages: tuple[str, ...]
    diff: str
    diff_truncated: bool


@dataclass(frozen=True)
class Deleted:
    """What a deletion did, all in commit ``revision``.

    ``deleted_files`` are the repository paths that are gone (page and attachments),
    ``kept_pages`` the sub-pages below it, which stay.
    """

    path: str
    revision: str
    parent: str | None
    deleted_files: tuple[str, ...]
    kept_pages: tuple[str, ...]


@dataclass(frozen=True)
class AttachmentWritten:
    """What a change of an attachment did; ``info`` is None where it was deleted."""

    page: str
    filename: str
    file: str
    revision: str
    parent: str | None
    created: bool
    changed: bool
    info: AttachmentInfo | None


@dataclass(frozen=True)
class ChangeResult:
    """What one change of a batch did: ``action`` is its name ("write", "rename" ...)."""

    action: str
    path: str
    created: bool = False
    changed: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchWritten:
    """What a batch did, all in commit ``revision``; ``results`` are in the order of the changes.

    ``changed`` is False, and no commit was made, where all was like that already.
    """

    revision: str
    parent: str | None
    changed: bool
    results: tuple[ChangeResult, ...]
    diff: str
    diff_truncated: bool
