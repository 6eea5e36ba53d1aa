"""Pages as they were rendered, kept by content: in memory, and in the wiki's ``rendered.db``.

A text, the settings that change its looks and, where the result names it, the page's address decide
what the renderer gives: under these a result is kept, for one wiki alone. Nothing has to be
forgotten when something changes: another text is another key. What is *not* kept, because something
else has a say in it:

* a page into which an embedding wrote something: other pages, files or a foreign plugin;
* all pages, where a plugin other than the engine's takes part in rendering
  (:data:`DECIDING_HOOKS`);
* a page shown as source, or without colours for lack of time (that one for some minutes only).

Otterwiki's later hooks (``page_view_htmlcontent_postprocess`` and those of the templates) and
``page_render_context`` before it are called at each view as ever: they see what is kept here.
See docs/decisions/0014.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import hashlib
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import otterwiki.renderer_embeddings
from flask import Flask, g, has_app_context
from otterwiki.plugins import plugin_manager

from . import render_budget
from .current import current_wiki
from .errors import NoWikiActive
from .render_facts import RenderFacts
from .rendered_store import RenderedPage, RenderedStore, Toc
from .sized_cache import SizedCache
from .wiki import Wiki

SIZE_BYTES = 64 * 1024 * 1024
_SHORT_OF_TIME_SECONDS = 300.0
_SPARE_ROWS = 200  # pages of old versions the file may hold before they are dropped
_KEY = "_otterwiki_engine_rendered"
#: Settings that change what a page looks like.
SETTINGS = ("RENDERER_HTML_ALLOWLIST", "WIKILINK_STYLE", "OPEN_LINKS_IN_NEW_TAB")
#: Hooks of Otterwiki's by which a plugin changes what a text is rendered to.
DECIDING_HOOKS = (
    "renderer_markdown_preprocess",
    "renderer_html_postprocess",
    "renderer_process_link",
    "renderer_process_image",
    "renderer_process_heading",
    "renderer_process_wikilink",
)
_EMBEDDINGS = otterwiki.renderer_embeddings.__name__  # they look at a text and leave it as it is
_RENDERING_PACKAGES = ("otterwiki", "mistune", "Pygments", "beautifulsoup4", "PyYAML")

Settings = tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """What a rendered page is kept under. `url` is where the text is shown ("": nowhere)."""

    wiki: Wiki
    settings: Settings
    blob_id: str
    url: str

    @property
    def flavour(self) -> str:
        """Stands for everything besides text and address that decides what comes out."""
        return flavour(self.settings)

    def key(self, url: str) -> tuple[str, Settings, str, str]:
        """Of the result that depends on `url`, or ("") on no address."""
        return str(self.wiki.repository.state_dir), self.settings, self.blob_id, url


kept: SizedCache[tuple[str, Settings, str, str], tuple[RenderedPage, float]] = SizedCache(
    SIZE_BYTES
)


@dataclass
class _Unwritten:
    """What this request rendered of `wiki`, by settings and blob id; `most` the file may hold."""

    wiki: Wiki
    most: int
    pages: dict[Settings, dict[str, RenderedPage]] = field(default_factory=dict)


def settings_of(config: Mapping[str, Any]) -> Settings:
    """The settings that change what a page looks like, as they are now."""
    return tuple([repr(config.get(name)) for name in SETTINGS])


def flavour(settings: Settings) -> str:
    """A name for these settings and this program: what others rendered is not believed."""
    parts = (*_program(), str(render_budget.LAYOUT_VERSION), *settings)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@cache
def _program() -> tuple[str, ...]:
    """What has a say in rendering and may be another version tomorrow."""
    found = [f"python {sys.version}"]  # its HTML parser too
    for name in _RENDERING_PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # Otterwiki may come to do without it
            found.append(f"{name} none")
    installed = plugin_manager.list_plugin_distinfo()
    found += sorted({f"{plugin.project_name} {plugin.version}" for _, plugin in installed})
    found += sorted(
        f"{type(plugin).__module__}.{type(plugin).__qualname__}"
        for plugin in plugin_manager.get_plugins()
    )
    return tuple(found)


def question(config: Mapping[str, Any], text: str, options: Mapping[str, Any]) -> Question | None:
    """What to look for before `text` is rendered with `options`; None where nothing is kept."""
    if options.keys() - {"page_url"} or foreign_plugins_decide():
        return None
    try:
        wiki = current_wiki()
    except NoWikiActive:
        return None
    url = options.get("page_url") or ""
    return Question(wiki, settings_of(config), blob_id_of(text), url)


def foreign_plugins_decide() -> bool:
    """Whether a plugin that is not Otterwiki's own takes part in rendering."""
    return any(
        type(found.plugin).__module__ != _EMBEDDINGS
        for name in DECIDING_HOOKS
        for found in getattr(plugin_manager.hook, name).get_hookimpls()
    )


def blob_id_of(text: str) -> str:
    """The id git gives to `text`. A page with CRLF line ends was changed when it was read."""
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def find(asked: Question) -> RenderedPage | None:
    """The page as it was rendered before, by this process or another; None where it was not."""
    for url in dict.fromkeys(("", asked.url)):
        page, until = kept.get(asked.key(url)) or (None, 0.0)
        if time.monotonic() < until:
            return page
    found = RenderedStore(asked.wiki.repository.state_dir).read_page(asked.flavour, asked.blob_id)
    if found is None or found.url not in ("", asked.url):
        return None
    _keep_in_memory(asked, found, math.inf)
    return found


def keep(
    asked: Question, html: str, toc: Toc, requirements: Mapping[str, bool], facts: RenderFacts
) -> bool:
    """Remember what `asked` was rendered to, unless that may be otherwise another time.

    True where it reaches the file too, with its table of contents: at the end of the request.
    """
    if facts.embeds:
        return False
    page = RenderedPage(html, list(toc), dict(requirements), asked.url if facts.names_page else "")
    if facts.was_short_of_time:
        _keep_in_memory(asked, page, time.monotonic() + _SHORT_OF_TIME_SECONDS)
        return False
    _keep_in_memory(asked, page, math.inf)
    if has_app_context():
        unwritten: dict[int, _Unwritten] = g.setdefault(_KEY, {})
        if id(asked.wiki) not in unwritten:
            most = len(asked.wiki.repository.snapshot().entries) + _SPARE_ROWS
            unwritten[id(asked.wiki)] = _Unwritten(asked.wiki, most)
        ours = unwritten[id(asked.wiki)]
        ours.pages.setdefault(asked.settings, {})[asked.blob_id] = page
    return has_app_context()


def _keep_in_memory(asked: Question, page: RenderedPage, until: float) -> None:
    size_bytes = sys.getsizeof(page.html) + 300 * len(page.toc)
    kept.put(asked.key(page.url), (page, until), size_bytes)


def flush(_error: BaseException | None = None) -> None:
    """Write what this request rendered. Called when the app context ends."""
    for ours in g.pop(_KEY, {}).values():
        store = RenderedStore(ours.wiki.repository.state_dir)
        for settings, pages in ours.pages.items():
            store.write_pages(flavour(settings), pages, most=ours.most)


def install(app: Flask) -> None:
    """Write at the end of each request."""
    app.teardown_appcontext(flush)
