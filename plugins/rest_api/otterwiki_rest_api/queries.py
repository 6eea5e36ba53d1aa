"""What may stand behind the question mark: one model for each kind of query."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from .fields import (
    CURSOR,
    MAX_PATH_CHARACTERS,
    AskedRevision,
    CommitMessage,
    Cursor,
    Model,
    Moment,
    SearchText,
    SectionName,
    limit,
)

_AT = Field(default=None, description="The revision to read; the newest one if it is left out.")
_PREFIX = Field(
    default=None,
    max_length=MAX_PATH_CHARACTERS,
    description="Only pages whose path begins with this.",
)
_CATEGORY = Field(default=None, description="Only pages of this category (front matter).")
_TAG = Field(default=None, description="Only pages with this tag (front matter).")
MOST_LINES = 5_000


class NoQuery(Model):
    """Takes no parameters."""


class ListQuery(Model):
    """Which pages; all conditions together."""

    prefix: SearchText | None = _PREFIX
    category: SearchText | None = _CATEGORY
    tag: SearchText | None = _TAG
    updated_since: Moment | None = Field(
        default=None, description="Only pages changed then or later; without an offset it is UTC."
    )
    limit: int = limit(1000, 1000)
    cursor: Cursor | None = CURSOR


class PageQuery(Model):
    """Which part of a page, at which revision."""

    revision: AskedRevision | None = _AT
    section: SectionName | None = Field(
        default=None,
        description=(
            "Only this section: its title, the titles of enclosing sections before it (`A > B`), or"
            " its number (`#3`). Any case."
        ),
    )
    start_line: int | None = Field(
        default=None, ge=1, description="Only lines from this one on, counted from 1."
    )
    line_count: int | None = Field(
        default=None,
        ge=1,
        le=MOST_LINES,
        description="How many lines at most; 200 if it is left out.",
    )

    @model_validator(mode="after")
    def _one_part(self) -> Self:
        if self.section is not None and (self.start_line or self.line_count):
            raise ValueError("ask for a section or for lines, not both")
        return self

    @property
    def asks_for_lines(self) -> bool:
        """Whether only some lines are wanted."""
        return self.start_line is not None or self.line_count is not None


class AtQuery(Model):
    """At which revision."""

    revision: AskedRevision | None = _AT


class PageOutlineQuery(AtQuery):
    """Which part of a page's headings, and when."""

    limit: int = limit(1000, 1000)
    cursor: Cursor | None = CURSOR


class PagedQuery(Model):
    """A part of a list."""

    limit: int = limit(1000, 1000)
    cursor: Cursor | None = CURSOR


class HistoryQuery(Model):
    """A part of a page's history."""

    limit: int = limit(100, 1000)
    cursor: Cursor | None = CURSOR


class ChangelogQuery(Model):
    """A part of the wiki's history."""

    limit: int = limit(50, 1000)
    cursor: Cursor | None = CURSOR
    since: Annotated[SearchText, Field(min_length=1)] | None = Field(
        default=None,
        description=(
            "Only what came after this revision (`head` of an earlier answer), or since this time"
            " (ISO 8601)."
        ),
    )


class DiffQuery(Model):
    """Which revisions are compared."""

    from_revision: AskedRevision = Field(alias="from", description="The older revision.")
    to_revision: AskedRevision | None = Field(
        default=None,
        alias="to",
        description="The newer revision; the newest one if it is left out.",
    )


class OutlineQuery(Model):
    """Which part of the wiki's tree."""

    prefix: SearchText | None = Field(default=None, description="The page whose tree is wanted.")
    depth: int | None = Field(
        default=None, ge=1, le=100, description="How many levels; all by default."
    )


class SearchQuery(Model):
    """What is searched for, and where."""

    q: Annotated[SearchText, Field(min_length=1)] = Field(
        description='Words to look for. "In quotation marks" they stand together; `word*` begins.'
    )
    mode: Annotated[str, Field(max_length=50)] = Field(
        default="text", description="How to search: `text`, or a mode that a search plugin adds."
    )
    prefix: SearchText | None = _PREFIX
    category: SearchText | None = _CATEGORY
    tag: SearchText | None = _TAG
    limit: int = limit(20, 200)
    cursor: Cursor | None = CURSOR


class SemanticQuery(Model):
    """What is searched for by meaning."""

    q: Annotated[SearchText, Field(min_length=1)] = Field(description="A question or a phrase.")
    n: int = Field(default=5, ge=1, le=50, description="How many results at most, 1 to 50.")
    max_chunks_per_page: int = Field(
        2, ge=1, le=5, description="How many passages of one page at most, 1 to 5."
    )


class AttachmentsQuery(AtQuery):
    """Which files of a page, and when."""

    limit: int = limit(1000, 1000)
    cursor: Cursor | None = CURSOR


class PutAttachmentQuery(Model):
    """What is said about a file whose bytes are the body."""

    revision: AskedRevision | None = Field(
        default=None,
        description="The revision of the attachment that is replaced. The same as If-Match.",
    )
    overwrite: bool = Field(
        default=False, description="Whether one of that name is replaced unseen."
    )
    commit_message: CommitMessage | None = Field(
        default=None, description="Says in the history why."
    )
