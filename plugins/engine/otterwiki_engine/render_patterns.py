"""Otterwiki's parsers, made to keep to a time budget (:mod:`.render_budget`).

The patterns replaced here find what Otterwiki's own find, in linear time from where they begin:

* a ``$$`` block could read a backslash in two ways, which takes exponential time (a text of 80
  characters stopped a worker);
* a wiki link and an embedding tried every way to divide their first part, which is cubic.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import otterwiki.renderer
from mistune.core import BlockState, InlineState
from mistune.renderers.html import HTMLRenderer
from otterwiki.renderer import (
    OtterwikiBlockParser,
    OtterwikiInlineParser,
    OtterwikiMdParser,
    OtterwikiMdRenderer,
    OtterwikiRenderer,
)
from otterwiki.renderer_plugins import (
    mistunePluginEmbeddings,
    mistunePluginMath,
    mistunePluginWikiLink,
)

from . import render_budget, render_facts
from .rebinding import rebind

# "[[a#b|]]", a title that is empty, is the one link that was found before and is not any more.
_WIKI_LINK = r"\[\[(([^%s\]]++)(?:(%s)([^\]]++))?)\]\]"
_PIPE = mistunePluginWikiLink.PIPE_REPLACEMENT

#: (class, attribute, what it becomes)
PATTERNS: tuple[tuple[type, str, Any], ...] = (
    (mistunePluginWikiLink, "WIKI_LINK", _WIKI_LINK % ("|", r"\|")),
    (mistunePluginWikiLink, "WIKI_LINK_RE", re.compile(_WIKI_LINK % ("|", r"\|"))),
    (mistunePluginWikiLink, "WIKI_LINK_MOD", _WIKI_LINK % (_PIPE, _PIPE)),
    (
        mistunePluginWikiLink,
        "WIKI_LINK_MOD_RE",
        re.compile(_WIKI_LINK % (_PIPE, _PIPE)),
    ),
    (
        mistunePluginMath,
        "MATH_BLOCK",
        re.compile(r"\s*(\${2})((?:\\.|[^\\])*?)\${2}\s*", re.DOTALL),
    ),
    (
        mistunePluginMath,
        "_MATH_BLOCK_SCANNER_PATTERN",
        r"^\s*(\${2})((?s:(?:\\.|[^\\])*?))\${2}\s*$",
    ),
    (
        mistunePluginEmbeddings,
        "EMBEDDING_RE",
        re.compile(r"{{([A-Za-z ]++)(.*?)}}$", re.MULTILINE | re.DOTALL),
    ),
    (
        mistunePluginEmbeddings,
        "_EMBEDDING_SCANNER_PATTERN",
        r"{{(?s:([A-Za-z ]++)(.*?))}}$",
    ),
)


class BudgetedBlockParser(OtterwikiBlockParser):
    """Looks at the time at every block."""

    def parse_method(self, m: re.Match[str], state: BlockState) -> int | None:
        render_budget.check()
        end: int | None = super().parse_method(m, state)
        return end

    def parse(self, state: BlockState, rules: list[str] | None = None) -> None:
        render_budget.check()
        super().parse(state, rules)


class BudgetedInlineParser(OtterwikiInlineParser):
    """Looks at the time at every paragraph and at every character that might mean something."""

    def parse(self, state: InlineState) -> list[dict[str, Any]]:
        render_budget.check_paragraph(state.src)
        tokens: list[dict[str, Any]] = super().parse(state)
        return tokens

    def process_text(self, text: str, state: InlineState, parse_emphasis: bool = True) -> None:
        render_budget.check()
        super().process_text(text, state, parse_emphasis)

    def parse_method(self, m: re.Match[str], state: InlineState) -> int | None:
        render_budget.check()
        end: int | None = super().parse_method(m, state)
        return end

    def parse_link(self, m: re.Match[str], state: InlineState) -> int | None:
        """As Otterwiki does, which completes "./..." with the page's address; that is noted."""
        end: int | None = super().parse_link(m, state)
        page_url = self.env.get("PAGE_URL")
        if page_url and end is not None and state.tokens:
            url = (state.tokens[-1].get("attrs") or {}).get("url") or ""
            if url.startswith(f"{page_url}/./"):
                render_facts.note_page_address()
        return end


def render_token(self: Any, token: dict[str, Any], state: BlockState) -> str:
    """Write out one token, as mistune does, and look at the time before."""
    render_budget.check()
    if token["type"] == "embedding_block":
        render_facts.note_embedding()
    html: str = HTMLRenderer.render_token(self, token, state)
    return html


def _check_wiki_links(_md: Any, html: str, _state: BlockState) -> str:
    """Otterwiki's wiki links plugin searches the finished page once more, after this."""
    render_budget.check_wiki_links(html)
    return html


class BudgetedMdParser(OtterwikiMdParser):
    """Refuses a text, or the page made from it, that would take too long."""

    #: Leave out all text but that of headings; see :func:`headings_only`.
    only_headings = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.after_render_hooks.insert(0, _check_wiki_links)

    def _iter_render(
        self, tokens: Iterable[dict[str, Any]], state: BlockState
    ) -> Iterable[dict[str, Any]]:
        if self.only_headings:
            tokens = _without_text(tokens)
        rendered: Iterable[dict[str, Any]] = super()._iter_render(tokens, state)
        return rendered

    def __call__(self, s: str) -> Any:
        render_budget.check_source(s)
        html = super().__call__(s)
        render_budget.check_html(html)
        return html


def _without_text(tokens: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for token in tokens:
        if "text" in token and "children" not in token and token["type"] != "heading":
            token["text"] = ""
        yield token


_WITHOUT_HEADINGS = ("block_code", "block_html", "embedding_block")


@contextmanager
def headings_only(renderer: OtterwikiRenderer, text: str) -> Iterator[None]:
    """Let `renderer` do only what the table of contents of `text` needs. What it writes is no page.

    Headings come neither out of code and HTML nor out of what embeddings write (only out of the
    text inside them), and no other text has to be read for them, unless it may number a footnote.
    """
    written = vars(renderer.md_renderer)
    written.update(dict.fromkeys(_WITHOUT_HEADINGS, _nothing))
    renderer.mistune.only_headings = "[^" not in text
    try:
        yield
    finally:
        for name in _WITHOUT_HEADINGS:
            del written[name]
        renderer.mistune.only_headings = False


def _nothing(*_args: Any, **_kwargs: Any) -> str:
    return ""


def install() -> None:
    """Let Otterwiki make its renderers from these parsers and patterns from now on."""
    for owner, name, value in PATTERNS:
        setattr(owner, name, value)
    OtterwikiMdRenderer.render_token = render_token
    rebind(otterwiki.renderer.OtterwikiBlockParser, BudgetedBlockParser)
    rebind(otterwiki.renderer.OtterwikiInlineParser, BudgetedInlineParser)
    rebind(otterwiki.renderer.OtterwikiMdParser, BudgetedMdParser)
