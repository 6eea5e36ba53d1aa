"""Building a wiki's indexes anew, from its commits alone."""

from __future__ import annotations

from dataclasses import dataclass

from ..wiki import Wiki
from .settings import PageSettings


@dataclass(frozen=True)
class Reindexed:
    """What was indexed: the commit it stands at (None: the wiki is empty), commits and pages."""

    revision: str | None
    commits: int
    pages: int


def reindex(wiki: Wiki, settings: PageSettings) -> Reindexed:
    """Throw the history index and the page index away and build both again.

    What comes out is what they would have been by catching up. Readers in this and other processes
    wait for what they ask about, and are answered rightly all the while. Raises what
    :class:`~.page_index.PageIndex` and :class:`~..history.HistoryIndex` do.
    """
    wiki.drop_indexes()
    commits = wiki.history.count()
    index = wiki.pages_index(settings)
    pages = len(index.paths())
    return Reindexed(index.standing(), commits, pages)
