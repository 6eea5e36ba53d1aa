"""Changes of a page's text that do not look at its sections. Pure functions of texts."""

from __future__ import annotations

import re
from itertools import islice

from .errors import BadValue, EditAmbiguous, EditNotFound
from .texts import is_utf8, line_ends_of, with_line_ends

_MOST_LINES_NAMED = 10
_WORD = re.compile(r"\S+")
_LINE_END = re.compile(r"\r\n|\r|\n")


def replace_once(page: str, text: str, old: str, new: str) -> tuple[str, str]:
    """`text` with `new` in the place of `old`; also what was replaced.

    `old` has to occur exactly once. Where it does not occur as it is, its line ends are taken for
    those of the text. Raises :class:`EditNotFound`, :class:`EditAmbiguous`, :class:`BadValue`.
    """
    if not old:
        raise BadValue("old text", "it is empty")
    position = text.find(old)
    if position < 0:
        old = in_style_of(text, old)
        position = text.find(old)
    if position < 0:
        raise EditNotFound(page, _hint(text, old))
    if text.find(old, position + 1) >= 0:
        raise EditAmbiguous(page, max(2, text.count(old)), _lines_with(text, old))
    new = in_style_of(text, new)
    return text[:position] + new + text[position + len(old) :], old


def _lines_with(text: str, wanted: str) -> tuple[int, ...]:
    """Numbers of the first lines, from 1, on which `wanted` begins."""
    found: list[int] = []
    line, at, position = 1, 0, text.find(wanted)
    while position >= 0 and len(found) < _MOST_LINES_NAMED:
        line += len(_LINE_END.findall(text, at, position))
        at = position
        found.append(line)
        position = text.find(wanted, position + len(wanted))
    return tuple(found)


def _hint(text: str, old: str) -> str:
    """What may be wrong with an `old` that does not occur in `text`."""
    if not is_utf8(text):
        return "The page has bytes that are not UTF-8; they can't be part of the text to replace."
    wanted, words = " ".join(old.split()), " ".join(text.split())
    at = words.find(wanted) if wanted else -1
    if at >= 0:
        word = next(islice(_WORD.finditer(text), words.count(" ", 0, at), None))
        line = len(_LINE_END.findall(text, 0, word.start())) + 1
        return f"A text that differs only in white space is on line {line}."
    found_at = text.lower().find(old.lower())
    if found_at >= 0:
        line = len(_LINE_END.findall(text, 0, min(found_at, len(text)))) + 1
        return f"A text that differs only in upper and lower case is about line {line}."
    return "Read the page again; it may have changed."


def in_style_of(text: str, addition: str) -> str:
    """`addition` with the line ends of `text`, where that has one kind of them."""
    line_end = line_ends_of(text)
    return with_line_ends(addition, line_end) if line_end else addition


def ends_line(text: str) -> bool:
    """Whether what follows `text` begins a new line."""
    return not text or text.endswith(("\n", "\r"))


def closed(text: str, line_end: str) -> str:
    """`text` with a line end at its end."""
    return text if ends_line(text) else text + line_end
