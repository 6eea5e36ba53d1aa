"""What git says of a repository, to compare with."""

from __future__ import annotations

from pathlib import Path

from .served import git


def objects_of(repository: Path, *wanted: str) -> set[str]:
    """Ids of everything that `wanted` (revisions, as git takes them) lead to."""
    said = git("rev-list", "--objects", *wanted, cwd=repository)
    return {line.split()[0] for line in said.split("\n") if line}


def objects_in(repository: Path) -> set[str]:
    """Ids of everything that lies in a repository, used or not."""
    said = git("cat-file", "--batch-check=%(objectname)", "--batch-all-objects", cwd=repository)
    return set(said.split())


def head_of(repository: Path, revision: str = "HEAD") -> str:
    """The full id of a revision."""
    return git("rev-parse", revision, cwd=repository).strip()


def check(repository: Path, *, may_dangle: bool = False) -> None:
    """Raise AssertionError where git finds anything wrong, or anything that nothing leads to."""
    dangling = "--no-dangling" if may_dangle else "--dangling"
    said = git("fsck", "--full", "--strict", "--no-progress", dangling, cwd=repository)
    assert said == "", said


def longest_chain(repository: Path) -> int:
    """How many deltas it takes at most to read an object of the repository's only pack."""
    (index,) = (repository / "objects" / "pack").glob("*.idx")
    said = git("verify-pack", "-v", str(index), cwd=repository)
    chains = [line for line in said.splitlines() if line.startswith("chain length")]
    return max((int(line.split()[3].rstrip(":")) for line in chains), default=0)
