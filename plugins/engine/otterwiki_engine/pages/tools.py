"""What every change is made with, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from ..wiki import Wiki
from .bases import Bases
from .names import PageNames
from .page_index import PageIndex
from .section_edits import SectionEdits
from .settings import PageSettings
from .structure import Structure, parse_structure
from .work_budgets import WorkBudget


@lru_cache(maxsize=4)
def _structure(text: str, link_first: bool) -> Structure:
    """What was written last is what is changed next, more often than not."""
    return parse_structure(text, wikilink_link_first=link_first)


@dataclass(frozen=True)
class Tools:
    """The wiki a change is made in, for the time of one call.

    ``budget`` is what may be spent on reading pages, None where nobody counts.
    """

    wiki: Wiki
    settings: PageSettings
    names: PageNames
    bases: Bases
    budget: WorkBudget | None = None

    def within(self, budget: WorkBudget) -> Tools:
        """The same tools, which spend `budget`."""
        return replace(self, budget=budget)

    def spend(self, text: str) -> None:
        """Count a page's text that is about to be read. Raises :class:`~.errors.BadValue`."""
        if self.budget is not None:
            self.budget.spend(text)

    def structure(self, text: str) -> Structure:
        """The outline of a page's text, as this wiki's renderer shows it.

        Raises :class:`~.errors.BadValue` when the budget is spent.
        """
        self.spend(text)
        return _structure(text, self.settings.wikilink_link_first)

    @property
    def index(self) -> PageIndex:
        """The index of the wiki's pages."""
        return self.wiki.pages_index(self.settings)

    @property
    def sections(self) -> SectionEdits:
        """Edits of sections."""
        return SectionEdits(self.structure)

    @classmethod
    def of(cls, wiki: Wiki, settings: PageSettings) -> Tools:
        """Tools for one call."""
        return cls(wiki, settings, PageNames(settings), Bases(wiki))


@dataclass(frozen=True)
class Done:
    """What a change did to a working copy.

    ``action`` is its name, ``page`` and ``file`` what it was done to (the new ones of a rename),
    ``message`` says it in a line. ``changed`` is False where all was like that already.
    ``merged``: the page had changed since the base. ``files`` are other files that it concerned:
    deleted or restored. The rest is a rename's.
    """

    action: str
    page: str
    file: str
    message: str
    created: bool = False
    changed: bool = True
    merged: bool = False
    files: tuple[str, ...] = ()
    kept_pages: tuple[str, ...] = ()
    old_page: str = ""
    moved: dict[str, str] = field(default_factory=dict)
    updated_pages: tuple[str, ...] = ()
