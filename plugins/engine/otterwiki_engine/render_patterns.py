"""Otterwiki's parsers, made to keep to a time budget (:mod:`.render_budget`).

The patterns replaced here find what Otterwiki's own find, in linear time from where they begin:

* a ``$$`` block could read a backslash in two ways, which takes exponential time (a text of 80
  characters stopped a worker);
* a wiki link and an embedding tried every way to divide their first part, which is cubic.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import re
from typing import Any

import otterwiki.renderer
from mistune.core import BlockState, InlineState
from mistune.renderers.html import HTMLRenderer
from otterwiki.renderer import (
    OtterwikiBlockParser,
    OtterwikiInlineParser,
    OtterwikiMdParser,
    OtterwikiMdRenderer,
)
from otterwiki.renderer_plugins import (
    mistunePluginEmbeddings,
    mistunePluginMath,
    mistunePluginWikiLink,
)

from . import render_budget
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


def render_token(self: Any, token: dict[str, Any], state: BlockState) -> str:
    """Write out one token, as mistune does, and look at the time before."""
    render_budget.check()
    html: str = HTMLRenderer.render_token(self, token, state)
    return html


def _check_wiki_links(_md: Any, html: str, _state: BlockState) -> str:
    """Otterwiki's wiki links plugin searches the finished page once more, after this."""
    render_budget.check_wiki_links(html)
    return html


class BudgetedMdParser(OtterwikiMdParser):
    """Refuses a text, or the page made from it, that would take too long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.after_render_hooks.insert(0, _check_wiki_links)

    def __call__(self, s: str) -> Any:
        render_budget.check_source(s)
        html = super().__call__(s)
        render_budget.check_html(html)
        return html


def install() -> None:
    """Let Otterwiki make its renderers from these parsers and patterns from now on."""
    for owner, name, value in PATTERNS:
        setattr(owner, name, value)
    OtterwikiMdRenderer.render_token = render_token
    rebind(otterwiki.renderer.OtterwikiBlockParser, BudgetedBlockParser)
    rebind(otterwiki.renderer.OtterwikiInlineParser, BudgetedInlineParser)
    rebind(otterwiki.renderer.OtterwikiMdParser, BudgetedMdParser)
