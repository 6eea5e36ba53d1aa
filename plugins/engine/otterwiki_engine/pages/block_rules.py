"""Blocks as Otterwiki's renderer reads them, as rules for markdown-it-py.

The renderer's parser follows CommonMark closely, with a few differences (:mod:`.text_rules`), more
kinds of blocks (:mod:`.box_rules`) and tables of its own kind (:mod:`.tables`). A test compares
what comes out with what the renderer shows.
"""

from __future__ import annotations

from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.heading import heading
from markdown_it.rules_block.html_block import html_block

from . import box_rules, text_rules
from .block_state import CONTAINER, PAGE, Found, PageState, Rule
from .tables import table


def install_rules(parser: MarkdownIt, *, underlined_headings: bool) -> None:
    """Make `parser` find blocks, and nothing else, as Otterwiki's renderer does."""
    rules = parser.block.ruler
    text = text_rules.text(underlined_headings=underlined_headings)
    rules.at("paragraph", text)
    parser.disable("lheading")
    for name, rule in (("heading", heading), ("html_block", html_block)):
        rules.at(
            name,
            text_rules.with_places(rule),
            {"alt": ["paragraph", "reference", "blockquote"]},
        )
    rules.at("reference", text_rules.definition)
    rules.at("table", table, {"alt": ["paragraph"]})
    parser.enable("table")
    for place, name, boxed in (
        ("blockquote", "spoiler", box_rules.marked_box(">!")),
        ("blockquote", "fold", box_rules.marked_box(">|")),
        ("blockquote", "alert", box_rules.alert),
        ("blockquote", "box", box_rules.box),
        ("blockquote", "math", box_rules.math),
        ("table", "embedding", box_rules.embedding),
        ("reference", "footnote", box_rules.footnote),
        ("reference", "abbreviation", box_rules.abbreviation),
    ):
        rules.before(place, name, _at_top(boxed), {"alt": ["paragraph"]})
    rules.before("embedding", "plain_text", text_rules.plain_text(text))


def _at_top(rule: Callable[[PageState, int, int, bool], Found]) -> Rule:
    """A rule for blocks that lists and quotes do not have."""

    def at_top(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        if state.level or state.sCount[start] >= 4:
            return False
        page: PageState = state.env[PAGE]
        found = rule(page, start, end, silent)
        if found is None:
            return False
        if not silent:
            state.line, container = found
            if rule in (box_rules.math, box_rules.embedding):
                page.no_definition.add(state.line)
            if container:
                state.push(CONTAINER, "", 0).meta["container"] = container
        return True

    return at_top
