"""Writing a pack: whole packs that are there already, copied entry by entry as they are, and behind
them the objects that are in none of these.

Offsets inside a pack's deltas are relative, so a run of entries means the same wherever it stands.
"""

from __future__ import annotations

import hashlib
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import entries
from .contents import Wanted
from .errors import PackDamaged
from .objects import ObjectReader
from .pack_ids import PackIds, Place, record

HEAD_BYTES, CHECKSUM_BYTES = 12, 20
_LONGEST_CHAIN = 50  # as git has it: a longer one is slow to read
_CHUNK_BYTES = 1 << 18
_REMEMBERED_BYTES = 8_000_000  # of contents, which the next delta is likely to be against
_LARGEST_DELTA_BASE_BYTES = 20_000_000


@dataclass(frozen=True)
class Block:
    """A pack whose entries are copied; `ids` has their offsets in that pack."""

    path: Path
    ids: PackIds


@dataclass
class Plan:
    """What a pack is to hold. No object twice: none of `objects` is in a block.

    `is_thin` allows deltas against objects that are not in the pack, because the client has them.
    """

    blocks: Sequence[Block] = ()
    objects: Sequence[Wanted] = ()
    is_thin: bool = False

    @property
    def count(self) -> int:
        """The number of objects."""
        return sum(len(block.ids) for block in self.blocks) + len(self.objects)


@dataclass
class Written:
    """What came of a plan, complete when all chunks were taken."""

    records: list[bytes] = field(default_factory=list)
    checksum: bytes = b""
    size_bytes: int = 0


def pack_chunks(
    plan: Plan,
    reader: ObjectReader,
    written: Written,
    *,
    check: Callable[[], None] = lambda: None,
) -> Iterator[bytes]:
    """The bytes of the pack, piece by piece; `written` is filled on the way.

    `check` is called often and may raise. Raises :class:`PackDamaged` for a block that is not what
    its checksum says, RepositoryDamaged for an object that can't be read.
    """
    whole = hashlib.sha1(usedforsecurity=False)

    def passed(piece: bytes) -> bytes:
        whole.update(piece)
        written.size_bytes += len(piece)
        check()
        return piece

    yield passed(struct.pack(">4sLL", b"PACK", 2, plan.count))
    for block in plan.blocks:
        shift = written.size_bytes - HEAD_BYTES
        for piece in _entries_of(block.path):
            yield passed(piece)
        written.records += [_shifted(found, shift) for found in block.ids.each()]
    for piece in _Objects(plan, reader, written).pieces():
        yield passed(piece)
    written.checksum = whole.digest()
    written.size_bytes += CHECKSUM_BYTES
    yield written.checksum


def _entries_of(path: Path) -> Iterator[bytes]:
    """Everything in a pack but its head and its checksum, which is compared."""
    found = hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as file:
        found.update(file.read(HEAD_BYTES))
        left = path.stat().st_size - HEAD_BYTES - CHECKSUM_BYTES
        while left > 0:
            piece = file.read(min(left, _CHUNK_BYTES))
            if not piece:
                break
            found.update(piece)
            left -= len(piece)
            yield piece
        if left or file.read(CHECKSUM_BYTES) != found.digest():
            raise PackDamaged(f"{path} is not what its checksum says")


def _shifted(found: bytes, shift: int) -> bytes:
    """A record of a pack whose entries now stand `shift` bytes further on."""
    if not shift:
        return found
    offset = int.from_bytes(found[20:28], "big") + shift
    return found[:20] + offset.to_bytes(8, "big") + found[28:]


class _Objects:
    """The entries of the objects that are in no block."""

    def __init__(self, plan: Plan, reader: ObjectReader, written: Written) -> None:
        self._plan = plan
        self._reader = reader
        self._written = written
        self._places: dict[bytes, Place] = {}
        self._shifts = _shifts_of(plan.blocks)
        self._contents: OrderedDict[bytes, tuple[int, bytes]] = OrderedDict()
        self._remembered_bytes = 0

    def pieces(self) -> Iterator[bytes]:
        """One entry after the other; each is taken before the next is made."""
        for wanted in self._plan.objects:
            kind, content = self._content(wanted.id)
            made = self._delta(wanted, kind, content)
            entry, chain = made or (entries.whole(kind, content), 0)
            place = Place(self._written.size_bytes, chain)
            self._places[wanted.id] = place
            self._written.records.append(record(bytes.fromhex(wanted.id.decode("ascii")), place))
            yield entry

    def _delta(self, wanted: Wanted, kind: int, content: bytes) -> tuple[bytes, int] | None:
        """The entry of `wanted` against what it was before, and the length of its chain."""
        if wanted.before is None:
            return None
        if len(content) > _LARGEST_DELTA_BASE_BYTES:
            return None
        base = self._place(wanted.before)
        if base is None and not self._plan.is_thin:
            return None
        if base is not None and base.chain >= _LONGEST_CHAIN:
            return None
        base_kind, base_content = self._content(wanted.before)
        if base_kind != kind or len(base_content) > _LARGEST_DELTA_BASE_BYTES:
            return None
        delta = entries.delta(base_content, content)
        if delta is None:
            return None
        if base is None:
            return entries.delta_by_id(delta, wanted.before), 1
        distance = self._written.size_bytes - base.offset
        return entries.delta_by_offset(delta, distance), base.chain + 1

    def _place(self, object_id: bytes) -> Place | None:
        """Where an object is in the pack being written."""
        known = self._places.get(object_id)
        if known is not None:
            return known
        for block, shift in zip(self._plan.blocks, self._shifts, strict=True):
            found = block.ids.find(object_id)
            if found is not None:
                return Place(found.offset + shift, found.chain)
        return None

    def _content(self, object_id: bytes) -> tuple[int, bytes]:
        known = self._contents.get(object_id)
        if known is not None:
            self._contents.move_to_end(object_id)
            return known
        known = self._reader.raw(object_id)
        if len(known[1]) < _REMEMBERED_BYTES:
            self._contents[object_id] = known
            self._remembered_bytes += len(known[1])
        while self._remembered_bytes > _REMEMBERED_BYTES:
            _, (_, dropped) = self._contents.popitem(last=False)
            self._remembered_bytes -= len(dropped)
        return known


def _shifts_of(blocks: Sequence[Block]) -> list[int]:
    """By how much each block's entries move, from their own pack to the one that is written."""
    found, at = [], 0
    for block in blocks:
        found.append(at)
        at += block.path.stat().st_size - HEAD_BYTES - CHECKSUM_BYTES
    return found
