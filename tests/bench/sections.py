"""Parts of the report that are no row of the table: each is measured and judged by itself.

A new one is a function that takes a :class:`Course` and returns a :class:`Section`, listed in
:data:`SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from .rows import SampleCounts
from .workspace import Workspace


@dataclass(frozen=True)
class Course:
    """What a section works with: the prepared folder, how much to measure, where to tell progress.

    The rows have been measured; no worker runs.
    """

    workspace: Workspace
    counts: SampleCounts
    seed: int
    tell: Callable[[str], None]


class Section(Protocol):
    """What came out."""

    @property
    def key(self) -> str:
        """Its name in the JSON document."""

    @property
    def is_met(self) -> bool:
        """Whether its targets are met."""

    def lines(self) -> list[str]:
        """What is printed below the table."""

    def document(self) -> dict[str, Any]:
        """The same for programs, ready for json.dump."""


Measure = Callable[[Course], Section]
