"""Paragraphs, headings and definitions of links, with their places, as rules for markdown-it-py."""

from __future__ import annotations

import re

from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.heading import heading

from .block_state import PAGE, PageState, Rule
from .link_syntax import DEFINITION_LABEL, Definition, read_definition

_UNDERLINE = re.compile(r"[=-]*([=-])[ \t]*")
_DEFINITION_LINES = 8  # of a link: its name, its address and its title rarely take three


def text(*, underlined_headings: bool) -> Rule:
    """A paragraph, or a heading with a line below. Unlike in CommonMark, indented code ends it."""

    def rule(state: StateBlock, start: int, _end: int, _silent: bool) -> bool:
        after, underline = _end_of_paragraph(state, start, underlined_headings)
        state.line = after
        if underline:
            state.line += 1
            token = state.push("heading_open", "h1" if underline == "=" else "h2", 0)
            token.map = [start, state.line]
        token = state.push("inline", "", 0)
        token.map = [start, after]
        token.meta["spans"] = _spans(state, start, after)
        return True

    return rule


def plain_text(rule: Rule) -> Rule:
    """`rule` for what begins with a letter and has no bar: no other rule has to be asked then."""

    def plain(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        first = state.bMarks[start] + state.tShift[start]
        if (
            not state.src[first].isalpha()
            or state.is_code_block(start)
            or state.src.find("|", first, state.eMarks[start]) >= 0
        ):
            return False
        return rule(state, start, end, silent)

    return plain


def _end_of_paragraph(state: StateBlock, start: int, underlined: bool) -> tuple[int, str]:
    """The line behind a paragraph's last, and the mark of the underline there, "" for none."""
    terminators = state.md.block.ruler.getRules("paragraph")
    before = state.parentType
    state.parentType = "paragraph"
    line = start + 1
    underline = ""
    while line < state.lineMax and not state.isEmpty(line):
        is_lazy = state.sCount[line] < 0  # a quote goes on without its mark
        indent = (_columns(state, line) if is_lazy else state.sCount[line]) - state.blkIndent
        if indent >= 4:
            break
        first, stop = state.bMarks[line] + state.tShift[line], state.eMarks[line]
        if not is_lazy and (
            not state.src[first].isalpha() or state.src.find("|", first, stop) >= 0
        ):
            if underlined and indent >= 0:
                found = _UNDERLINE.fullmatch(state.src, first, stop)
                if found:
                    underline = found[1]
                    break
            if any(rule(state, line, state.lineMax, True) for rule in terminators):
                break
        line += 1
    state.parentType = before
    return line, underline


def _columns(state: StateBlock, line: int) -> int:
    """How far the text of a line is indented, where that was overwritten; a tab counts less."""
    begin = state.bMarks[line]
    blanks = state.src[begin : begin + state.tShift[line]]
    return 3 if "\t" in blanks[:4] else len(blanks.expandtabs(4))


def with_places(rule: Rule) -> Rule:
    """A rule of markdown-it-py, with the places of the text it found in ``meta["spans"]``."""

    def placing(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        before = len(state.tokens)
        if not rule(state, start, end, silent):
            return False
        for token in state.tokens[before:]:
            if token.type == "inline" and rule is heading:
                token.meta["spans"] = [_span_of_heading(state, start, token.content)]
            elif token.type == "html_block" and token.map:
                token.meta["spans"] = _spans(state, *token.map)
        return True

    return placing


def _span_of_heading(state: StateBlock, line: int, content: str) -> tuple[int, int]:
    page: PageState = state.env[PAGE]
    begin = state.skipCharsStr(state.bMarks[line] + state.tShift[line], "#")
    begin = state.skipSpaces(begin) + page.shifts[line]
    return begin, begin + len(content)


def _spans(state: StateBlock, first: int, after: int) -> list[tuple[int, int]]:
    """Where in the page lines stand, without the blanks before them."""
    page: PageState = state.env[PAGE]
    spans = []
    for line in range(first, after):
        begin = state.bMarks[line] + state.tShift[line]
        shift = page.shifts[line]
        spans.append((begin + shift, max(begin, state.eMarks[line]) + shift))
    return spans


def definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """``[name]: address``, which is shown nowhere."""
    first = state.bMarks[start] + state.tShift[start]
    if state.sCount[start] - state.blkIndent >= 4 or state.src[first : first + 1] != "[":
        return False
    page: PageState = state.env[PAGE]
    if (start in page.no_definition and not state.level) or not DEFINITION_LABEL.match(
        state.src, first
    ):
        return False
    last = start + 1
    while last < min(end, start + _DEFINITION_LINES) and not state.isEmpty(last):
        last += 1
    spans = [
        (state.bMarks[line] + state.tShift[line], state.eMarks[line]) for line in range(start, last)
    ]
    text = "\n".join(state.src[begin:stop] for begin, stop in spans) + "\n"
    found = read_definition(text, page.work)
    if found is None:
        return False
    if silent:
        return True
    key, begin, stop, next_line = found
    line = start + text.count("\n", 0, begin)
    shift = spans[line - start][0] - (text.rfind("\n", 0, begin) + 1) + page.shifts[line]
    page.definitions.setdefault(key, Definition(text[begin:stop], begin + shift, stop + shift))
    state.line = start + text.count("\n", 0, next_line)
    return True
