"""HEAD and branches, read afresh from disk each time.

dulwich keeps packed refs in memory, which goes wrong beside ``git gc`` in another process.
"""

from __future__ import annotations

import re
from pathlib import Path

from .errors import RepositoryDamaged

_ID = re.compile(r"\A[0-9a-f]{40}\Z")
_MOST_SYMBOLIC_STEPS = 5


def _read(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise RepositoryDamaged(f"{path} does not hold a reference") from error


def branch_of_head(git_dir: Path) -> str:
    """The ref HEAD stands for: ``refs/heads/...``, or ``HEAD`` itself where it is detached."""
    name = "HEAD"
    for _ in range(_MOST_SYMBOLIC_STEPS):
        text = _read(git_dir / name)
        if text is None or not text.startswith("ref: "):
            return name
        name = text[len("ref: ") :].strip()
        if not name.startswith("refs/") or ".." in name.split("/"):
            break
    raise RepositoryDamaged(f"HEAD of {git_dir} is not a branch")


def read_ref(git_dir: Path, name: str) -> str | None:
    """The full commit id `name` points at, or None where it does not exist (no commit yet)."""
    text = _read(git_dir / name)
    if text is None:
        text = _packed(git_dir).get(name)
    if text is None:
        return None
    if not _ID.match(text):
        raise RepositoryDamaged(f"{name} in {git_dir} is not a commit id")
    return text


def _packed(git_dir: Path) -> dict[str, str]:
    text = _read(git_dir / "packed-refs")
    if not text:
        return {}
    rows = (line.split(" ", 1) for line in text.splitlines() if line and line[0] not in "#^")
    return {name: commit_id for commit_id, name in rows}
