"""What Otterwiki works out at each view of a page again, and what is the same each time.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import otterwiki.wiki
from bs4 import BeautifulSoup  # type: ignore[import-untyped]
from otterwiki.plugins import plugin_manager
from otterwiki.renderer_embeddings import AttachmentListEmbedding
from otterwiki.server import app
from otterwiki.util import get_header

from .current import current_wiki
from .errors import NoWikiActive
from .sized_cache import SizedCache

SIZE_BYTES = 8 * 1024 * 1024

texts: SizedCache[tuple[str, str], str] = SizedCache(SIZE_BYTES)


class PlainText(NamedTuple):
    """The one thing :meth:`Page.view` asks a parsed beginning of a page for."""

    text: str


def plain_text(html: str, features: str) -> PlainText:
    """The text of `html`, the beginning of a page, for its description; parsed once a wiki."""
    try:
        key = str(current_wiki().repository.state_dir), html
    except NoWikiActive:
        return PlainText(BeautifulSoup(html, features).text)
    text = texts.get(key)
    if text is None:
        text = BeautifulSoup(html, features).text
        texts.put(key, text, sys.getsizeof(html) + sys.getsizeof(text))
    return PlainText(text)


def header_of(content: str) -> str | None:
    """The first heading of a page's text, for its name.

    Where names keep their case, nobody looks at it; finding it takes longer than looking a page up.
    """
    if app.config["RETAIN_PAGE_NAME_CASE"]:
        return None
    header: str | None = get_header(content)
    return header


class Later:
    """A list that is made when somebody looks at it."""

    def __init__(self, make: Callable[[], list[Any]]) -> None:
        self._make = make
        self._made: list[Any] | None = None

    def _list(self) -> list[Any]:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __iter__(self) -> Iterator[Any]:
        return iter(self._list())

    def __len__(self) -> int:
        return len(self._list())


def install() -> None:
    """Replace what :class:`otterwiki.wiki.Page` uses, and how it lists attachments."""
    otterwiki.wiki.BeautifulSoup = plain_text
    otterwiki.wiki.get_header = header_of
    (implementation,) = [
        found
        for found in plugin_manager.hook.page_render_context.get_hookimpls()
        if isinstance(found.plugin, AttachmentListEmbedding)
    ]
    plugin = implementation.plugin

    def page_render_context(page: Any, preview: bool) -> None:
        """As upstream's, but attachments are listed where an embedding asks for them."""
        plugin.page = page
        plugin.preview = preview
        plugin.attachments = Later(page._attachments_list)

    # Otterwiki's call_hook asks each implementation for this attribute.
    implementation.function = page_render_context
