"""The rows of the table: what each one asks a worker, how often, and its target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from .comparison import Target

Kind = Literal["view", "long_view", "history", "blame", "changelog", "page_index", "search"]
Phase = Literal["read", "first", "cold", "write"]


@dataclass(frozen=True)
class Inputs:
    """What samples are taken of: shuffled page paths and search words, and the longest page."""

    pages: tuple[str, ...]
    words: tuple[str, ...]
    long_page: str

    def page(self, number: int) -> str:
        """The page of sample `number`; the list starts over when it is used up."""
        return self.pages[number % len(self.pages)]

    def url(self, kind: Kind, number: int) -> str:
        """The path a browser would ask for in sample `number` of a reading row."""
        match kind:
            case "view":
                return "/" + quote(self.page(number))
            case "long_view":
                return "/" + quote(self.long_page)
            case "history" | "blame":
                return f"/{quote(self.page(number))}/{kind}"
            case "changelog":
                return "/-/changelog"
            case "page_index":
                return "/-/index"
            case "search":
                return "/-/search/" + quote(self.words[number % len(self.words)])


@dataclass(frozen=True)
class Row:
    """One line of the table. `kind` is None for rows that write; `slow` rows take fewer samples.

    Samples of phase "first" are each the first request of a fresh process; of phase "cold", on top
    of that, everything derived from the commits was deleted before.
    """

    key: str
    label: str
    phase: Phase
    target: Target | None
    kind: Kind | None = None
    slow: bool = False

    def message(self, inputs: Inputs, number: int) -> dict[str, Any]:
        """The message to a worker for sample `number`."""
        if self.kind is not None:
            return {"op": "request", "path": inputs.url(self.kind, number)}
        return {"op": self.key, "page": inputs.page(number), "stamp": f"{self.key} {number}"}


_SAME = Target(1.1, no_slower=True)
_FIRST = Target(1.0, no_slower=True)

ROWS: tuple[Row, ...] = (
    Row("view", "page view", "read", Target(5.0), kind="view"),
    Row("long_view", "long page view", "read", Target(8.0), kind="long_view", slow=True),
    Row("history", "page history", "read", Target(10.0), kind="history"),
    Row("blame", "blame", "read", _SAME, kind="blame"),
    Row("changelog", "changelog", "read", Target(5.0), kind="changelog", slow=True),
    Row("page_index", "page index", "read", Target(5.0), kind="page_index", slow=True),
    Row("search", "search (ours ranked)", "read", Target(10.0), kind="search", slow=True),
    Row("first_view", "first visit: page view", "first", _FIRST, kind="view"),
    Row("first_history", "first visit: page history", "first", _FIRST, kind="history"),
    Row("first_changelog", "first visit: changelog", "first", _FIRST, kind="changelog"),
    Row("first_blame", "first visit: blame", "first", _FIRST, kind="blame"),
    Row("first_page_index", "first visit: page index", "first", Target(5.0), kind="page_index"),
    Row("first_search", "first visit: search", "first", _FIRST, kind="search"),
    Row("store", "storage call of a save", "write", Target(6.0)),
    Row("save", "POST save", "write", Target(4.0)),
    Row("cold_view", "cold wiki: first page view", "cold", None, kind="view"),
    Row("cold_page_index", "cold wiki: first page index", "cold", Target(5.0), kind="page_index"),
)


@dataclass(frozen=True)
class SampleCounts:
    """How many samples a row takes."""

    fast: int
    slow: int
    first: int
    cold: int
    guards: int
    """Page views that the share of session and permission code is taken over."""
    wikis: int
    """Wikis registered besides the one that is compared."""
    spread: int
    """Requests spread over those, and as many to a single one."""

    def of(self, row: Row) -> int:
        """The number of samples of `row`."""
        match row.phase:
            case "first":
                return self.first
            case "cold":
                return self.cold
        return self.slow if row.slow else self.fast


FULL = SampleCounts(fast=200, slow=40, first=10, cold=3, guards=1000, wikis=1000, spread=1000)
QUICK = SampleCounts(fast=4, slow=3, first=1, cold=1, guards=20, wikis=5, spread=10)
