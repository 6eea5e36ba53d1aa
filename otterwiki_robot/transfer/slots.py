"""How many imports and exports run at once: few in all, one for each person, in all processes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from otterwiki_engine.errors import RepositoryBusy, RepositoryGone
from otterwiki_engine.locks import WikiLock

from .errors import TransferRefused

AT_ONCE = 2


@contextmanager
def transfer_slot(run_folder: Path, did: str) -> Iterator[None]:
    """The right to read an import, or write an export, now.

    Nobody waits in a web worker's thread: raises :class:`TransferRefused` where there is no slot.
    The locks are flocks, so a process that dies gives its slot back.
    """
    run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    person = hashlib.sha256(did.encode("utf-8")).hexdigest()[:16]
    with ExitStack() as held:
        if not _take(held, run_folder / f"transfer-{person}.lock"):
            raise TransferRefused(
                "another import or export of yours is still running; wait until it is done"
            )
        if not any(
            _take(held, run_folder / f"transfer-slot-{number}.lock") for number in range(AT_ONCE)
        ):
            raise TransferRefused(
                "the server is busy with other people's imports; try again in a minute"
            )
        yield


def _take(held: ExitStack, path: Path) -> bool:
    try:
        held.enter_context(WikiLock(path, timeout_seconds=0))
    except (RepositoryBusy, RepositoryGone):
        return False
    return True
