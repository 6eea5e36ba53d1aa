"""The body of a request: at most so many bytes, also after inflation (git sends gzip)."""

from __future__ import annotations

import zlib
from typing import Protocol

from .errors import BadRequest

MOST_BYTES = 8_000_000  # 150,000 "have" lines; git stops after 256 that nobody knows
_CHUNK_BYTES = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS
_TOO_LARGE = "The request is larger than any that git sends."


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int, /) -> bytes: ...


def read_body(stream: Readable, encoding: str) -> bytes:
    """The whole body, by its Content-Encoding ("" for none); raises :class:`BadRequest`."""
    match encoding.strip().lower():
        case "" | "identity":
            return _read_plain(stream)
        case "gzip" | "x-gzip":
            return _inflate(stream)
    raise BadRequest("The request's Content-Encoding is none that git sends.")


def _read_plain(stream: Readable) -> bytes:
    found = bytearray()
    while chunk := stream.read(_CHUNK_BYTES):
        found += chunk
        if len(found) > MOST_BYTES:
            raise BadRequest(_TOO_LARGE)
    return bytes(found)


def _inflate(stream: Readable) -> bytes:
    found, inflater = bytearray(), zlib.decompressobj(_GZIP)
    try:
        while not inflater.eof and (chunk := stream.read(_CHUNK_BYTES)):
            while chunk:
                found += inflater.decompress(chunk, MOST_BYTES + 1 - len(found))
                if len(found) > MOST_BYTES:
                    raise BadRequest(_TOO_LARGE)
                chunk = inflater.unconsumed_tail
    except zlib.error as error:
        raise BadRequest(f"The request is not gzip: {error}.") from None
    if not inflater.eof or inflater.unused_data or stream.read(1):
        raise BadRequest("The request is not one whole gzip stream.")
    return bytes(found)
