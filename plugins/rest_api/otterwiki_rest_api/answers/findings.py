"""Answers about how pages hang together, and to searches."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..fields import Model
from .common import NextCursor


class Edge(Model):
    """A link from one page to another."""

    source: str
    target: str


class Graph(Model):
    """All pages and the links between them."""

    nodes: list[str]
    edges: list[Edge]


class Links(Model):
    """The links of a page in both directions."""

    path: str
    links_to: list[str]
    linked_from: list[str]
    broken: list[str] = Field(description="Those of `links_to` that do not exist.")
    attachments: list[str]
    external: list[str]


class BrokenLink(Model):
    """A link to a page or attachment that does not exist."""

    path: str
    line: int
    text: str
    target: str
    kind: str


class BrokenLinks(Model):
    """Links that lead nowhere, by page and line."""

    broken_links: list[BrokenLink]
    total: int
    next_cursor: NextCursor


class Orphans(Model):
    """Pages no other page links to, without the home page."""

    orphans: list[str]
    total: int
    next_cursor: NextCursor


class Count(Model):
    """A tag or category and how many pages have it."""

    name: str
    pages: int


class Tags(Model):
    """Tags of front matter, by name."""

    tags: list[Count]
    total: int
    next_cursor: NextCursor


class Categories(Model):
    """Categories of front matter, by name."""

    categories: list[Count]
    total: int
    next_cursor: NextCursor


class Found(Model):
    """A page that was found."""

    name: str
    path: str
    title: str
    snippet: str = Field(description="Found words stand between `**`.")
    score: float = Field(description="Relative to the best result.")
    section: str | None = Field(description="Where the snippet is: good as `section` of reading.")
    anchor: str | None = Field(description="The section's address in the page.")
    line: int


class SearchAnswer(Model):
    """Pages, best first."""

    query: str
    mode: str
    results: list[Found]
    total: int
    next_cursor: NextCursor


class Passage(Model):
    """A passage that was found."""

    name: str
    path: str
    text: str = Field(description="The passage as plain text.")
    snippet: str
    distance: float = Field(description="0 is the nearest of this answer.")
    section: str | None = Field(description="Where it is: good as `section` of reading.")
    section_path: list[str]
    line: int
    chunk_index: int | None = Field(
        description="Which passage of the page it is, from 0; null where the search can't tell."
    )
    total_chunks: int | None = Field(
        description="How many passages the page has; null where the search can't tell."
    )
    page_word_count: int | None = Field(
        description="Words of the whole page; null where the search can't tell."
    )


class SemanticAnswer(Model):
    """Passages, nearest first."""

    query: str
    results: list[Passage]
    total: int


class ReindexStarted(Model):
    """Indexing began."""

    status: Literal["started"]


class ReindexStatus(BaseModel):
    """How far indexing is; more depends on the search that is installed."""

    model_config = ConfigDict(extra="allow")

    status: str
