"""Imports that were checked and wait for a person to say yes.

A staged import is the folder ``$home/run/staged-<id>`` with the private repository and what is
known about it. It belongs to one person and one wiki, is used once, and is gone after an hour. A
person has one at most; staging another one replaces it. It is built in a workspace and leaves into
one, by renames, so that what a killed process leaves is removed as any import's.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from .checks import Contents
from .errors import Problem, TransferRefused
from .importing import Checked
from .workspace import Workspace, workspace

KEPT_SECONDS = 3600
FREE_BYTES = 1_000_000_000  # left on the disk at least, whatever is staged
REPOSITORY = "repo.git"
_PREFIX = "staged-"
_ID = re.compile(r"[0-9a-f]{32}")
_ABOUT = "about.json"
_CLOCK_SLACK_SECONDS = 60


class NotStaged(Exception):
    """No import of that person waits under that id for that wiki; the message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "That import is not here any more: it was used, replaced by a newer one, or is older"
            " than an hour. Start again."
        )


@dataclass(frozen=True)
class Staged:
    """A checked import that waits.

    ``shown`` is what the person named; ``taken_off`` is the folder around everything that is not
    part of the paths; ``notes`` say what will look different; ``staged_at`` is in seconds since
    the epoch.
    """

    did: str
    slug: str
    staged_at: float
    shown: str
    checked: Checked
    taken_off: str = ""
    notes: tuple[str, ...] = ()


def stage(
    run_folder: Path, did: str, now: datetime, build: Callable[[Path], Staged]
) -> tuple[str, Staged]:
    """Build an import in an empty folder and keep it for its person; returns its id and itself.

    `build` puts the repository ``repo.git`` into the folder and says what it is. An earlier import
    of the person is gone first. Raises :class:`TransferRefused`, also what `build` raises.
    """
    remove_expired(run_folder, now)
    _discard_all_of(run_folder, did)
    if shutil.disk_usage(run_folder).free < FREE_BYTES:
        raise TransferRefused("the server has too little room for an import right now")
    staged_id = secrets.token_hex(16)
    with workspace(run_folder) as work:
        staged = build(work.folder)
        (work.folder / _ABOUT).write_text(json.dumps(asdict(staged)), "ascii")
        os.rename(work.folder, _folder(run_folder, staged_id))
    return staged_id, staged


def look_at(run_folder: Path, staged_id: str, *, did: str, slug: str, now: datetime) -> Staged:
    """The import that waits for this person and wiki; raises :class:`NotStaged` for any other."""
    staged = _read(run_folder, staged_id)
    if staged is None or (staged.did, staged.slug) != (did, slug) or _is_old(staged, now):
        raise NotStaged
    return staged


@contextmanager
def claimed(run_folder: Path, staged_id: str) -> Iterator[Workspace]:
    """A workspace with the import in it, which is gone afterwards: it is used once.

    Raises :class:`NotStaged` where somebody was faster.
    """
    with workspace(run_folder) as work:
        work.folder.rmdir()
        try:
            os.rename(_folder(run_folder, staged_id), work.folder)
        except FileNotFoundError:
            raise NotStaged from None
        yield work


def discard(run_folder: Path, staged_id: str, *, did: str, slug: str, now: datetime) -> None:
    """Remove an import of this person; raises :class:`NotStaged`."""
    look_at(run_folder, staged_id, did=did, slug=slug, now=now)
    _remove(run_folder, staged_id)


def remove_expired(run_folder: Path, now: datetime) -> list[str]:
    """Remove the imports that waited too long or can't be read; returns their folders."""
    removed = []
    for staged_id in _ids(run_folder):
        staged = _read(run_folder, staged_id)
        if staged is None or _is_old(staged, now):
            _remove(run_folder, staged_id)
            removed.append(str(_folder(run_folder, staged_id)))
    return removed


def _discard_all_of(run_folder: Path, did: str) -> None:
    for staged_id in _ids(run_folder):
        staged = _read(run_folder, staged_id)
        if staged is not None and staged.did == did:
            _remove(run_folder, staged_id)


def _remove(run_folder: Path, staged_id: str) -> None:
    """Take it away in one step, so that nobody claims half of it, then remove it."""
    with suppress(NotStaged), claimed(run_folder, staged_id):
        pass


def _is_old(staged: Staged, now: datetime) -> bool:
    age_seconds = now.timestamp() - staged.staged_at
    return not -_CLOCK_SLACK_SECONDS <= age_seconds <= KEPT_SECONDS


def _ids(run_folder: Path) -> list[str]:
    names = [path.name.removeprefix(_PREFIX) for path in run_folder.glob(f"{_PREFIX}*")]
    return [name for name in names if _ID.fullmatch(name)]


def _folder(run_folder: Path, staged_id: str) -> Path:
    return run_folder / f"{_PREFIX}{staged_id}"


def _read(run_folder: Path, staged_id: str) -> Staged | None:
    """What is known about a staged import, None where there is none that can be read."""
    if not _ID.fullmatch(staged_id):
        return None
    try:
        about = json.loads((_folder(run_folder, staged_id) / _ABOUT).read_text("ascii"))
        checked = about.pop("checked")
        contents = checked["contents"]
        return Staged(
            **{**about, "notes": tuple(about["notes"])},
            checked=Checked(
                revision=checked["revision"],
                contents=Contents(**{**contents, "files": tuple(contents["files"])}),
                left_out=tuple(Problem(**problem) for problem in checked["left_out"]),
            ),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
