"""Saving a page on a farm from outside of the web processes, as a command does."""

from __future__ import annotations

from pathlib import Path

from otterwiki_engine.authorship import Author
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.farm import Farm


class FarmDoor:
    """The farm at `home`; wikis are named by their slugs."""

    def __init__(self, home: str, domain: str) -> None:
        self._farm = Farm(Path(home), domain, scheme="http")

    def save(self, wiki: str, path: str, text: str, author: tuple[str, str]) -> str:
        """Enter the wiki and commit the page; returns the revision."""
        with wiki_context(self._farm, wiki) as entered:
            result = entered.wiki.repository.commit(
                {path: text.encode()},
                base=None,
                author=Author(*author),
                message=f"{wiki}: {path} by {author[0]}",
            )
        return result.revision
