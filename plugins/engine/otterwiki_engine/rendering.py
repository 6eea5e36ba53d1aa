"""Otterwiki's renderers, safe for threads.

``app_renderer`` and ``render`` are one mutable object each (environment, headings found so far);
two threads rendering at once mix headings and URLs of two pages. They are converted in place:
every ``markdown()`` call works on a private renderer, also a call made while this thread renders
something else (a page index embedded in a page renders other pages for their headings).

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import otterwiki.renderer
import otterwiki.renderer_embeddings
import otterwiki.renderer_plugins
from markupsafe import escape
from otterwiki.plugins import chain_hooks, plugin_manager
from otterwiki.renderer import OtterwikiRenderer
from otterwiki.server import app_renderer

from . import render_budget, render_facts, render_guards, render_patterns, rendered_pages
from .current import current_wiki
from .errors import NoWikiActive
from .render_state import isolated_render_state, keep_per_thread, note, noted

Heading = tuple[int, str, int, str, str]  # count, HTML, level, text, anchor
_KEPT_SETTINGS = 8  # renderers differ by settings, and on a farm a thread serves many wikis
_KEPT_NESTED = 3  # free renderers kept for one setting: one, and what nested calls needed
_KEPT_TOO_SLOW = 1024
_TIMEOUT_KEPT_SECONDS = 300.0
_LAST = "last_rendered"
_log = logging.getLogger(__name__)


class Rendered(NamedTuple):
    """One finished ``markdown()`` call: the source text and the table of contents it gave.

    `is_kept`: the file knows the table of contents, or will at the end of the request.
    """

    text: str
    toc: list[Heading]
    is_kept: bool = False


class _FreeRenderers(threading.local):
    """Per thread: (config object, allowlist) -> renderers not in use; least recent key first."""

    def __init__(self) -> None:
        self.by_settings: OrderedDict[tuple[int, str], list[OtterwikiRenderer]] = OrderedDict()


_free = _FreeRenderers()


class _TooSlow:
    """Texts that were too slow to render, so that they cost that not at every view.

    A text refused for what it is stays refused. One whose time was used up may have had a bad
    moment, or a wiki's settings slow it down: that is remembered for a while, and for its wiki.
    What a text with embeddings costs is decided by other pages, so nothing is remembered of it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: OrderedDict[tuple[str, bytes], float] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, text: str) -> bool:
        if not self._until or "{{" in text:
            return False
        digest = _digest(text)
        with self._lock:
            until = max(self._until.get((wiki, digest), 0.0) for wiki in ("", _wiki_name()))
        return self._clock() < until

    def add(self, text: str, error: BaseException) -> None:
        if "{{" in text:
            return
        if isinstance(error, render_budget.TextTooSlow):
            key, until = ("", _digest(text)), math.inf
        else:
            key, until = (
                (_wiki_name(), _digest(text)),
                self._clock() + _TIMEOUT_KEPT_SECONDS,
            )
            if not key[0]:
                return
        with self._lock:
            self._until[key] = until
            self._until.move_to_end(key)
            while len(self._until) > _KEPT_TOO_SLOW:
                self._until.popitem(last=False)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _wiki_name() -> str:
    """Tells the current wiki from others; empty where there is none."""
    try:
        return str(current_wiki().repository.state_dir)
    except NoWikiActive:
        return ""


_too_slow = _TooSlow()


def shown_as_source(
    text: str, notice: str = render_budget.TOO_SLOW_NOTICE
) -> tuple[str, list[Heading], dict[str, bool]]:
    """What :meth:`PerThreadRenderer.markdown` gives for a text that is not rendered."""
    html = (
        f'<div class="alert alert-secondary mb-20" role="alert">{notice}</div>\n'
        f'<pre class="code" style="white-space: pre-wrap">{escape(text)}</pre>\n'
    )
    nothing = dict.fromkeys(("requires_mermaid", "requires_mathjax", "requires_datatables"), False)
    return html, [], nothing


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
        """Render `text`; takes and returns what :meth:`OtterwikiRenderer.markdown` does.

        A text that takes too long comes back as source, with a notice and without headings.
        """
        asked = None
        if cursor is None:
            asked = rendered_pages.question(self.env["config"], text, kwargs)
        known = rendered_pages.find(asked) if asked else None
        if known is not None:
            chain_hooks("renderer_markdown_preprocess", text)  # tables noted before are forgotten
            toc = list(known.toc)
            note(_LAST, Rendered(text, toc, is_kept=True))
            return known.html, toc, dict(known.requirements)
        with render_budget.render_time(), render_facts.gathered() as facts:
            answer, is_whole = self._markdown_in_time(text, cursor, kwargs)
        if asked and is_whole and rendered_pages.keep(asked, *answer, facts):
            note(_LAST, Rendered(text, answer[1], is_kept=True))
        return answer

    def _markdown_in_time(
        self, text: str, cursor: Any, kwargs: dict[str, Any]
    ) -> tuple[tuple[str, list[Heading], dict[str, bool]], bool]:
        """What :meth:`markdown` gives, and whether that is the page and not its source."""
        if text in _too_slow:
            return shown_as_source(text), False
        try:
            with self._private_renderer() as renderer:
                html, toc, requirements = renderer.markdown(text, cursor=cursor, **kwargs)
        except (render_budget.RenderTooSlow, RecursionError) as error:
            _log.warning("page of %d characters shown as source: %r", len(text), error)
            _too_slow.add(text, error)
            return shown_as_source(text), False
        except (
            ValueError,
            LookupError,
        ):  # some texts break a parser; their page is still there
            _log.exception("page of %d characters can't be laid out", len(text))
            return shown_as_source(text, render_budget.BROKEN_NOTICE), False
        if cursor is not None:
            html = render_guards.place_cursor(html)
        else:
            note(_LAST, Rendered(text, toc))
        return (html, toc, requirements), True

    def headings(self, text: str) -> list[Heading] | None:
        """The table of contents :meth:`markdown` would give for `text`, some ten times as fast.

        None for a text that is shown as source. A render this thread is in the middle of does not
        notice.
        """
        if text in _too_slow:
            return None
        try:
            with (
                isolated_render_state(),
                render_budget.render_time(own=True),
                self._private_renderer() as renderer,
                render_patterns.headings_only(renderer, text),
            ):
                toc: list[Heading] = renderer.markdown(text)[1]
        except (render_budget.RenderTooSlow, RecursionError) as error:
            _too_slow.add(text, error)
            return None
        except (ValueError, LookupError):
            _log.exception("page of %d characters can't be laid out", len(text))
            return None
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
        renderer.htmlcursor = render_guards.CURSOR_MARK
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
    render_guards.install()
    render_patterns.install()
    for renderer in (app_renderer, otterwiki.renderer.render):
        renderer.__class__ = PerThreadRenderer
    for plugin in plugins_with_state():
        keep_per_thread(plugin)
