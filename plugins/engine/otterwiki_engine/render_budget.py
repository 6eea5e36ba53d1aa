"""How long one page may be rendered (checklist G6).

Markdown has inputs that take its parsers quadratic time or worse, and a thread can't be interrupted
from outside. Three things together bound a render:

* :func:`check_source`, linear, refuses a text in which one regular expression would run for long:
  a regular expression holds the interpreter's lock, so nothing else could stop it;
* the parsers ask :func:`check` at every token they find, which raises once the time is used up;
* patterns of Otterwiki that take exponential or cubic time are replaced (:mod:`.render_patterns`).

Time is this thread's processor time, so a busy machine makes no page too slow. Knows no Otterwiki.
"""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds of processor time in which a page has to be parsed.
PARSE_SECONDS = 0.5
#: Seconds for all of it. The finished HTML is read and written once more, which is one step.
TOTAL_SECONDS = 0.9
#: What that step takes for each tag.
TAG_SECONDS = 0.000_03
#: Seconds regular expressions may search in vain, over a whole text.
MOST_VAIN_SECONDS = 0.3
#: The same character so often in a row is no text. Letters and digits are harmless.
LONGEST_RUN = 500
#: Blank lines in a row: several patterns look through all of them from each.
MOST_BLANK_LINES = 200
#: Characters of a code block that are highlighted; the lexers have slow inputs as well.
MOST_HIGHLIGHTED = 10_000
#: Emphasis marks in one paragraph: matching them takes quadratic time in one step.
MOST_EMPHASIS_MARKS = 3_000
#: Bars in a text: a table's cells, of which a page can't hold more in its time.
MOST_BARS = 15_000
#: Footnotes and references to them are matched with each other.
MOST_FOOTNOTES = 3_000

#: Stands above the source of a page that is not laid out.
TOO_SLOW_NOTICE = (
    "This page takes too long to lay out, so its source is shown. Nothing is lost. To see it laid"
    " out, split it into several pages, or close brackets and blocks that are left open."
)

BROKEN_NOTICE = "This page could not be laid out, so its source is shown. Nothing is lost."

_LONG_RUN = re.compile(
    rf"([^\w\s])\1{{{LONGEST_RUN - 1}}}"
    rf"|[^\S\n]{{{4 * LONGEST_RUN}}}"
    rf"|(?:\n[^\S\n]*){{{MOST_BLANK_LINES}}}"
)
_EMPHASIS_MARKS = re.compile(r"\*+|_+")
#: What a pattern begins with, what it then looks for however far away that is, and the nanoseconds
#: it takes for each character in between (measured).
_SPANS = tuple(
    (re.compile(opener, re.M), re.compile(closer, re.M), nanoseconds / 1e9)
    for opener, closer, nanoseconds in (
        (r"\{\{[A-Za-z ]", r"\}\}$", 15),
        (r"\$\$", r"\$\$[ \t]*$", 25),
        (r"\[\[", r"[\]|]", 3),
        (r"\]\(", r"\s", 100),
        (r"\s\(", r"\)", 100),
        (r"^ {0,3}\*\[", r"\]", 15),
        (r"^ {0,3}(?::{3,}|~{3,})", r"^ {0,3}(?::{3,}|~{3,})", 15),
        (r"<\?", r"\?>", 15),
        (r"<![A-Z]", r">", 15),
        (r"<!\[CDATA", r"\]\]>", 15),
        (r"<!--", r"--", 25),
    )
)


class RenderTooSlow(BaseException):
    """The page would take, or took, more time than a page may.

    No Exception: Otterwiki shows any Exception of an embedding in the page and goes on rendering.
    """


class _Render(threading.local):
    """Per thread: processor time at which its render began; None while none runs."""

    def __init__(self) -> None:
        self.began: float | None = None


_render = _Render()


def _spent() -> float:
    return 0.0 if _render.began is None else time.thread_time() - _render.began


def check() -> None:
    """Raise :class:`RenderTooSlow` once this thread's render has used up its time."""
    if _spent() > PARSE_SECONDS:
        raise RenderTooSlow("its time is used up")


@contextmanager
def render_time(*, own: bool = False) -> Iterator[None]:
    """Limit what is rendered inside. A render inside another shares its time, unless it has `own`.

    Time of one's own is not charged to the render around it.
    """
    outer = _render.began
    now = time.thread_time()
    if outer is None or own:
        _render.began = now
    try:
        yield
    finally:
        if outer is not None and own:
            outer += time.thread_time() - now
        _render.began = outer


def check_source(text: str) -> None:
    """Raise :class:`RenderTooSlow` for a text on which a single search would take too long."""
    if _LONG_RUN.search(text):
        raise RenderTooSlow("one character is repeated too often")
    if text.count("|") > MOST_BARS:
        raise RenderTooSlow("it has too many cells of tables")
    if text.count("[^") > MOST_FOOTNOTES:
        raise RenderTooSlow("it has too many footnotes")
    vain_seconds = 0.0
    for opener, closer, seconds in _SPANS:
        openers = [found.end() for found in opener.finditer(text)]
        if len(openers) < 2:
            continue
        closers = [found.start() for found in closer.finditer(text)]
        closers.append(len(text))
        steps = 0
        for position in openers:
            steps += closers[bisect_left(closers, position, 0, len(closers) - 1)] - position
        vain_seconds += steps * seconds
    if vain_seconds > MOST_VAIN_SECONDS:
        raise RenderTooSlow("too much is opened and never closed")


def check_paragraph(text: str) -> None:
    """Raise :class:`RenderTooSlow` for a paragraph whose emphasis would take too long to match."""
    if len(text) > MOST_EMPHASIS_MARKS:
        marks = sum(1 for _ in _EMPHASIS_MARKS.finditer(text))
        if marks > MOST_EMPHASIS_MARKS:
            raise RenderTooSlow("one paragraph has too many emphasis marks")
    check()


def check_html(html: str) -> None:
    """Raise :class:`RenderTooSlow` for a page too large to be finished in time."""
    if _spent() + html.count("<") * TAG_SECONDS > TOTAL_SECONDS:
        raise RenderTooSlow("the finished page is too large")
