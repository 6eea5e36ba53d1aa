"""How Otterwiki's renderer reads the parts of a link: its name, its address and its title.

As CommonMark 0.31 has it (sections 4.7 and 6.3), with the differences of the parser Otterwiki uses
(mistune): an address in angle brackets holds no backslash, and names have at most 500 characters.
"""

from __future__ import annotations

import html
import re
import string
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote

from .markdown_text import Work

LINK_LABEL = r"(?:[^\\\[\]]|\\.){0,500}"
DEFINITION_LABEL = re.compile(r"\[(" + LINK_LABEL + r")\]:")
_ESCAPED = re.compile(r"\\([" + re.escape(string.punctuation) + r"])")
_CHARACTER_REFERENCE = re.compile(r"&(?:#[0-9]{1,7};|#[xX][0-9a-fA-F]+;|[^\t\n\f <&#;]{1,32};)")
_SPACES = " \t\n\r\f"
_SKIPPED = re.compile(r"[ \t]*(?:\r?\n|\r)?[ \t]*")
_BLANKS = re.compile(r"[ \t\n\r\f]*")
_ANGLE_END = re.compile(r"[<>\\\n\r\x00]")
_BARE_STOP = re.compile(r"[ \t\n\r\f\x00\\()]")
_BLOCK_STOP = re.compile(r"[ \t\n\r\f\x00\\]")
_TITLE_STOPS = {
    opener: (closer, re.compile(r"[\x00\\" + re.escape(closer) + "]"))
    for opener, closer in (("'", "'"), ('"', '"'), ("(", ")"))
}
_REST_OF_LINE = re.compile(r"[ \t]*(?:\n|\Z)")
_SAFE_SCHEMES = (
    *("http:", "https:", "mailto:", "tel:", "ftp:", "ftps:", "irc:", "ircs:"),
    *(f"data:image/{kind};" for kind in ("gif", "png", "jpeg", "webp")),
)
_URL_SAFE = ":/?#@!$&()*+,;=%"


class Address(NamedTuple):
    """Where a link's address stands (without angle brackets), and where reading goes on."""

    start: int
    end: int
    next: int


@dataclass(frozen=True)
class Definition:
    """A link that was defined: its address as written, and where that is in the page."""

    address: str
    start: int
    end: int


def link_key(label: str) -> str:
    """What a reference and a definition are compared by."""
    return " ".join(label.split()).lower().upper()


def unescaped(text: str) -> str:
    """`text` without the backslashes before punctuation."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def url_as_written(address: str) -> str:
    """`address` as it stands in the page's HTML: percent-encoded, entities read."""
    if "&" in address:
        address = _CHARACTER_REFERENCE.sub(lambda found: html.unescape(found[0]), address)
    return quote(address, safe=_URL_SAFE, errors="replace")


def is_shown(url: str) -> bool:
    """Whether the renderer writes `url` into the page; others could run a script."""
    for _ in range(3):
        decoded = unquote(url)
        if decoded == url:
            break
        url = decoded
    url = url.lower().lstrip()
    if url.startswith((*_SAFE_SCHEMES, "/", "#", "?")):
        return True
    return ":" not in url.split("/", 1)[0]


def read_address(
    text: str, start: int, end: int, work: Work, *, in_definition: bool = False
) -> Address | None:
    """The address of a link from `start` on (blanks may come first), None where there is none."""
    found = _SKIPPED.match(text, start, end)
    position = found.end() if found else start
    if position >= end:
        return None
    if text[position] == "<":
        stop = _ANGLE_END.search(text, position + 1, end)
        if stop is None or stop[0] != ">":
            work.spend((stop.start() if stop else end) - position)
            return None
        return Address(position + 1, stop.start(), stop.end())
    if in_definition and text[position] in _SPACES:
        return None
    first, level = position, 0
    pattern = _BLOCK_STOP if in_definition else _BARE_STOP
    while True:
        stop = pattern.search(text, position, end)
        if stop is None:
            position = end
            break
        character = stop[0]
        position = stop.start()
        if character == "\\":
            position = min(position + 2, end)
        elif character == "\x00":
            return None
        elif character == "(":
            level += 1
            position += 1
        elif character == ")" and level:
            level -= 1
            position += 1
        else:
            break
    if level:
        work.spend(position - first)
        return None
    return Address(first, position, position)


def read_title(text: str, start: int, end: int, work: Work) -> int | None:
    """Where a link's title that begins at `start` (with blanks) ends, None where there is none."""
    if start >= end or text[start] not in _SPACES:
        return None
    found = _BLANKS.match(text, start, end)
    position = found.end() if found else start
    if position >= end or text[position] not in _TITLE_STOPS:
        return None
    opener = position
    closer, pattern = _TITLE_STOPS[text[position]]
    position += 1
    while True:
        stop = pattern.search(text, position, end)
        if stop is None or stop[0] == "\x00":
            work.spend((stop.start() if stop else end) - opener)
            return None
        if stop[0] == closer:
            return stop.end()
        position = stop.start() + 2
        if position > end:
            return None


def read_inline_address(text: str, start: int, end: int, work: Work) -> Address | None:
    """What stands in the round brackets of a link, from behind the opening one; ``next`` is
    behind the closing one."""
    address = read_address(text, start, end, work)
    if address is None:
        return None
    position = read_title(text, address.next, end, work) or address.next
    found = _BLANKS.match(text, position, end)
    position = found.end() if found else position
    if position >= end or text[position] != ")":
        work.spend(position - start)
        return None
    return Address(address.start, address.end, position + 1)


def read_definition(text: str, work: Work) -> tuple[str, int, int, int] | None:
    """A definition ``[name]: address "title"`` at the beginning of `text`.

    (key, offset of the address, its end, offset of the next line), None where there is none.
    """
    label = DEFINITION_LABEL.match(text)
    if label is None or not link_key(label[1]):
        return None
    address = read_address(text, label.end(), len(text), work, in_definition=True)
    if address is None:
        return None
    title_end = read_title(text, address.next, len(text), work)
    for position in (title_end, address.next):
        rest = _REST_OF_LINE.match(text, position) if position is not None else None
        if rest:
            return link_key(label[1]), address.start, address.end, rest.end()
    return None
