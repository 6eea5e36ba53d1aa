"""Whether the farm can do its work: database, repository root, disk. Used by /health and doctor."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOW_DISK_BYTES = 200_000_000  # below this a save may soon fail; it is time to act


@dataclass(frozen=True)
class Probe:
    """One answer: what was looked at, whether it is fine, and for operators what was seen."""

    name: str
    ok: bool
    detail: str


def check_health(ask_database: Callable[[], object], wikis_folder: Path) -> list[Probe]:
    """Look at everything a request needs; never raises, a probe that fails is an answer.

    `ask_database` runs a cheap query and raises when it can't.
    """
    return [_database(ask_database), _repositories(wikis_folder), _disk(wikis_folder)]


def _database(ask_database: Callable[[], object]) -> Probe:
    try:
        ask_database()
    except Exception as error:  # noqa: BLE001  (whatever it is, the answer is "not healthy")
        return Probe("database", False, f"{type(error).__name__}: {error}")
    return Probe("database", True, "answers")


def _repositories(folder: Path) -> Probe:
    if not folder.is_dir():
        return Probe("repositories", False, f"{folder} is missing; run robot init")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Probe("repositories", False, f"{folder} can't be written to")
    return Probe("repositories", True, "writable")


def _disk(folder: Path) -> Probe:
    try:
        free = shutil.disk_usage(folder if folder.is_dir() else folder.parent).free
    except OSError as error:
        return Probe("disk", False, str(error))
    detail = f"{free // 1_000_000} MB free"
    return Probe("disk", free >= LOW_DISK_BYTES, detail)
