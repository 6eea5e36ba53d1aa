"""What a repository holds, as the git command says it: nothing here uses the code under test."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}
_RECORD, _FIELD = "\x1e", "\x1f"


@dataclass(frozen=True)
class CommitFacts:
    """One commit. `blobs` maps the paths that differ from its first parent to blob ids.

    A removed path maps to None; renames are not detected, so they show as removed and added.
    """

    revision: str
    parents: tuple[str, ...]
    author: tuple[str, str]
    message: str
    blobs: dict[str, str | None]


@dataclass(frozen=True)
class WikiOnDisk:
    """A wiki's folder: a work tree with its ``.git``, or the farm's with ``repo.git`` in it."""

    folder: Path

    @property
    def has_work_tree(self) -> bool:
        """Whether this is a stock Otterwiki's repository."""
        return (self.folder / ".git").is_dir()

    @property
    def git_dir(self) -> Path:
        """Where git keeps objects and refs."""
        return self.folder / (".git" if self.has_work_tree else "repo.git")

    @property
    def state_dir(self) -> Path:
        """Where the engine keeps its lock and what is derived."""
        return self.git_dir / "otterwiki" if self.has_work_tree else self.folder

    def git(self, *arguments: str, check: bool = True) -> str:
        """Standard output of a git command in this repository."""
        place = self.folder if self.has_work_tree else self.git_dir
        done = subprocess.run(
            ["git", *arguments], cwd=place, env=_ENVIRONMENT, capture_output=True, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.decode()}")
        return done.stdout.decode("utf-8", "surrogateescape")

    def head(self) -> str:
        """Full id of the commit HEAD stands at, "" while there is none."""
        return self.git("rev-parse", "--verify", "--quiet", "HEAD", check=False).strip()

    def tree(self, revision: str = "HEAD") -> dict[str, str]:
        """All files of a commit: path -> blob id."""
        listed = self.git("ls-tree", "-r", "-z", revision).split("\0")
        rows = (row.split("\t", 1) for row in listed if row)
        return {path: about.split()[2] for about, path in rows}

    def commits(self, *revisions: str) -> list[CommitFacts]:
        """The commits `git log` lists for `revisions` (default HEAD), newest first."""
        wanted = _FIELD.join(["%H", "%P", "%an", "%ae", "%B", ""])
        text = self.git(
            *("log", "--topo-order", "--raw", "--no-abbrev", "--no-renames", "-z", "-m"),
            *("--first-parent", f"--format={_RECORD}{wanted}", *(revisions or ("HEAD",))),
        )
        return [_parse_commit(record) for record in text.split(_RECORD)[1:]]

    def reachable(self) -> set[str]:
        """Full ids of all commits reachable from HEAD."""
        return set(self.git("rev-list", "HEAD").split()) if self.head() else set()

    def fsck(self) -> str:
        """What `git fsck --full --strict` complains of; "" when it is content."""
        done = subprocess.run(
            ["git", "fsck", "--full", "--strict", "--no-dangling", "--no-progress"],
            cwd=self.git_dir,
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        return said if done.returncode or said.strip() else ""

    def status(self) -> str:
        """`git status --porcelain`: "" when files and index agree with HEAD."""
        return self.git("status", "--porcelain", "--untracked-files=all")

    def leftovers(self) -> list[str]:
        """Lock and journal files, relative to the folder: none are there while nobody writes.

        Files that are locked by flock stay for good and are no leftovers; git's locks are.
        """
        found = [path for path in self.git_dir.rglob("*.lock") if path.parent != self.state_dir]
        found += (self.state_dir / "held").glob("*")
        found += self.state_dir.glob("journal*")
        if self.has_work_tree:
            found += (path for path in self.folder.rglob(".otterwiki-*"))
        return sorted(str(path.relative_to(self.folder)) for path in found)


def blob_id(content: bytes) -> str:
    """The id git gives to a file of this content."""
    return sha1(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()


def _parse_commit(record: str) -> CommitFacts:
    revision, parents, name, email, message, raw = record.split(_FIELD, 5)
    blobs: dict[str, str | None] = {}
    parts = [part for part in raw.replace("\n", "").split("\0") if part]
    for about, path in zip(parts[::2], parts[1::2], strict=True):
        _old_mode, _new_mode, _old, new, _letter = about.lstrip(":").split()
        blobs[path] = None if not new.strip("0") else new
    return CommitFacts(revision, tuple(parents.split()), (name, email), message, blobs)
