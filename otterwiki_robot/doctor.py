"""`robot doctor`: looks at everything a farm stands on, and says what to do about what is wrong."""

from __future__ import annotations

import enum
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from otterwiki_engine.errors import EngineError
from otterwiki_tenant import wikis
from otterwiki_tenant.errors import RegistryBehind, TenantError
from otterwiki_tenant.layout import repository_of
from otterwiki_tenant.wikis import WikiRecord

from .health import LOW_DISK_BYTES
from .installation import Installation
from .transfer.git import Progress
from .transfer.public_fetching import OLDEST_GIT_FOR_URLS, git_version

STALE_LOCK_SECONDS = 60
OLDEST_GIT = (2, 36)  # core.fsync
_SQLITE_WAL_FIRST = (3, 7, 0)
_SQLITE_WAL_LAST = (3, 51, 2)
_SQLITE_WAL_FIXED = ((3, 44, 6), (3, 50, 7))


class Level(enum.Enum):
    """How bad a finding is; FAIL means that something does not work or may be lost."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was seen, and for all but OK what to do."""

    level: Level
    subject: str
    message: str
    advice: str = ""


def examine(installation: Installation, *, fsck: bool, progress: Progress) -> Iterator[Finding]:
    """Look at everything, one finding after the other; `fsck` lets git read every object too."""
    yield _python()
    yield _git()
    yield sqlite_finding(sqlite3.sqlite_version_info)
    if not installation.settings.dev:
        yield _abuse_contact(installation)
    home_findings = list(_home(installation))
    yield from home_findings
    if any(finding.level is Level.FAIL for finding in home_findings):
        return
    registry = _registry(installation)
    yield registry
    if registry.level is Level.FAIL:
        return
    yield from _leftovers(installation)
    with installation.farm.database.reading() as session:
        records = wikis.all_wikis(session)
    for number, record in enumerate(records):
        progress("Looking at wikis", number, len(records))
        yield from _wiki(installation, record, fsck)
    progress("Looking at wikis", len(records), len(records))


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding(Level.OK, "Python", version)


def _git() -> Finding:
    try:
        said = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return Finding(Level.FAIL, "git", "can't be run", "install git")
    words = said.stdout.split()
    number = words[2] if len(words) > 2 else "0"
    version = tuple(int(part) for part in number.split(".")[:2] if part.isdigit())
    if version < OLDEST_GIT:
        return Finding(
            Level.WARN,
            "git",
            f"{number} does not sync all it writes to disk",
            "install git 2.36 or newer",
        )
    if git_version() < OLDEST_GIT_FOR_URLS:
        return Finding(
            Level.WARN,
            "git",
            f"{number} can't be kept to one address: imports from a URL are refused",
            "install git 2.37 or newer",
        )
    return Finding(Level.OK, "git", number)


def sqlite_finding(version: tuple[int, ...]) -> Finding:
    """Whether the SQLite of that version has the WAL-reset bug."""
    shown = ".".join(str(part) for part in version[:3])
    fixed = any(version[:2] == good[:2] and version >= good for good in _SQLITE_WAL_FIXED)
    if _SQLITE_WAL_FIRST <= tuple(version[:3]) <= _SQLITE_WAL_LAST and not fixed:
        return Finding(
            Level.WARN,
            "SQLite",
            f"{shown} has the WAL-reset bug: when one process writes while another one resets the"
            " log, the database may, very rarely, be damaged",
            "use a Python built with SQLite 3.51.3, 3.50.7 or 3.44.6, and keep backups of data/",
        )
    return Finding(Level.OK, "SQLite", shown)


def _abuse_contact(installation: Installation) -> Finding:
    contact = installation.settings.abuse_contact
    if contact:
        return Finding(Level.OK, "abuse contact", contact)
    return Finding(
        Level.WARN,
        "abuse contact",
        "nobody is named to whom abuse is reported, or whom a suspended person can ask",
        "set ROBOT_ABUSE_CONTACT to a mail address or an https URL",
    )


def _home(installation: Installation) -> Iterator[Finding]:
    layout = installation.bare_farm.layout
    home = layout.home
    missing = [path for path in (*layout.folders(), layout.signing_key) if not path.exists()]
    if missing:
        yield Finding(Level.FAIL, "home", f"{missing[0]} is missing", "run: robot init")
        return
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o022:
        advice = f"run: chmod go-w {home}"
        yield Finding(Level.WARN, "home", f"{home} can be written to by other users", advice)
    else:
        yield Finding(Level.OK, "home", str(home))
    for key in (layout.signing_key, layout.secret_key):
        if not key.exists():
            yield Finding(Level.FAIL, "keys", f"{key} is missing", "restore it, or run: robot init")
        elif stat.S_IMODE(key.stat().st_mode) & 0o077:
            advice = f"run: chmod 600 {key}, and make a new key if others may have read it"
            yield Finding(Level.FAIL, "keys", f"{key} can be read by other users", advice)
        else:
            yield Finding(Level.OK, "keys", f"{key.name} is private")
    free = shutil.disk_usage(home).free
    shown = f"{free // 1_000_000} MB free"
    if free < LOW_DISK_BYTES:
        yield Finding(Level.FAIL, "disk", shown, "make room; saves will be refused soon")
    else:
        yield Finding(Level.OK, "disk", shown)


def _registry(installation: Installation) -> Finding:
    try:
        _ = installation.farm
    except RegistryBehind as error:
        return Finding(Level.FAIL, "registry", str(error), "run: robot upgrade")
    except (TenantError, SQLAlchemyError) as error:
        reason = str(error).partition("\n[SQL:")[0]
        return Finding(
            Level.FAIL, "registry", f"does not answer: {reason}", "check ROBOT_DATABASE_URL"
        )
    return Finding(Level.OK, "registry", "answers, and its tables are up to date")


def _leftovers(installation: Installation) -> Iterator[Finding]:
    removed = installation.clean_up()
    stray = installation.farm.recover().stray
    for what in removed:
        yield Finding(Level.OK, "leftovers", f"removed what a killed command left: {what}")
    for name in stray:
        folder = installation.farm.layout.wikis / name
        yield Finding(
            Level.WARN,
            "wikis",
            f"the registry knows no wiki for the folder {folder}",
            "restore the registry it belongs to, or move the folder away",
        )


def _wiki(installation: Installation, record: WikiRecord, fsck: bool) -> Iterator[Finding]:
    subject = f"wiki {record.slug}"
    folder = installation.farm.layout.wiki(record.slug)
    if not folder.is_dir():
        advice = f"restore it from a backup, or run: robot wiki delete {record.slug}"
        yield Finding(Level.FAIL, subject, f"{folder} is missing", advice)
        return
    for lock in _stale_locks(repository_of(folder)):
        advice = "if no git command is at work there, remove the file"
        yield Finding(Level.WARN, subject, f"{lock} may stop saves", advice)
    try:
        opened = installation.farm.opened(record)
        repository = opened.wiki.repository
        head = repository.head()
        snapshot = repository.snapshot()
        for path in snapshot.files()[:1]:
            snapshot.read(path)
        if fsck:
            repository.git("fsck", "--full", "--no-dangling", "--no-progress")
    except (EngineError, OSError) as error:
        advice = f"restore {folder}/repo.git from a backup or a clone"
        yield Finding(Level.FAIL, subject, f"its repository can't be read: {error}", advice)
        return
    try:
        opened.wiki.history.catch_up()
        commits = opened.wiki.history.count()
    except (sqlite3.Error, EngineError, OSError) as error:
        advice = f"remove {folder}/index.db*; it is made again"
        yield Finding(
            Level.FAIL, subject, f"its index can't be brought up to date: {error}", advice
        )
        return
    pages = sum(path.endswith(".md") for path in snapshot.files())
    at = f"at {head[:10]}" if head else "without a commit"
    yield Finding(Level.OK, subject, f"{at}, {pages} pages, {commits} commits indexed")


def _stale_locks(git_dir: Path) -> list[Path]:
    """Lock files of git that are older than any command takes to move a branch."""
    found = [*git_dir.glob("*.lock"), *(git_dir / "refs").rglob("*.lock")]
    oldest = time.time() - STALE_LOCK_SECONDS
    return [path for path in found if path.exists() and path.stat().st_mtime < oldest]
