"""Where a list goes on: opaque to the caller, checked when it comes back.

A cursor holds the place itself (a page's path, a commit's id), never a count, so that what is
committed meanwhile shifts nothing. It belongs to one query; another one refuses it. Of a long place
it has the beginning and a digest, so that no cursor is longer than what is taken back.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable

from .errors import BadCursor, BadValue

MOST_CURSOR_CHARACTERS = 8192
MOST_PLACE_CHARACTERS = 500  # at 12 bytes of JSON each, the cursor is still short enough
MOST_LIMIT = 1000


def query_key(*parts: object) -> str:
    """A short word that stands for a query: the same for the same `parts`."""
    text = json.dumps([str(part) if part is not None else None for part in parts])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def make_cursor(key: str, place: str, hint: int = 0) -> str:
    """The cursor that goes on after `place` in query `key`; `hint` says where to look first."""
    if len(place) <= MOST_PLACE_CHARACTERS:
        return _encoded([key, place, hint])
    return _encoded([key, place[:MOST_PLACE_CHARACTERS], hint, _digest(place)])


def _encoded(content: list[str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode("utf-8")).decode("ascii").rstrip("=")


def _digest(place: str) -> str:
    return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def read_cursor(
    key: str, cursor: str, places: Callable[[], Iterable[str]] = tuple
) -> tuple[str, int]:
    """The place and the hint that :func:`make_cursor` was given for query `key`.

    A long place is looked for among `places`, those of the list as it is now. Where it is gone, its
    first :data:`MOST_PLACE_CHARACTERS` characters are the answer: a list that goes on behind them
    leaves nothing out. Raises :class:`BadCursor` for anything else.
    """
    if not isinstance(cursor, str) or len(cursor) > MOST_CURSOR_CHARACTERS:
        raise BadCursor
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        match content:
            case [str(found), str(place), int(hint), *digest] if (
                found == key
                and 0 <= hint < 1 << 53
                and len(place) <= MOST_PLACE_CHARACTERS
                and _encoded(content) == cursor
            ):
                place.encode("utf-8")
                match digest:
                    case []:
                        return place, hint
                    case [str(wanted)]:
                        return _found(place, wanted, places()), hint
    except (ValueError, binascii.Error, RecursionError):
        raise BadCursor from None
    raise BadCursor


def _found(beginning: str, digest: str, places: Iterable[str]) -> str:
    """The one of `places` that begins so and has that digest, else `beginning`."""
    begun = (place for place in places if place.startswith(beginning))
    return next((place for place in begun if _digest(place) == digest), beginning)


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
