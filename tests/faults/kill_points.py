"""Ends this process by SIGKILL right before its Nth change of a file.

Changes are counted by an audit hook: files opened for writing, renamed, linked, removed, cut,
touched, folders made and removed. ``os.fsync`` raises no audit event and is wrapped instead, so
that "written, but not put in place" is a state of its own; so are a transaction's statements where
SQLAlchemy is used. An audit hook can't be taken out again: arm it in a process made for one call.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: Audit events that change a file, and how many of their first arguments are paths.
_CHANGES = {
    "os.chmod": 1,
    "os.link": 2,
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.utime": 1,
    "sqlite3.connect": 1,
}


class KillSwitch:
    """Counts this process's changes of files below `folder`; kills it before number `kill_at`.

    With `kill_at` 0 it only counts. `last_words` is called with the step's name before the kill.
    """

    def __init__(self, folder: Path, kill_at: int, last_words: Callable[[str], None]) -> None:
        self.steps: list[str] = []
        self._folder = os.fsencode(folder.resolve())
        self._kill_at = kill_at
        self._last_words = last_words
        self._lock = threading.Lock()

    def arm(self) -> None:
        """Begin to count. There is no way back."""
        fsync = os.fsync

        def counting_fsync(fd: Any) -> None:
            self._step(f"os.fsync {self._name(fd)}")
            fsync(fd)

        os.fsync = counting_fsync
        sys.addaudithook(self._hook)

    def arm_sql(self, engine_class: Any) -> None:
        """Count the statements and commits of SQLAlchemy engines too (`engine_class`: Engine)."""
        from sqlalchemy import event

        def before_statement(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.lstrip()[:6].upper() not in ("SELECT", "PRAGMA"):
                self._step("SQL " + " ".join(statement.split())[:60])

        event.listen(engine_class, "before_cursor_execute", before_statement)
        event.listen(engine_class, "commit", lambda _connection: self._step("SQL COMMIT"))

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _mode, flags = arguments
            if isinstance(flags, int) and flags & _WRITES and self._is_ours(path):
                self._step(f"open {self._name(path)}")
            return
        count = _CHANGES.get(event)
        if count is not None and any(self._is_ours(path) for path in arguments[:count]):
            self._step(f"{event} {' '.join(self._name(path) for path in arguments[:count])}")

    def _is_ours(self, path: Any) -> bool:
        """Descriptors and names relative to one count as ours: no call here works elsewhere."""
        if isinstance(path, int):
            return True
        name = os.fsencode(path)
        return not name.startswith(b"/") or name.startswith(self._folder)

    def _name(self, path: Any) -> str:
        if isinstance(path, int):
            try:
                path = os.readlink(f"/proc/self/fd/{path}")
            except OSError:
                return f"<{path}>"
        name = os.fsencode(path).removeprefix(self._folder)
        return name.decode("utf-8", "replace")

    def _step(self, name: str) -> None:
        with self._lock:  # files may be forced to disk by several threads
            self.steps.append(name)
            if len(self.steps) == self._kill_at:
                self._last_words(name)
                os.kill(os.getpid(), signal.SIGKILL)


def spread(total: int, wanted: int | None) -> list[int]:
    """`wanted` of the numbers 1..`total`, evenly spread, the first and last among them."""
    if wanted is None or wanted >= total:
        return list(range(1, total + 1))
    if wanted == 1:
        return [total]
    return sorted({1 + round(i * (total - 1) / (wanted - 1)) for i in range(wanted)})
