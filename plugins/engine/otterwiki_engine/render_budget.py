"""How long one page may be rendered (checklist G6).

Markdown has inputs that take its parsers quadratic time or worse, and a thread can't be interrupted
from outside. Three things together bound a render:

* :func:`check_source`, linear, refuses a text in which one regular expression would run for long:
  a regular expression holds the interpreter's lock, so nothing else could stop it;
* the parsers ask :func:`check` at every token they find, which raises once the time is used up;
* patterns of Otterwiki that take exponential or cubic time are replaced (:mod:`.render_patterns`).

Time is this thread's processor time, so a busy machine makes no page too slow, and what the garbage
collector takes of it in a large process is not counted. Knows no Otterwiki.
"""

from __future__ import annotations

import gc
import re
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

#: Seconds of processor time in which a page has to be parsed.
PARSE_SECONDS = 0.5
#: Seconds for all of it. The finished HTML is read and written once more, which is one step.
TOTAL_SECONDS = 0.9
#: What that step takes for each tag.
TAG_SECONDS = 0.000_03
#: Seconds regular expressions may search in vain, over a whole text.
MOST_VAIN_SECONDS = 0.3
#: Opening brackets in a row: each is looked for the end of a link.
LONGEST_BRACKET_RUN = 500
#: Another character so often in a row is no text. Letters and digits are harmless.
LONGEST_RUN = 10_000
#: Blank lines in a row: several patterns look through all of them from each.
MOST_BLANK_LINES = 5_000
#: Blanks in a row of which some are neither spaces nor tabs.
MOST_ODD_BLANKS = 2_500
#: Characters of a code block that are highlighted; most lexers have slow inputs as well.
MOST_HIGHLIGHTED = 10_000
#: The same for languages whose lexers were measured to be faster on hostile texts.
MOST_HIGHLIGHTED_IN = {
    **dict.fromkeys(("bash", "css", "sh", "shell", "sql", "toml"), 30_000),
    **dict.fromkeys(("json", "text"), 100_000),
}
#: Seconds, of those for all of a page, from which on code is left without colours.
HIGHLIGHT_SECONDS = 0.4
#: Seconds that laying out may take with the tags of highlighted code counted in.
HIGHLIGHT_TOTAL_SECONDS = 0.75
#: Changes when other pages are refused, or laid out otherwise: headings kept from before are old.
LAYOUT_VERSION = 2
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

# Each takes all of a run at once, so that looking for them is linear.
_BRACKET_RUN = re.compile(r"\[{100,}+")
_RUN = re.compile(r"([^\w\s])\1{98,}+|[^\S\n]{100,}+")
_BLANK_LINES = re.compile(r"(?:\n[^\S\n]*+){50,}+")
_EMPHASIS_MARKS = re.compile(r"\*+|_+")
#: Code in which many lexers take quadratic time or worse, at a single step.
DENSE_CODE = re.compile(r"([^\w\s#=\-]{1,2}?)\1{299,}")
#: What a pattern begins with, what it then looks for however far away that is, and the nanoseconds
#: it takes for each character in between (measured).
_SPANS = tuple(
    (re.compile(opener, re.MULTILINE), re.compile(closer, re.MULTILINE), nanoseconds / 1e9)
    for opener, closer, nanoseconds in (
        (r"\{\{[A-Za-z ]", r"\}\}$", 15),
        (r"\$\$(?!\$)", r"\$\$[ \t]*$", 25),
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


_WIKI_LINKS = (re.compile(r"\[(?=\[)"), re.compile(r"\]"), 3 / 1e9)
_FRONT_MATTER = re.compile(r"\A---\n(?s:.*?)\n---")
# A fence that is indented may belong to a list, one with an odd word to a table, so it is no fence.
_FENCE_OR_SWALLOWER = re.compile(
    r"^(?P<fence>`{3,}+)[ \t]*+[\w+#.=-]*+[ \t]*+$"
    r"|^[ \t]*+(?P<html><)(?!(?i:[!?]|pre\b|script\b|style\b|textarea\b))"
    r"|^[ \t]*+(?:<|:::|`{3}|~{3}|\[[^\]\n^]++\]:)"
    r"|\{\{(?![^{}\n]*+\}\}$)"
    r"|\$\$",
    re.MULTILINE,
)
_ANY_FENCE = re.compile(r"^[ \t]*+(?:`{3}|~{3})", re.MULTILINE)
_CLOSING_FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}+)[ \t]*+$", re.MULTILINE)
_BLANK_LINE = re.compile(r"^[ \t\v\f]*+$", re.MULTILINE)


class RenderTooSlow(BaseException):
    """The page would take, or took, more time than a page may.

    No Exception: Otterwiki shows any Exception of an embedding in the page and goes on rendering.
    """


class TextTooSlow(RenderTooSlow):
    """Refused for what the text is: it would be at any time, in any wiki."""


class HighlightingTooSlow(Exception):
    """A code block has to do without colours."""


class _Render(threading.local):
    """Per thread: processor time at which its render began; None while none runs."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.highlighted = 0  # tokens of code, in the render that runs
        self.collecting_since = 0.0  # processor time, while the garbage collector runs


_render = _Render()


def _do_not_charge_collections(phase: str, info: Mapping[str, int]) -> None:
    """For :data:`gc.callbacks`. Only full collections take time worth telling."""
    if _render.began is None or info["generation"] < 2:
        return
    if phase == "start":
        _render.collecting_since = time.thread_time()
    else:
        _render.began += time.thread_time() - _render.collecting_since


gc.callbacks.append(_do_not_charge_collections)


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
    outer, highlighted = _render.began, _render.highlighted
    now = time.thread_time()
    if outer is None or own:
        _render.began = now
        _render.highlighted = 0
    try:
        yield
    finally:
        if outer is None or own:
            _render.highlighted = highlighted
        if outer is not None and own:
            outer += time.thread_time() - now
        _render.began = outer


@contextmanager
def not_charged() -> Iterator[None]:
    """What is done inside, once per process, is no fault of the page that is rendered."""
    now = time.thread_time()
    try:
        yield
    finally:
        if _render.began is not None:
            _render.began += time.thread_time() - now


def charge_highlighting() -> None:
    """Count one token of code; raise :class:`HighlightingTooSlow` for one too many."""
    if _render.began is None:
        return
    _render.highlighted += 1
    spent = _spent()
    if (
        spent > HIGHLIGHT_SECONDS
        or spent + 2 * _render.highlighted * TAG_SECONDS > HIGHLIGHT_TOTAL_SECONDS
    ):
        raise HighlightingTooSlow


def code_spans(text: str) -> list[tuple[int, int]]:
    """Where `text` is inside fenced code for certain; linear.

    The parser must not see text where this sees code. So it gives up, and finds no more code, at
    everything that could swallow a fence: lists, HTML, formulas, embeddings of several lines.
    """
    spans = []
    position = 0
    front_matter = _FRONT_MATTER.match(text)
    if front_matter:
        position = front_matter.end()
    while opening := _FENCE_OR_SWALLOWER.search(text, position):
        if opening["html"]:
            blank_line = _BLANK_LINE.search(text, opening.end())
            position = blank_line.start() if blank_line else len(text)
            if _ANY_FENCE.search(text, opening.end(), position):
                break
            continue
        if not opening["fence"]:
            break
        begin = opening.end()
        end = next(
            (
                found
                for found in _CLOSING_FENCE.finditer(text, begin)
                if len(found["fence"]) >= len(opening["fence"])
            ),
            None,
        )
        spans.append((begin, end.start() if end else len(text)))
        if end is None:
            break
        position = end.end()
    return spans


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """`text` with something harmless in place of `spans`, and as long as before."""
    parts, position = [], 0
    for begin, end in spans:
        parts += [text[position:begin], "x" * (end - begin)]
        position = end
    return "".join([*parts, text[position:]])


def _vain_seconds(
    opener: re.Pattern[str],
    closer: re.Pattern[str],
    seconds: float,
    text: str,
    all_text: str,
) -> float:
    openers = [found.end() for found in opener.finditer(text)]
    if len(openers) < 2:
        return 0.0
    closers = [found.start() for found in closer.finditer(all_text)]
    closers.append(len(all_text))
    last = len(closers) - 1
    return seconds * sum(
        closers[bisect_left(closers, position, 0, last)] - position for position in openers
    )


def check_source(text: str) -> None:
    """Raise :class:`TextTooSlow` for a text on which a single search would take too long."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    prose = _without(text, code_spans(text))
    if (
        _longest(_BRACKET_RUN, prose) >= LONGEST_BRACKET_RUN
        or any(_too_long(found[0]) for found in _RUN.finditer(prose))
        or any(found[0].count("\n") >= MOST_BLANK_LINES for found in _BLANK_LINES.finditer(prose))
    ):
        raise TextTooSlow("one character is repeated too often")
    if prose.count("|") > MOST_BARS:
        raise TextTooSlow("it has too many cells of tables")
    if prose.count("[^") > MOST_FOOTNOTES:
        raise TextTooSlow("it has too many footnotes")
    vain_seconds = _vain_seconds(*_WIKI_LINKS, text, text)  # they are looked for in code as well
    for span in _SPANS:
        vain_seconds += _vain_seconds(*span, prose, text)
    if vain_seconds > MOST_VAIN_SECONDS:
        raise TextTooSlow("too much is opened and never closed")


def _longest(run: re.Pattern[str], text: str) -> int:
    return max((found.end() - found.start() for found in run.finditer(text)), default=0)


def _too_long(run: str) -> bool:
    odd_blanks = run.isspace() and run.strip(" \t")
    return len(run) >= (MOST_ODD_BLANKS if odd_blanks else LONGEST_RUN)


def check_wiki_links(html: str) -> None:
    """Raise :class:`TextTooSlow` for a page in which looking for wiki links takes too long."""
    if _vain_seconds(*_WIKI_LINKS, html, html) > MOST_VAIN_SECONDS:
        raise TextTooSlow("too many wiki links are opened and never closed")


def check_paragraph(text: str) -> None:
    """Raise :class:`TextTooSlow` for a paragraph whose emphasis would take too long to match."""
    if len(text) > MOST_EMPHASIS_MARKS:
        marks = sum(1 for _ in _EMPHASIS_MARKS.finditer(text))
        if marks > MOST_EMPHASIS_MARKS:
            raise TextTooSlow("one paragraph has too many emphasis marks")
    check()


def check_html(html: str) -> None:
    """Raise :class:`RenderTooSlow` for a page too large to be finished in time."""
    if _spent() + html.count("<") * TAG_SECONDS > TOTAL_SECONDS:
        raise RenderTooSlow("the finished page is too large")
