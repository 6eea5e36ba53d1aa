"""Answers about pages and their history."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import Field

from ..fields import Model
from .common import Commit, Diff, IsCut, NextCursor, PageRevision


class PageSummary(Model):
    """A page in a list."""

    name: str
    path: str
    title: str
    category: str | None
    tags: list[str]
    last_updated: date = Field(description="The day of its last change, UTC.")
    updated_at: datetime
    content_length: int = Field(description="Words.")
    size_bytes: int
    revision: PageRevision


class Pages(Model):
    """Pages by path."""

    pages: list[PageSummary]
    total: int = Field(description="All that match, not only those in this answer.")
    next_cursor: NextCursor


class Page(Model):
    """A page."""

    name: str
    path: str
    title: str
    content: str = Field(description="The whole text as it is stored, front matter included.")
    frontmatter: dict[str, Any]
    frontmatter_problem: str | None = Field(
        description="Why something that looks like front matter is none."
    )
    category: str | None
    tags: list[str]
    links_to: list[str]
    linked_from: list[str]
    revision: PageRevision
    last_commit: Commit
    size_bytes: int
    line_count: int
    is_utf8: bool = Field(description="False where bytes had to be replaced to show the text.")


class Section(Model):
    """A heading of a page and what lies under it, deeper headings included."""

    number: int = Field(description="`#3` names the section whose number is 3.")
    title: str = Field(description="Cut after 500 characters.")
    level: int
    path: list[str] = Field(description="Titles of the enclosing sections, its own last.")
    anchor: str
    line: int = Field(description="The heading's, counted from 1.")
    line_count: int
    size_characters: int


class PageSection(Model):
    """One section of a page, its heading first."""

    name: str
    path: str
    revision: PageRevision
    section: Section
    content: str


class PageLines(Model):
    """Some lines of a page."""

    name: str
    path: str
    revision: PageRevision
    start_line: int
    line_count: int
    total_lines: int
    next_line: int | None = Field(description="The line to go on from; null at the end.")
    content: str


class PageOutline(Model):
    """The headings of a page, without its text."""

    name: str
    path: str
    title: str
    revision: PageRevision
    frontmatter: dict[str, Any]
    size_bytes: int
    line_count: int
    sections: list[Section]
    total: int = Field(description="All sections of the page, not only those in this answer.")
    next_cursor: NextCursor


class Node(Model):
    """A place in the tree of pages."""

    name: str
    path: str
    title: str
    exists: bool = Field(description="False for a folder that is no page itself.")
    page_count: int = Field(description="Pages below it, also those that are not shown.")
    children: list[Node]


class Version(Commit):
    """A commit of a page's history."""

    path: str = Field(description="What the page was called then.")


class History(Model):
    """A page's commits, newest first, under its earlier names too."""

    path: str
    exists: bool = Field(description="False where the page is deleted now.")
    history: list[Version]
    next_cursor: NextCursor


class Difference(Model):
    """What changed in a page from one revision to another."""

    path: str
    from_revision: str
    to_revision: str
    added: int = Field(description="Lines.")
    removed: int = Field(description="Lines.")
    diff: Diff
    diff_truncated: IsCut


class ChangeEntry(Commit):
    """A commit of the wiki."""

    pages_affected: list[str]
    files_affected: list[str] = Field(description="Other files, attachments above all.")


class Changelog(Model):
    """The wiki's commits, newest first."""

    entries: list[ChangeEntry]
    total: int = Field(description="All commits of the wiki.")
    head: str | None = Field(description="The newest one: send it as `since` next time.")
    next_cursor: NextCursor
