"""Entries of a pack: whole objects, and small deltas against an object that is there already.

A delta here is what most edits are: the beginning and the end of the old content stay, and between
them stands something new. It is found in linear time, whatever the content is. (A general search
takes dulwich 45 seconds for two unlike megabytes.)

See gitformat-pack(5).
"""

from __future__ import annotations

import zlib

from dulwich.object_format import SHA1
from dulwich.pack import OFS_DELTA, REF_DELTA, pack_object_header

_QUICKLY_FROM_BYTES = 256_000
_MOST_COPIED = 0xFFFFFF  # bytes in one instruction
_MOST_INSERTED = 127
_MOST_OFFSET = 0xFFFFFFFF
_WORTH_IT = 0.5  # of the content's size, before compression


def whole(kind: int, content: bytes) -> bytes:
    """The entry of an object with all of its content."""
    return bytes(pack_object_header(kind, None, len(content), SHA1)) + _compress(content)


def delta_by_offset(delta: bytes, distance: int) -> bytes:
    """The entry of a delta against the object that begins `distance` bytes before this entry."""
    return bytes(pack_object_header(OFS_DELTA, distance, len(delta), SHA1)) + _compress(delta)


def delta_by_id(delta: bytes, base_id: bytes) -> bytes:
    """The entry of a delta against the object of that id (40 hexadecimal digits)."""
    base = bytes.fromhex(base_id.decode("ascii"))
    return bytes(pack_object_header(REF_DELTA, base, len(delta), SHA1)) + _compress(delta)


def delta(base: bytes, content: bytes) -> bytes | None:
    """How `content` is made of `base`; None where that is not much shorter than `content`."""
    if len(base) > _MOST_OFFSET:
        return None
    start = _same_at_start(base, content)
    end = _same_at_end(base, content, min(len(base), len(content)) - start)
    inserted = content[start : len(content) - end]
    if len(inserted) > len(content) * _WORTH_IT:
        return None
    parts = [_size(len(base)), _size(len(content)), _copy(0, start)]
    for at in range(0, len(inserted), _MOST_INSERTED):
        piece = inserted[at : at + _MOST_INSERTED]
        parts += [bytes((len(piece),)), piece]
    parts.append(_copy(len(base) - end, end))
    return b"".join(parts)


def _compress(content: bytes) -> bytes:
    return zlib.compress(content, 1 if len(content) >= _QUICKLY_FROM_BYTES else -1)


def _same_at_start(one: bytes, other: bytes) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _same_at_end(one: bytes, other: bytes, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        one_piece = one[len(one) - middle : len(one) - low]
        if one_piece == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _size(number: int) -> bytes:
    """Seven bits a byte, the lowest first, the highest bit set on all but the last."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _copy(offset: int, size: int) -> bytes:
    """Instructions that copy from the base; offset and size without their zero bytes."""
    found = bytearray()
    while size > 0:
        now = min(size, _MOST_COPIED)
        instruction, arguments = 0x80, bytearray()
        for number, count, first_bit in ((offset, 4, 0x01), (now, 3, 0x10)):
            for place in range(count):
                byte = number >> 8 * place & 0xFF
                if byte:
                    arguments.append(byte)
                    instruction |= first_bit << place
        found.append(instruction)
        found += arguments
        offset += now
        size -= now
    return bytes(found)
