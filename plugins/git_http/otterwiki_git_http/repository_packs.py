"""Which packs of a repository can be sent as they are: those that hold nothing but what is sent."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from .objects import ObjectReader
from .pack_ids import PackIds, Place, record
from .pack_writing import Block

_LEAST_OBJECTS = 20  # a smaller pack is read object by object as quickly


def reusable(reader: ObjectReader, sent: Set[bytes]) -> list[Block]:
    """The packs with no object that is not in `sent` and none twice, the largest first.

    An object that nothing leads to any more must not be sent, so a pack with one is not copied.
    """
    candidates = sorted(reader.packs(), key=lambda pack: (-len(pack), pack.name()))
    found, taken = list[Block](), set[bytes]()
    for pack in candidates:
        if len(pack) < _LEAST_OBJECTS:
            break
        reader.check()
        rows = [(object_id, offset) for object_id, offset, _crc in pack.index.iterentries()]
        names = {object_id.hex().encode("ascii") for object_id, _offset in rows}
        if names <= sent and not names & taken:
            taken |= names
            records = (record(object_id, Place(offset, 0)) for object_id, offset in rows)
            ids = PackIds.of(records, b"", made_anew_bytes=0)
            found.append(Block(Path(pack.data.path), ids))
    return found
