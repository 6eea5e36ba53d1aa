"""Where each object lies in a pack of ours: a sorted list of ids beside the pack, as bytes.

Not git's own .idx: this has the length of each delta chain, which a longer pack needs to know, and
no checksums of entries, which nobody here would compare.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import PackDamaged

_HEAD = struct.Struct(">8s20sQQ")  # magic, checksum of the pack, its size when made anew, count
_RECORD = struct.Struct(">20sQB")  # id, offset, length of the delta chain
_MAGIC = b"OWGPACK1"
_ID_BYTES = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object's entry begins in its pack, and how many deltas it takes to read it."""

    offset: int
    chain: int


class PackIds:
    """The objects of one pack; a set of their ids (40 hexadecimal digits, as bytes)."""

    def __init__(self, records: bytes, checksum: bytes, made_anew_bytes: int) -> None:
        self.records = records
        self.checksum = checksum
        self.made_anew_bytes = made_anew_bytes

    @classmethod
    def of(cls, records: Iterable[bytes], checksum: bytes, *, made_anew_bytes: int) -> PackIds:
        """From records as :func:`record` makes them, in any order."""
        return cls(b"".join(sorted(records)), checksum, made_anew_bytes)

    @classmethod
    def read(cls, path: Path) -> PackIds:
        """From a file; raises :class:`PackDamaged` for one that is none."""
        content = path.read_bytes()
        if len(content) < _HEAD.size:
            raise PackDamaged(f"{path} is too short")
        magic, checksum, made_anew_bytes, count = _HEAD.unpack_from(content)
        if magic != _MAGIC or len(content) != _HEAD.size + count * _RECORD.size:
            raise PackDamaged(f"{path} is not a list of ids")
        return cls(content[_HEAD.size :], checksum, made_anew_bytes)

    def write(self, path: Path) -> None:
        """Into a new file."""
        head = _HEAD.pack(_MAGIC, self.checksum, self.made_anew_bytes, len(self))
        path.write_bytes(head + self.records)

    def __len__(self) -> int:
        return len(self.records) // _RECORD.size

    def __contains__(self, object_id: bytes, /) -> bool:
        return self.find(object_id) is not None

    def find(self, object_id: bytes) -> Place | None:
        """Where the object is, None if it is not in the pack."""
        wanted = bytes.fromhex(object_id.decode("ascii"))
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            at = middle * _RECORD.size
            found = self.records[at : at + _ID_BYTES]
            if found == wanted:
                _, offset, chain = _RECORD.unpack_from(self.records, at)
                return Place(offset, chain)
            if found < wanted:
                low = middle + 1
            else:
                high = middle
        return None

    def each(self) -> list[bytes]:
        """The records, one by one."""
        size = _RECORD.size
        return [self.records[at : at + size] for at in range(0, len(self.records), size)]


def record(object_id: bytes, place: Place) -> bytes:
    """The record of an object; `object_id` in 20 bytes."""
    return _RECORD.pack(object_id, place.offset, place.chain)
