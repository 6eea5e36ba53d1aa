"""Looking for a text or a regular expression in pages, line by line, for a bounded time.

The full-text index knows words, not letters: what asks for these ("Match case", "Regular
expression", a part of a word) reads the pages. Somebody's expression may take for ever on a single
line; the time is that of the whole search, and other threads work on meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import regex  # type: ignore[import-untyped]
from markupsafe import Markup, escape

#: Seconds for one search.
SECONDS = 2.0
_MOST_PAGES = 200  # that are shown
_SHOWN_LINES = 3  # of a page
_SHOWN_CHARACTERS = 240  # of a line
_BEFORE = 60  # characters before a match further on in its line
_LEAST_SECONDS = 0.001


class BadExpression(ValueError):
    """Not a regular expression; the text says why."""


@dataclass(frozen=True)
class ScannedPage:
    """A page that was found: whether its name is, how often its text matches, where first."""

    name: str
    in_name: bool
    count: int
    lines: tuple[Markup, ...]


@dataclass(frozen=True)
class Scan:
    """Pages found, the best first; `is_whole` is False where the time was up, or there are more."""

    pages: tuple[ScannedPage, ...]
    total: int
    is_whole: bool


def pattern_of(text: str, *, is_expression: bool, match_case: bool) -> regex.Pattern[str]:
    """What to look for; raises :class:`BadExpression`."""
    try:
        return regex.compile(
            text if is_expression else regex.escape(text), 0 if match_case else regex.IGNORECASE
        )
    except (regex.error, RecursionError, OverflowError, ValueError) as error:
        raise BadExpression(str(error)) from None


def scan(
    pages: Iterable[tuple[str, Callable[[], str | None]]],
    pattern: regex.Pattern[str],
    *,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Scan:
    """Look for `pattern` in the names and texts of `pages` (None: no text), each read in its turn.

    That takes `seconds` at most (None: :data:`SECONDS`). A name matches in any case. Names come
    first, then texts with more matches.
    """
    in_names = regex.compile(pattern.pattern, regex.IGNORECASE)
    deadline = clock() + (SECONDS if seconds is None else seconds)
    found: list[ScannedPage] = []
    is_whole = True
    try:
        for name, read in pages:
            page = _scanned(name, read() or "", pattern, in_names, lambda: deadline - clock())
            if page is not None:
                found.append(page)
    except TimeoutError:
        is_whole = False
    found.sort(key=lambda page: (not page.in_name, -page.count, page.name))
    return Scan(tuple(found[:_MOST_PAGES]), len(found), is_whole and len(found) <= _MOST_PAGES)


def _scanned(
    name: str,
    text: str,
    pattern: regex.Pattern[str],
    in_names: regex.Pattern[str],
    left: Callable[[], float],
) -> ScannedPage | None:
    """What is found in one page; raises TimeoutError once no time is `left`."""
    in_name = _first(in_names, name.rpartition("/")[2], left) is not None
    count = 0
    lines: list[Markup] = []
    for line in text.splitlines():
        match = _first(pattern, line, left)
        if match is None:
            continue
        matches = _all(pattern, line, left)
        count += len(matches)
        if len(lines) < _SHOWN_LINES:
            lines.append(_marked(line, matches))
    return ScannedPage(name, in_name, count, tuple(lines)) if in_name or count else None


def _first(
    pattern: regex.Pattern[str], text: str, left: Callable[[], float]
) -> regex.Match[str] | None:
    seconds = left()
    if seconds <= 0:
        raise TimeoutError
    return pattern.search(text, timeout=max(seconds, _LEAST_SECONDS), concurrent=True)


def _all(
    pattern: regex.Pattern[str], text: str, left: Callable[[], float]
) -> list[tuple[int, int]]:
    """Where `pattern` matches in `text`; what is empty counts, but is not shown."""
    seconds = max(left(), _LEAST_SECONDS)
    return [match.span() for match in pattern.finditer(text, timeout=seconds, concurrent=True)]


def _marked(line: str, matches: list[tuple[int, int]]) -> Markup:
    """The part of `line` around the first match, escaped, with what matches marked."""
    start = max(0, matches[0][0] - _BEFORE) if matches[0][1] > _SHOWN_CHARACTERS else 0
    end = start + _SHOWN_CHARACTERS
    html, at = Markup("… ") if start else Markup(""), start
    for begin, stop in matches:
        if begin >= end:
            break
        html += escape(line[at:begin])
        if stop > begin:
            html += marked(line[begin : min(stop, end)])
        at = max(at, min(stop, end))
    return html + escape(line[at:end]) + (" …" if end < len(line) else "")


def marked(text: str) -> Markup:
    """`text` as Otterwiki shows what was found in a page."""
    return Markup('<span class="text-match">{}</span>').format(text)
