"""Where a list goes on: opaque to the caller, checked when it comes back.

A cursor holds the place itself (a page's path, a commit's id), never a count, so that what is
committed meanwhile shifts nothing. It belongs to one query; another one refuses it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from .errors import BadCursor, BadValue

MOST_CURSOR_CHARACTERS = 8192
MOST_LIMIT = 1000


def query_key(*parts: object) -> str:
    """A short word that stands for a query: the same for the same `parts`."""
    text = json.dumps([str(part) if part is not None else None for part in parts])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def make_cursor(key: str, place: str, hint: int = 0) -> str:
    """The cursor that goes on after `place` in query `key`; `hint` says where to look first."""
    content = json.dumps([key, place, hint]).encode("utf-8")
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")


def read_cursor(key: str, cursor: str) -> tuple[str, int]:
    """The place and the hint that :func:`make_cursor` was given for query `key`.

    Raises :class:`BadCursor` for anything else.
    """
    if not isinstance(cursor, str) or len(cursor) > MOST_CURSOR_CHARACTERS:
        raise BadCursor
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        match content:
            case [str(found), str(place), int(hint)] if found == key and 0 <= hint < 1 << 53:
                place.encode("utf-8")
                if make_cursor(key, place, hint) == cursor:
                    return place, hint
    except (ValueError, binascii.Error, RecursionError):
        raise BadCursor from None
    raise BadCursor


def check_word(field: str, text: str | None, most_characters: int = 1000) -> str | None:
    """Return `text`, something to look for, where an index can be asked for it.

    Raises :class:`BadValue` for what is no Unicode or too long.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise BadValue(field, "it is not text")
    if len(text) > most_characters:
        raise BadValue(field, f"it is longer than {most_characters} characters")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadValue(field, "it is not valid Unicode") from None
    return text


def check_limit(limit: int, most: int = MOST_LIMIT, field: str = "limit") -> int:
    """Return `limit` where it is a number from 1 to `most`; raises :class:`BadValue`."""
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= most:
        raise BadValue(field, f"it has to be a number from 1 to {most}")
    return limit
