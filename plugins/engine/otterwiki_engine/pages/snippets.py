"""The part of a page that shows why it was found."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from .words import HIT_BEGIN, HIT_END, readable

LENGTH = 240  # characters, about
_BEFORE = 60
_MOST_HITS = 300  # that are looked at: the first ones
_HIT = re.compile(f"{HIT_BEGIN}([^{HIT_END}]*){HIT_END}")
_NOISE = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+|(?:>[ \t|!]?)+|[-*+][ \t]+(?:\[[ xX]\][ \t]+)?|:{3,}.*$|[`~]{3,}.*$)"
    r"|(?<![\w|])[|:\-= ]*-{3,}[|:\-= ]*(?!\w)|\*{2,}|~~|==|`|[ \t]*\|[ \t]*(?=$)|^[ \t]*\|[ \t]*",
    re.MULTILINE,
)
_BLANK = re.compile(r"\s")
_MARKS = str.maketrans("", "", HIT_BEGIN + HIT_END)


class Snippet(NamedTuple):
    """``text`` on one line with its marks, and the line of the page it begins on (from 0)."""

    text: str
    line: int


def snippet_of(marked: str, others: Sequence[str] = ()) -> Snippet:
    """The part of text `marked` with the most different hits in it, the first of several.

    Where there is none in it: its beginning, unless one of the texts `others` has one.
    """
    hits = list(islice(_HIT.finditer(marked), _MOST_HITS))
    if not hits:
        for other in others:
            found = _HIT.search(other)
            if found:
                return Snippet(_shown(other, *_around(other, found.start())), 0)
        start = len(marked) - len(marked.lstrip())
        return Snippet(_shown(marked, start, start + LENGTH), marked.count("\n", 0, start))
    start, end = _best(marked, hits)
    return Snippet(_shown(marked, start, end), marked.count("\n", 0, start))


def _best(marked: str, hits: list[re.Match[str]]) -> tuple[int, int]:
    """Offsets of the part with the most different words that were found."""
    words = [hit[1].casefold() for hit in hits]
    best, best_score, last = 0, (0, 0), 0
    counts: dict[str, int] = {}
    for first, hit in enumerate(hits):
        while last < len(hits) and hits[last].end() - hit.start() <= LENGTH - _BEFORE:
            counts[words[last]] = counts.get(words[last], 0) + 1
            last += 1
        score = (len(counts), last - first)
        if score > best_score:
            best, best_score = first, score
        if last <= first:  # a single hit longer than a snippet
            last = first + 1
        else:
            counts[words[first]] -= 1
            if not counts[words[first]]:
                del counts[words[first]]
    return _around(marked, hits[best].start())


def _around(marked: str, hit: int) -> tuple[int, int]:
    """Offsets of a part that begins shortly before `hit`, at a line, sentence or word."""
    earliest = max(0, hit - _BEFORE)
    start = marked.rfind("\n", earliest, hit) + 1
    if not start:
        sentence = marked.rfind(". ", earliest, hit)
        word = _BLANK.search(marked, earliest, hit)
        if earliest == 0:
            start = 0
        elif sentence >= 0:
            start = sentence + 2
        else:
            start = word.end() if word else earliest
    return start, start + LENGTH


def _shown(marked: str, start: int, end: int) -> str:
    """``marked[start:end]`` on one line, with whole words and hits, without Markdown's marks."""
    length = len(marked)
    if end < length:
        space = marked.rfind(" ", start + LENGTH // 2, end)
        end = space if space > 0 else end
    closing, opening = marked.find(HIT_END, end), marked.find(HIT_BEGIN, end)
    if closing >= 0 and (opening < 0 or closing < opening):
        end = min(closing + 1, end + LENGTH)  # do not cut what was found in two
    text = marked[start:end]
    if text.count(HIT_BEGIN) > text.count(HIT_END):
        text += HIT_END
    elif text.count(HIT_END) > text.count(HIT_BEGIN):
        text = HIT_BEGIN + text
    text = " ".join(_NOISE.sub(" ", readable(text)).split())
    before = "… " if _says_something(marked[max(0, start - LENGTH) : start]) else ""
    after = " …" if _says_something(marked[end : end + LENGTH]) else ""
    return f"{before}{text}{after}"


def _says_something(text: str) -> bool:
    """Whether there is more to `text` than Markdown's marks; much text always has more."""
    return len(text.strip()) > LENGTH // 2 or bool(_NOISE.sub("", text).strip())


def plain(snippet: str) -> str:
    """A snippet without its marks."""
    return snippet.translate(_MARKS)


def as_markdown(snippet: str) -> str:
    """A snippet with what was found between ``**``."""
    return snippet.replace(HIT_BEGIN, "**").replace(HIT_END, "**")


def as_html(snippet: str) -> str:
    """A snippet as HTML: escaped, with what was found in ``<mark>``."""
    return html.escape(snippet).replace(HIT_BEGIN, "<mark>").replace(HIT_END, "</mark>")
