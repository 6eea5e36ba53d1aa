"""How much one person and one wiki may have. Numbers only; each is asked for where it matters.

At a limit, what already exists can still be edited, renamed and deleted: a limit is compared with
what a change adds.
"""

from __future__ import annotations

from dataclasses import dataclass

from .wikis import WikiRecord


@dataclass(frozen=True, kw_only=True)
class FarmLimits:
    """The farm's limits. For sizes in bytes, None means any size."""

    max_wikis: int = 1  # of one person
    max_pages: int = 500  # of one wiki, unless it has a limit of its own
    max_collaborators: int = 3  # of one wiki, its owner not counted
    max_tokens: int = 20  # of one wiki, those that work
    page_bytes: int | None = 1_000_000
    attachment_bytes: int | None = 10_000_000
    repository_bytes: int | None = 250_000_000

    def pages_of(self, record: WikiRecord) -> int:
        """How many pages that wiki may have."""
        return self.max_pages if record.max_pages is None else record.max_pages
