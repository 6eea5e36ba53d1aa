"""What the last commits did to the index, to notice when git has put an old index back.

``git commit`` reads the index before it locks it. :meth:`.locks.GitLock.publish` keeps the lock a
moment longer to shut such a command out; one that was suspended for longer still gets through, and
the person's next commit would take our change out again. So the next save looks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

_KEPT = 100
_REMEMBERED_SECONDS = 2.0  # later on, an old version in the index is somebody's own doing


@dataclass(frozen=True)
class Change:
    """One file of one commit: its blob before and after (None: no file), and when that was."""

    path: str
    old: str | None
    new: str | None
    at: float


class RecentCommits:
    """The changes of the last seconds, in a small file beside the lock; losing it is harmless."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def changes(self) -> dict[str, tuple[frozenset[str | None], str | None]]:
        """For each path changed within the last seconds: the blobs it had, and the one it got."""
        now = time.time()
        found: dict[str, tuple[frozenset[str | None], str | None]] = {}
        for change in self._read():
            if 0 <= now - change.at <= _REMEMBERED_SECONDS:
                earlier, _ = found.get(change.path, (frozenset(), None))
                found[change.path] = (earlier | {change.old}, change.new)
        return found

    def add(self, changes: Mapping[str, tuple[str | None, str | None]]) -> None:
        """Remember what a commit did: path -> (old blob, new blob)."""
        now = time.time()
        rows = [*self._read(), *(Change(path, *blobs, now) for path, blobs in changes.items())]
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps([asdict(row) for row in rows[-_KEPT:]]), "utf-8")
        temporary.replace(self._path)

    def _read(self) -> list[Change]:
        try:
            return [Change(**row) for row in json.loads(self._path.read_text("utf-8"))]
        except (FileNotFoundError, ValueError, TypeError):
            return []  # never written, or cut off by a power failure
