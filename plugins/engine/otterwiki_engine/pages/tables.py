"""Tables as Otterwiki's renderer reads them, as a rule for markdown-it-py.

With outer bars or without, the second line says how many columns there are, and a row with another
number of cells makes all of it an ordinary paragraph. The bar of a wiki link (``[[Title|Page]]``)
and an escaped one divide no cells.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from markdown_it.rules_block import StateBlock

from .markdown_text import Region

if TYPE_CHECKING:
    from .block_state import PageState

_DELIMITERS = re.compile(r" *:?-++:? *(?:\| *:?-++:? *)*+")
_BAR = re.compile(r"\\.|\|")
_WIKI_LINK_BAR = re.compile(r"\[\[(?!\|)")


def wiki_link_bars(text: str) -> list[int]:
    """Offsets of the bars that divide a wiki link into title and page, ascending."""
    bars = []
    position = text.find("]]")
    searched = 0
    while position >= 0:
        # Nothing of a wiki link is a closing bracket, so it begins after the last one before.
        begin = max(searched, text.rfind("]", searched, position) + 1)
        opening = _WIKI_LINK_BAR.search(text, begin, position)
        if opening:
            bar = text.find("|", opening.end(), position)
            if opening.end() < bar < position - 1:
                bars.append(bar)
        searched = position + 2
        position = text.find("]]", searched)
    return bars


def table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """A table of either kind."""
    if start_line + 1 >= end_line:
        return False
    second = start_line + 1
    if _indent(state, second) not in range(4) or _indent(state, start_line) not in range(4):
        return False
    delimiters = _line(state, second).strip(" \t")
    if "-" not in delimiters or delimiters.strip("|:- "):
        return False
    header = _line(state, start_line).rstrip(" \t")
    page: PageState = state.env["page"]
    if (
        "|" not in header
        or start_line < page.no_table_before
        or _nearest_container(state) == "blockquote_open"
    ):
        return False
    has_outer_bars = header.startswith("|") and header.endswith("|") and len(header) > 1
    if has_outer_bars and delimiters.startswith("|") and delimiters.endswith("|"):
        rows = _rows(state, start_line, end_line, outer_bars=True)
    else:
        rows = _rows(state, start_line, end_line, outer_bars=False)
    if rows is None:
        return False
    if silent:
        return True
    for row in rows:
        for cell in row:
            token = state.push("inline", "", 0)
            token.meta = {"region": cell}
    state.line = start_line + 1 + len(rows)
    return True


def _rows(
    state: StateBlock, start_line: int, end_line: int, *, outer_bars: bool
) -> list[list[Region]] | None:
    """Cells of all rows but the second, None where it is no table."""
    page: PageState = state.env["page"]
    delimiters = _line(state, start_line + 1).strip(" \t")
    if outer_bars:
        delimiters = delimiters[1:-1]
    if not _DELIMITERS.fullmatch(delimiters):
        return None
    columns = delimiters.count("|") + 1
    rows = []
    for line in (start_line, *range(start_line + 2, end_line)):
        text = _line(state, line).rstrip(" \t")
        if outer_bars:
            is_row = text.startswith("|") and text.endswith("|") and len(text) > 1
        else:
            is_row = "|" in text
        if not is_row or state.sCount[line] < state.blkIndent:
            break
        cells = _cells(page, state, line, outer_bars=outer_bars)
        if len(cells) != columns:
            page.no_table_before = line  # what begins in between would end here as well
            return None
        rows.append(cells)
    return rows


def _cells(page: PageState, state: StateBlock, line: int, *, outer_bars: bool) -> list[Region]:
    first = state.bMarks[line] + state.tShift[line]
    text = state.src[first : state.eMarks[line]].rstrip(" \t")
    shift = first + page.shifts[line]
    bars = page.wiki_link_bars
    begin, end = (1, len(text) - 1) if outer_bars else (0, len(text))
    cells = []
    escapes: list[int] = []
    for found in _BAR.finditer(text, begin, end):
        offset = found.start()
        if found[0] == r"\|":
            if not _is_in(bars, offset + 1 + shift):
                escapes.append(offset)
        elif found[0] == "|" and not _is_in(bars, offset + shift):
            cells.append(_cell(text, begin, offset, escapes, shift))
            begin, escapes = found.end(), []
    cells.append(_cell(text, begin, end, escapes, shift))
    return cells


def _cell(text: str, begin: int, end: int, escapes: list[int], shift: int) -> Region:
    """A cell's text; of an escaped bar only the bar is part of it."""
    while begin < end and text[begin].isspace():
        begin += 1
    while end > begin and text[end - 1].isspace():
        end -= 1
    parts, breaks, local = [], [], 0
    for stop in [*escapes, end]:
        part = text[begin:stop]
        parts.append(part)
        breaks.append((local, begin + shift))
        local += len(part)
        begin = stop + 1
    return Region("".join(parts), tuple(breaks))


def _is_in(bars: list[int], position: int) -> bool:
    index = bisect_left(bars, position)
    return index < len(bars) and bars[index] == position


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _indent(state: StateBlock, line: int) -> int:
    return state.sCount[line] - state.blkIndent


def _nearest_container(state: StateBlock) -> str:
    """The list item or quote around, as its token is called; "" where there is none."""
    depth = state.level
    for token in reversed(state.tokens):
        if not depth:
            break
        if token.nesting == 1 and token.level == depth - 1:
            if token.type in ("blockquote_open", "list_item_open"):
                return token.type
            depth = token.level
    return ""
