"""The pack of a full clone, kept for the commit it ends at: ``<folder>/<commit>.pack``.

Derived, and deleted at any moment without loss. When the branch has moved on, the next pack is the
last one with what is new behind it, so the first clone after a save costs as much as the save's own
objects. What is appended that way is never made smaller, so now and then a pack is made anew.

A pack is written under another name and renamed when it is whole; whoever reads an older one
meanwhile has it open.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from otterwiki_engine.errors import RepositoryDamaged
from otterwiki_engine.locks import WikiLock

from .commits import is_ancestor, missing
from .contents import Ids, new_objects
from .errors import PackDamaged
from .objects import ObjectReader
from .pack_ids import PackIds
from .pack_writing import CHECKSUM_BYTES, Block, Plan, Written, pack_chunks
from .repository_packs import reusable

_PACK = re.compile(r"([0-9a-f]{40})\.pack")
_ASIDE_SUFFIX = ".tmp"
_ASIDE_SECONDS = 3600  # after which whoever wrote it is gone
_LOCK_SECONDS = 30.0
_MADE_ANEW_SLACK_BYTES = 1_000_000
_log = logging.getLogger(__name__)
Check = Callable[[], None]


@dataclass(frozen=True)
class _Kept:
    head: bytes
    path: Path
    ids: PackIds


class KeptPacks:
    """The kept pack of one wiki, in `folder`. Safe for threads and processes.

    Larger ones than `most_bytes` are not kept: each clone makes its own. `tip` says where the
    branch stands now: nothing is kept of a history that was replaced.
    """

    def __init__(self, folder: Path, most_bytes: int, tip: Callable[[], str | None]) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._tip = tip

    def open(self, reader: ObjectReader, head: bytes, check: Check) -> BinaryIO:
        """A file with the pack of everything that commit `head` leads to, at its beginning.

        Made if need be. `check` is called often and may raise. Raises RepositoryBusy where others
        are making one for too long, RepositoryDamaged, OSError where it can't be written.
        """
        found = self._open_kept(head)
        if found is not None:
            return found
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if self._is_past(reader, head):  # not to be kept, so nobody need wait for it
            return self._make(reader, head, 0, check)
        with WikiLock(self._folder / "lock", _LOCK_SECONDS):
            found = self._open_kept(head)  # somebody else may have made it meanwhile
            if found is not None:
                return found
            most_bytes = 0 if self._is_past(reader, head) else self._most_bytes
            return self._make(reader, head, most_bytes, check)

    def pieces(self, file: BinaryIO, size_bytes: int) -> Iterator[bytes]:
        """The bytes of an opened pack; raises :class:`PackDamaged` at the end of a damaged one,
        which is removed."""
        digest, checksum = hashlib.sha1(usedforsecurity=False), b""
        left = os.fstat(file.fileno()).st_size - CHECKSUM_BYTES
        while piece := file.read(size_bytes):
            inside = piece if len(piece) <= left else piece[: max(0, left)]
            digest.update(inside)
            left -= len(inside)
            checksum += piece[len(inside) :]
            yield piece
        if checksum != digest.digest():
            self.forget()
            raise PackDamaged(f"a kept pack in {self._folder} was damaged; it is removed")

    def forget(self) -> None:
        """Remove what is kept."""
        if self._folder.is_dir():
            self._remove_all_but(b"")

    def _open_kept(self, head: bytes) -> BinaryIO | None:
        try:
            file = self._path(head).open("rb")
        except FileNotFoundError:
            return None
        os.utime(file.fileno())
        return file

    def _path(self, head: bytes) -> Path:
        return self._folder / f"{head.decode('ascii')}.pack"

    # ------------------------------------------------------------------ making one

    def _is_past(self, reader: ObjectReader, head: bytes) -> bool:
        """Whether the pack of a later commit is there."""
        return any(
            reader.is_commit(kept_head) and is_ancestor(reader, head, kept_head)
            for kept_head, _ in self._all()
        )

    def _make(self, reader: ObjectReader, head: bytes, most_bytes: int, check: Check) -> BinaryIO:
        for plan, made_anew_bytes in self._plans(reader, head):
            try:
                return self._write(reader, head, plan, made_anew_bytes, most_bytes, check)
            except PackDamaged as error:
                _log.warning("pack not reused: %s", error)
        raise RepositoryDamaged(f"no pack of {head.decode('ascii')} can be made")

    def _plans(self, reader: ObjectReader, head: bytes) -> Iterator[tuple[Plan, int]]:
        """Ways to make the pack, the best first, and the size it had when it was made anew (0: it
        is now)."""
        kept = self._base(reader, head)
        if kept is not None:
            news = missing(reader, [head], [kept.head])
            objects = list(new_objects(reader, news.commits, kept.ids))
            yield Plan([Block(kept.path, kept.ids)], objects), kept.ids.made_anew_bytes
        all_of_it = list(new_objects(reader, missing(reader, [head], []).commits, _NONE))
        blocks = reusable(reader, {wanted.id for wanted in all_of_it})
        if blocks:
            rest = [w for w in all_of_it if not any(w.id in block.ids for block in blocks)]
            yield Plan(blocks, rest), 0
        yield Plan([], all_of_it), 0

    def _base(self, reader: ObjectReader, head: bytes) -> _Kept | None:
        """A kept pack to append to: of a commit that `head` comes after, and not grown too much."""
        for kept_head, path in self._all():
            if not reader.is_commit(kept_head) or not is_ancestor(reader, kept_head, head):
                continue
            try:
                ids = PackIds.read(path.with_suffix(".ids"))
                with path.open("rb") as file:
                    size_bytes = file.seek(-CHECKSUM_BYTES, os.SEEK_END) + CHECKSUM_BYTES
                    checksum = file.read()
            except (OSError, PackDamaged) as error:
                _log.warning("kept pack not reused: %s", error)
                continue
            is_grown = size_bytes > 2 * ids.made_anew_bytes + _MADE_ANEW_SLACK_BYTES
            if checksum == ids.checksum and not is_grown:
                return _Kept(kept_head, path, ids)
        return None

    def _write(
        self,
        reader: ObjectReader,
        head: bytes,
        plan: Plan,
        made_anew_bytes: int,
        most_bytes: int,
        check: Check,
    ) -> BinaryIO:
        """Write the pack of a plan and keep it; returns it opened, whether it is kept or not."""
        aside = self._folder / f"{secrets.token_hex(8)}{_ASIDE_SUFFIX}"
        written = Written()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = os.fdopen(os.open(aside, flags, 0o600), "w+b")
        try:
            for piece in pack_chunks(plan, reader, written, check=check):
                file.write(piece)
            file.flush()
            if written.size_bytes <= most_bytes and self._is_of_now(reader, head):
                self._keep(head, aside, written, made_anew_bytes)
                if not self._is_of_now(reader, head):  # replaced, and forgotten a moment too early
                    self.forget()
            file.seek(0)
        except BaseException:
            file.close()
            raise
        finally:
            aside.unlink(missing_ok=True)
        return file

    def _is_of_now(self, reader: ObjectReader, head: bytes) -> bool:
        """Whether the branch still stands at `head`, or later (checklist F7)."""
        tip = self._tip()
        return tip is not None and is_ancestor(reader, head, tip.encode("ascii"))

    def _keep(self, head: bytes, aside: Path, written: Written, made_anew_bytes: int) -> None:
        """Give a written pack its name, and forget the others. The list of ids comes first: where
        there is a pack, there is its list."""
        path = self._path(head)
        ids_aside = aside.with_name(f"ids-{aside.name}")
        size_bytes = made_anew_bytes or written.size_bytes
        ids = PackIds.of(written.records, written.checksum, made_anew_bytes=size_bytes)
        try:
            ids.write(ids_aside)
            ids_aside.rename(path.with_suffix(".ids"))
        finally:
            ids_aside.unlink(missing_ok=True)
        aside.rename(path)
        self._remove_all_but(head)

    # ------------------------------------------------------------------ what is there

    def _all(self) -> list[tuple[bytes, Path]]:
        """The kept packs, the last used first."""
        found = []
        for path in self._folder.iterdir():
            match = _PACK.fullmatch(path.name)
            if match:
                with suppress(FileNotFoundError):
                    found.append((path.stat().st_mtime, match.group(1).encode("ascii"), path))
        return [(head, path) for _, head, path in sorted(found, reverse=True)]

    def _remove_all_but(self, head: bytes) -> None:
        old = time.time() - _ASIDE_SECONDS
        for path in list(self._folder.iterdir()):
            is_ours = path.suffix in (".pack", ".ids", _ASIDE_SUFFIX)
            if not is_ours or path.stem == head.decode("ascii"):
                continue
            with suppress(FileNotFoundError):
                if path.suffix != _ASIDE_SUFFIX or path.stat().st_mtime < old:
                    path.unlink()


_NONE: Ids = frozenset[bytes]()
