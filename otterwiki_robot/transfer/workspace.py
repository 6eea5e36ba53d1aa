"""The private folder an import works in, and what a killed import leaves behind.

The folder `$home/run/import-<id>` is guarded by the flock of `$home/run/import-<id>.lock`, which
the kernel releases when the importing process dies. A folder, or a temporary ref in a wiki, whose
lock can be taken belongs to nobody any more.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from otterwiki_engine import git_command
from otterwiki_engine.errors import RepositoryBusy, RepositoryGone
from otterwiki_engine.locks import WikiLock

REFS_PREFIX = "refs/robot"
_NAME = re.compile(r"import-[0-9a-f]{16}")


@dataclass(frozen=True)
class Workspace:
    """A private, empty folder and the ref that may be used for it inside a wiki's repository."""

    name: str
    folder: Path

    @property
    def ref(self) -> str:
        """The temporary ref that keeps the fetched objects alive inside the wiki."""
        return f"{REFS_PREFIX}/{self.name}"


@contextmanager
def workspace(run_folder: Path) -> Iterator[Workspace]:
    """A private folder below `run_folder`, gone with everything in it at the end."""
    run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"import-{secrets.token_hex(8)}"
    lock_file = run_folder / f"{name}.lock"
    folder = run_folder / name
    with WikiLock(lock_file):
        try:
            folder.mkdir(mode=0o700)
            yield Workspace(name, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=False) if folder.exists() else None
            lock_file.unlink(missing_ok=True)


def remove_leftovers(run_folder: Path, git_dirs: Iterable[Path]) -> list[str]:
    """Remove folders and temporary refs of imports whose process is gone; returns what was removed.

    `git_dirs` are the wikis' repositories. Running imports are not disturbed.
    """
    removed: list[str] = []
    names = {path.stem for path in run_folder.glob("import-*")} if run_folder.is_dir() else set()
    refs: dict[str, list[Path]] = {}
    for git_dir in git_dirs:
        for name in _refs_in(git_dir):
            refs.setdefault(name, []).append(git_dir)
    for name in sorted(names | set(refs)):
        if not _NAME.fullmatch(name):
            continue
        lock_file = run_folder / f"{name}.lock"
        try:
            with WikiLock(lock_file, timeout_seconds=0):
                for git_dir in refs.get(name, []):
                    git_command.run(git_dir, "update-ref", "-d", f"{REFS_PREFIX}/{name}")
                    removed.append(f"{git_dir}: {REFS_PREFIX}/{name}")
                if (run_folder / name).exists():
                    shutil.rmtree(run_folder / name)
                    removed.append(str(run_folder / name))
                lock_file.unlink(missing_ok=True)
        except (RepositoryBusy, RepositoryGone):
            continue  # it is running, or has just ended by itself
    return removed


def _refs_in(git_dir: Path) -> list[str]:
    """Names of the temporary refs in a repository; looks at git's files first, as it is cheap."""
    loose = git_dir / REFS_PREFIX
    packed = git_dir / "packed-refs"
    if not loose.is_dir() and not (
        packed.is_file() and f" {REFS_PREFIX}/".encode() in packed.read_bytes()
    ):
        return []
    listed = git_command.run(git_dir, "for-each-ref", "--format=%(refname)", REFS_PREFIX)
    return [line.removeprefix(f"{REFS_PREFIX}/") for line in listed.splitlines()]
