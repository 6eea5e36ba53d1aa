"""What git asks of upload-pack, read from the body of its POST.

Protocol version 0 in stateless mode (gitprotocol-pack(5), gitprotocol-http(5)): each request says
everything anew: the wants, the ends of a shallow clone, the depth, and then what the client has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dulwich.protocol import extract_want_line_capabilities

from .errors import BadRequest

_ID = re.compile(rb"[0-9a-f]{40}")
_DEPTH = re.compile(rb"[0-9]{1,10}")
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
_LENGTH_DIGITS = 4
_LONGEST_LINE = 65520
_FLUSH = None
_MOST_WANTS = 1000
_OBJECT_FORMAT = b"object-format="


@dataclass(frozen=True)
class UploadRequest:
    """`haves` are the commits the client named, in its order; `depth` is None for all of them.

    `is_done` tells that it has named all and waits for the pack; `has_flush` that it asks what of
    these is known here. With neither it wants to know of the depth only.
    """

    wants: tuple[bytes, ...]
    capabilities: frozenset[bytes]
    shallow: frozenset[bytes]
    depth: int | None
    haves: tuple[bytes, ...]
    has_flush: bool
    is_done: bool

    def may(self, capability: bytes) -> bool:
        """Whether the client said it can do that."""
        return capability in self.capabilities


def parse(body: bytes) -> UploadRequest | None:
    """The request in `body`, None for an empty one; raises :class:`BadRequest`."""
    lines = _lines(body)
    wants, shallow, depth = list[bytes](), set[bytes](), None
    capabilities = frozenset[bytes]()
    for line in lines:
        if line is _FLUSH:
            break
        if not wants:
            line, found = extract_want_line_capabilities(line)
            capabilities = frozenset(found)
        command, _, value = line.rstrip(b" \n").partition(b" ")
        if command == b"want" and len(wants) < _MOST_WANTS:
            wants.append(_id(value))
        elif command == b"shallow" and wants:
            shallow.add(_id(value))
        elif command == b"deepen" and wants:
            depth = _depth(value)
        else:
            raise BadRequest(f"This is not offered here: {_shown(line)}")
    if not wants:
        return None
    if any(c.startswith(_OBJECT_FORMAT) and c != b"object-format=sha1" for c in capabilities):
        raise BadRequest("This repository's object format is sha1.")
    haves, has_flush, is_done = list[bytes](), False, False
    for line in lines:
        if line is _FLUSH:
            has_flush = True
            break
        command, _, value = line.rstrip(b" \n").partition(b" ")
        if command == b"done" and not value:
            is_done = True
            break
        if command != b"have":
            raise BadRequest(f"This is not offered here: {_shown(line)}")
        haves.append(_id(value))
    return UploadRequest(
        wants=tuple(dict.fromkeys(wants)),
        capabilities=capabilities,
        shallow=frozenset(shallow),
        depth=depth,
        haves=tuple(dict.fromkeys(haves)),
        has_flush=has_flush,
        is_done=is_done,
    )


def _lines(body: bytes) -> Iterator[bytes | None]:
    """The packet lines of `body`, None for a flush packet."""
    at = 0
    while at < len(body):
        length_text = body[at : at + _LENGTH_DIGITS]
        if not _LENGTH.fullmatch(length_text):
            raise BadRequest("The request is not in packet lines.")
        length = int(length_text, 16)
        if length == 0:
            at += _LENGTH_DIGITS
            yield _FLUSH
            continue
        if not _LENGTH_DIGITS < length <= _LONGEST_LINE or at + length > len(body):
            raise BadRequest("The request has a packet line of a wrong length.")
        yield body[at + _LENGTH_DIGITS : at + length]
        at += length


def _id(value: bytes) -> bytes:
    if not _ID.fullmatch(value):
        raise BadRequest(f"This is no object id: {_shown(value)}")
    return value


def _depth(value: bytes) -> int | None:
    """Generations; None for the 0 that means no depth."""
    if not _DEPTH.fullmatch(value):
        raise BadRequest(f"This is no depth: {_shown(value)}")
    return int(value) or None


def _shown(text: bytes) -> str:
    return repr(text[:60].decode("ascii", "replace"))
