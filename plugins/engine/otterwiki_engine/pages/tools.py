"""What every change is made with, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from ..wiki import Wiki
from .bases import Bases
from .names import PageNames
from .page_index import PageIndex
from .section_edits import SectionEdits
from .settings import PageSettings
from .structure import Structure, parse_structure


@lru_cache(maxsize=4)
def _structure(text: str, link_first: bool) -> Structure:
    """What was written last is what is changed next, more often than not."""
    return parse_structure(text, wikilink_link_first=link_first)


@dataclass(frozen=True)
class Tools:
    """The wiki a change is made in, for the time of one call."""

    wiki: Wiki
    settings: PageSettings
    names: PageNames
    bases: Bases

    def structure(self, text: str) -> Structure:
        """The outline of a page's text, as this wiki's renderer shows it."""
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
