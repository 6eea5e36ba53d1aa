"""Taking a wiki out: a git bundle with its whole history, or a zip of the files as they are now."""

from __future__ import annotations

import os
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from otterwiki_engine.durability import fsync_directory
from otterwiki_engine.git_command import GitFailed
from otterwiki_engine.refs import head_of
from otterwiki_engine.repository import Repository

from .errors import TransferRefused
from .git import Progress

_EARLIEST_ZIP_YEAR = 1980
_CHUNK_BYTES = 1 << 20


def export(repository: Repository, target: Path, progress: Progress) -> int:
    """Write the wiki to `target` (``*.bundle`` or ``*.zip``), which must not exist yet.

    Returns the size in bytes. The file appears under its name only when it is complete. Raises
    :class:`TransferRefused`.
    """
    if target.suffix not in (".bundle", ".zip"):
        raise TransferRefused(
            f"{target} must end in .bundle (the whole history) or .zip (the files as they are now)"
        )
    revision = repository.head()
    if revision is None:
        raise TransferRefused("the wiki has no pages yet, there is nothing to export")
    with _new_file(target) as unfinished:
        if target.suffix == ".bundle":
            write_bundle(repository, unfinished, progress)
        else:
            _write_zip(repository, revision, unfinished, progress)
    return target.stat().st_size


def write_bundle(repository: Repository, path: Path, progress: Progress) -> None:
    """Write the branch HEAD stands for, with its whole history, as a git bundle at `path`."""
    progress("Writing bundle", 0, None)
    branch = head_of(repository.git_dir)[0]
    try:
        repository.git("bundle", "create", "--quiet", str(path), "HEAD", branch)
    except GitFailed as error:
        raise TransferRefused(f"the bundle could not be written: {error}") from None
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _write_zip(repository: Repository, revision: str, path: Path, progress: Progress) -> None:
    snapshot = repository.snapshot(revision)
    moment = datetime.fromtimestamp(repository.commit_object(revision).commit_time, UTC)
    stamp = max(moment.timetuple()[:6], (_EARLIEST_ZIP_YEAR, 1, 1, 0, 0, 0))
    files = snapshot.files()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(files, start=1):
            about = zipfile.ZipInfo(name, stamp)
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = 0o644 << 16
            archive.writestr(about, snapshot.read(name))
            progress("Writing files", number, len(files))
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to; it becomes `target` at the end, if that is still free."""
    if target.exists() or target.is_symlink():
        raise TransferRefused(f"{target} exists already; choose another name or remove it first")
    if not target.parent.is_dir():
        raise TransferRefused(f"{target.parent} is not a folder; make it first")
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        yield unfinished
        try:
            os.link(unfinished, target)
        except FileExistsError:
            raise TransferRefused(f"{target} was made by somebody else meanwhile") from None
        fsync_directory(target.parent)
    except PermissionError:
        raise TransferRefused(f"{target.parent} can't be written to") from None
    finally:
        unfinished.unlink(missing_ok=True)
