"""A request's body, as far as it is wanted: bounded before anything looks into it."""

from __future__ import annotations

from typing import Any

from flask import current_app, request

from .calls import Upload
from .refusals import Refused
from .routes import TEXT_BYTES, Route
from .validation import parse_body

_CHUNK_BYTES = 1 << 16
_MOST_DISCARDED_BYTES = 64_000_000
#: What HTML forms send: Otterwiki's door, and read (and thrown away) before a handler is asked.
_FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def read_body(route: Route) -> Any:
    """The body as what `route` takes: a model, an :class:`Upload`, or None.

    Raises Refused: 413 for one that is too large, 415 for another type, 400 for what is no JSON and
    422 for values that can't be meant.
    """
    if route.body is None:
        return None
    if route.body is Upload:
        if request.mimetype in _FORM_TYPES:
            raise _other_type("any type but those of HTML forms, application/octet-stream say")
        if not (request.headers.get("Content-Length") or "Transfer-Encoding" in request.headers):
            raise Refused(400, "no_body", "Send the file's bytes as the body. Nothing was sent.")
        return Upload(_bytes(_most_bytes(route)), request.mimetype or None)
    is_json = request.mimetype == "application/json"
    if not is_json and (request.mimetype or not route.body_is_optional):
        raise _other_type("application/json")
    content = _bytes(route.most_bytes)
    if not content and route.body_is_optional:
        return None
    if not is_json:
        raise _other_type("application/json")
    return parse_body(route.body, content)


def _most_bytes(route: Route) -> int:
    """What a file may have: as much as the wiki takes at once, where it has such a limit."""
    configured: int | None = current_app.config.get("MAX_CONTENT_LENGTH")
    return max(route.most_bytes, configured) if configured else route.most_bytes


def _other_type(wanted: str) -> Refused:
    sent = request.mimetype or "nothing"
    return Refused(
        415, "media_type", f"Send this with Content-Type: {wanted}. ({sent[:100]!a} was said.)"
    )


def _bytes(most: int) -> bytes:
    declared = request.content_length
    if declared is not None and declared > most:
        _discard(declared)
        raise _too_large(most, declared)
    chunks: list[bytes] = []
    found = 0
    while chunk := request.stream.read(min(_CHUNK_BYTES, most + 1 - found)):
        chunks.append(chunk)
        found += len(chunk)
        if found > most:
            raise _too_large(most, None)
    return b"".join(chunks)


def _discard(declared: int) -> None:
    """Read the body, within reason: a client that is still sending takes no answer."""
    left = min(declared, _MOST_DISCARDED_BYTES)
    stream = request.environ["wsgi.input"]
    while left > 0 and (chunk := stream.read(min(left, _CHUNK_BYTES))):
        left -= len(chunk)


def _too_large(most: int, found: int | None) -> Refused:
    advice = "Send several changes one after the other, or a page in several parts."
    if most > TEXT_BYTES:
        advice = "A file that is larger than the wiki takes has to be kept elsewhere."
    return Refused(
        413,
        "too_large",
        f"Nothing was changed: the body has more than {most:,} bytes. {advice}",
        headers={"Connection": "close"},  # what is left of the body is no next request
        what="request_bytes",
        limit=most,
        found=found,
        advice=advice,
    )
