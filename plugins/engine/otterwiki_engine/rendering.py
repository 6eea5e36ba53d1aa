"""Otterwiki's renderers, safe for threads.

``app_renderer`` and ``render`` are one mutable object each (environment, headings found so far);
two threads rendering at once mix headings and URLs of two pages. They are converted in place:
every ``markdown()`` call works on a private renderer, also a call made while this thread renders
something else (a page index embedded in a page renders other pages for their headings).

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import otterwiki.renderer
import otterwiki.renderer_embeddings
import otterwiki.renderer_plugins
from otterwiki.plugins import plugin_manager
from otterwiki.renderer import OtterwikiRenderer
from otterwiki.server import app_renderer

from .render_state import isolated_render_state, keep_per_thread, note, noted

Heading = tuple[int, str, int, str, str]  # count, HTML, level, text, anchor
_KEPT_SETTINGS = 8  # renderers differ by settings, and on a farm a thread serves many wikis
_KEPT_NESTED = 3  # free renderers kept for one setting: one, and what nested calls needed
_LAST = "last_rendered"


class Rendered(NamedTuple):
    """One finished ``markdown()`` call: the source text and the table of contents it gave."""

    text: str
    toc: list[Heading]


class _FreeRenderers(threading.local):
    """Per thread: (config object, allowlist) -> renderers not in use; least recent key first."""

    def __init__(self) -> None:
        self.by_settings: OrderedDict[tuple[int, str], list[OtterwikiRenderer]] = OrderedDict()


_free = _FreeRenderers()


def last_rendered() -> Rendered | None:
    """The last page text this thread rendered completely in this request, if any."""
    rendered: Rendered | None = noted(_LAST)
    return rendered


class PerThreadRenderer(OtterwikiRenderer):
    """Stands where Otterwiki keeps its one renderer, and never renders on itself.

    Its other attributes (``env``, ``md_renderer``, ``requires_...``) stay readable and never
    change; what a render required is in the result of ``markdown()``.
    """

    def markdown(self, text: str, cursor: Any = None, **kwargs: Any) -> Any:
        """Render `text`; takes and returns what :meth:`OtterwikiRenderer.markdown` does."""
        with self._private_renderer() as renderer:
            result = renderer.markdown(text, cursor=cursor, **kwargs)
        if cursor is None:
            note(_LAST, Rendered(text, result[1]))
        return result

    def headings(self, text: str) -> list[Heading]:
        """The table of contents :meth:`markdown` would give for `text`, some three times as fast.

        A render this thread is in the middle of does not notice.
        """
        with isolated_render_state(), self._private_renderer() as renderer:
            # Headings never come out of code blocks, and highlighting those is most of the work.
            renderer.md_renderer.block_code = lambda *args, **kwargs: ""
            try:
                toc: list[Heading] = renderer.markdown(text)[1]
            finally:
                del renderer.md_renderer.block_code
        return toc

    @contextmanager
    def _private_renderer(self) -> Iterator[OtterwikiRenderer]:
        """A renderer nobody else uses. One that raised is thrown away: its state is unknown."""
        config = self.env["config"]
        # The constructor reads this setting; all others are looked up while rendering. A free
        # renderer keeps its config alive, so the id is not given to another one meanwhile.
        settings = (id(config), str(config.get("RENDERER_HTML_ALLOWLIST", "")))
        free = _free.by_settings.setdefault(settings, [])
        _free.by_settings.move_to_end(settings)
        while len(_free.by_settings) > _KEPT_SETTINGS:
            _free.by_settings.popitem(last=False)
        renderer = free.pop() if free else OtterwikiRenderer(config=config)
        yield renderer
        if len(free) < _KEPT_NESTED:
            free.append(renderer)


def plugins_with_state() -> list[Any]:
    """Otterwiki's own process-wide renderer plugins: the embeddings and the mistune plugins."""
    embeddings = [
        plugin
        for plugin in plugin_manager.get_plugins()
        if type(plugin).__module__ == otterwiki.renderer_embeddings.__name__
    ]
    syntax = [
        value
        for value in vars(otterwiki.renderer_plugins).values()
        if type(value).__module__ == otterwiki.renderer_plugins.__name__
    ]
    return embeddings + syntax


def install() -> None:
    """Convert both renderers and the renderer plugins in place. Repeating it changes nothing."""
    for renderer in (app_renderer, otterwiki.renderer.render):
        renderer.__class__ = PerThreadRenderer
    for plugin in plugins_with_state():
        keep_per_thread(plugin)
