"""Blocks that Markdown does not have and Otterwiki's renderer does.

Formulas between ``$$``, boxes (``:::``), folds (``>|``), spoilers (``>!``), alerts
(``> [!NOTE]``), footnotes, abbreviations and embeddings (``{{...}}``). Each is a rule that takes
the numbers of the first line and of the one behind the last, and whether it is only asked; it gives
the number of the line behind the block and what is in it, None where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .block_state import Container, Found, PageState
from .link_syntax import LINK_LABEL, link_key
from .markdown_text import SourceLine

_MATH = re.compile(r"\$\$(?:\\.|[^\\])*?\$\$[^\S\n]*$", re.MULTILINE | re.DOTALL)
_BOX = re.compile(r":{3,}[^:]*")
_BOX_END = re.compile(r" {0,3}(?::{3,}|~{3,})[~:]* *")
_BOX_HEADER = re.compile(r"#{1,5}")
_ALERT = re.compile(r" {0,3}>\s*\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]", re.IGNORECASE)
_QUOTED = re.compile(r" {0,3}>")
_FOOTNOTE = re.compile(r" {0,3}\[\^(" + LINK_LABEL + r")\]:[ \t]*")
_ABBREVIATION = re.compile(r" {0,3}\*\[[^\]]+(?<!\\)(?:\\\\)*\]:(.*)")
_EMBEDDING = re.compile(r"\{\{[A-Za-z ]++.*?\}\}$", re.MULTILINE | re.DOTALL)
_EMBEDDING_NAME = re.compile(r" *\{\{([A-Za-z ]++)")
_BAR = re.compile(r"(?<!\\)\|")
_NAME_OF_OPTION = re.compile(r"(?:\\=|[^=])++(?==)")
_ANY_NAME_OF_OPTION = re.compile(r"[^=]++(?==)")


def _cut(line: SourceLine, characters: int) -> SourceLine:
    return SourceLine(line.text[characters:], line.start + characters)


def _cut_header(content: list[SourceLine]) -> None:
    """Take away the header of a box, which is shown as it is written."""
    if len(content) > 1 and _BOX_HEADER.match(content[0].text):
        del content[0]


def marked_box(mark: str) -> Callable[[PageState, int, int, bool], Found]:
    """Lines that begin with `mark`: a spoiler, or a fold, whose first line may be its header."""

    def found(page: PageState, start: int, end: int, _silent: bool) -> Found:
        content = []
        after = start
        while after < end:
            text = page.lines[after].text
            indent = len(text) - len(text.lstrip(" "))
            if indent > 3 or not text.startswith(mark, indent):
                break
            content.append(_cut(page.lines[after], indent + len(mark)))
            after += 1
        if after == start:
            return None
        if mark == ">|":
            while content and not content[0].text.strip():
                del content[0]
            if content:
                content[0] = _cut(content[0], len(content[0].text) - len(content[0].text.lstrip()))
                _cut_header(content)
        return after, Container([content])

    return found


def alert(page: PageState, start: int, end: int, _silent: bool) -> Found:
    opening = _ALERT.match(page.lines[start].text)
    if not opening:
        return None
    content = [_cut(page.lines[start], opening.end())]
    after = start + 1
    while after < end and (found := _QUOTED.match(page.lines[after].text)):
        again = _ALERT.match(page.lines[after].text)
        content.append(_cut(page.lines[after], (again or found).end()))
        after += 1
    return (after, Container([content])) if len(content) > 1 else None


def box(page: PageState, start: int, end: int, _silent: bool) -> Found:
    """``:::``, up to the next line of colons or the end."""
    if not _BOX.fullmatch(page.lines[start].text.lstrip(" ")):
        return None
    after = start + 1
    while after < end and not _BOX_END.fullmatch(page.lines[after].text):
        after += 1
    content = page.lines[start + 1 : after]
    _cut_header(content)
    return min(after + 1, end), Container([content], underlined_headings=False)


def math(page: PageState, start: int, _end: int, _silent: bool) -> Found:
    """``$$``, up to the next one at the end of a line; it holds nothing that is read."""
    after = _closed_by(page, start, "$$", _MATH)
    return None if after is None else (after, None)


def _closed_by(page: PageState, start: int, opener: str, pattern: re.Pattern[str]) -> int | None:
    """The line behind what begins with `opener` on line `start` and matches `pattern`."""
    if not page.lines[start].text.lstrip(" ").startswith(opener):
        return None
    if start >= page.never_closed.get(opener, start + 1):
        return None
    found = page.match_from(start, pattern)
    if found is None:
        page.never_closed[opener] = start
        return None
    return start + found[0].count("\n") + 1


def embedding(page: PageState, start: int, _end: int, _silent: bool) -> Found:
    """``{{Name`` ... ``}}``: lines of options (``|name=value``) and text."""
    after = _closed_by(page, start, "{{", _EMBEDDING)
    if after is None:
        return None
    lines = page.lines[start:after]
    name = _EMBEDDING_NAME.match(lines[0].text)
    if name is None:
        return None
    lines[0] = _cut(lines[0], name.end())
    lines[-1] = SourceLine(lines[-1].text.rstrip()[:-2], lines[-1].start)
    one_line = len(lines) == 1
    container = Container([], name=name[1].strip().lower())
    content = []
    for line in lines:
        options = _options(line)
        if not options:
            content.append(line)
        for key, value in options:
            if key == "src":
                blanks = len(value.text) - len(value.text.lstrip())
                begin = value.start + blanks
                container.options.append((begin, begin + len(value.text.strip())))
            else:
                container.contents.append([value])
    if one_line and content and content[0].text.startswith("|"):
        content[0] = _cut(content[0], 1)
    container.contents.append(content)
    return after, container


def _options(line: SourceLine) -> list[tuple[str, SourceLine]]:
    """The options on a line that holds nothing else: (name in lower case, value)."""
    bars = [found.start() for found in _BAR.finditer(line.text)]
    if not bars or line.text[: bars[0]].strip(" \t"):
        return []
    options = []
    for begin, end in zip(bars, [*bars[1:], len(line.text)], strict=True):
        part = line.text[begin + 1 : end]
        name = _NAME_OF_OPTION.match(part) or _ANY_NAME_OF_OPTION.match(part)
        if name is None or name.end() + 1 >= len(part):
            return []
        value = _cut(line, begin + 1 + name.end() + 1)
        value = SourceLine(value.text[: len(part) - name.end() - 1], value.start)
        key = name[0].replace(r"\=", "=").replace(r"\|", "|").lower()
        options.append((key, value))
    return options


def footnote(page: PageState, start: int, _end: int, silent: bool) -> Found:
    """``[^name]: text``, shown below the page; the first of several of one name counts.

    A note is one line: Otterwiki means to take more, but its pattern does not.
    """
    opening = _FOOTNOTE.match(page.lines[start].text)
    if not opening:
        return None
    if not silent:
        page.footnotes.setdefault(link_key(opening[1]), _cut(page.lines[start], opening.end()))
    return start + 1, None


def abbreviation(page: PageState, start: int, _end: int, _silent: bool) -> Found:
    return (start + 1, None) if _ABBREVIATION.fullmatch(page.lines[start].text) else None
