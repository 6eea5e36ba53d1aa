"""Work that no answer waits for: one thread in each process does it, one thing after another.

What is asked for twice while it waits is done once. It is work on derived files only: when the
process ends in the middle of it, another one does it again.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Hashable

_MOST_WAITING = 1000
_log = logging.getLogger(__name__)


class AfterAnswers:
    """A queue with a thread that is started when there is something to do, and in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[Hashable] = set()
        self._queue: queue.SimpleQueue[tuple[Hashable, Callable[[], object]]] = queue.SimpleQueue()
        self._process: int | None = None

    def submit(self, key: Hashable, work: Callable[[], object]) -> None:
        """Do `work` soon, unless `key` is waiting already, or too much is."""
        with self._lock:
            if self._process != os.getpid():  # the thread of a parent does not exist in its child
                self._process = os.getpid()
                self._waiting = set()
                self._queue = queue.SimpleQueue()
                threading.Thread(
                    target=self._run, args=(self._queue,), name="after-answers", daemon=True
                ).start()
            if key in self._waiting or len(self._waiting) >= _MOST_WAITING:
                return
            self._waiting.add(key)
        self._queue.put((key, work))

    def _run(self, waiting: queue.SimpleQueue[tuple[Hashable, Callable[[], object]]]) -> None:
        while True:
            key, work = waiting.get()
            try:
                work()
            except Exception:  # noqa: BLE001 - nobody waits for it, and the next piece is due
                _log.exception("work after an answer failed: %r", key)
            finally:
                del work
                with self._lock:
                    self._waiting.discard(key)

    def wait(self, deadline_seconds: float) -> bool:
        """Whether all that waits is done, once it is or after `deadline_seconds`."""
        deadline = time.monotonic() + deadline_seconds
        while True:
            with self._lock:
                if not self._waiting or self._process != os.getpid():
                    return True
            if time.monotonic() > deadline:
                return False
            threading.Event().wait(0.005)


#: The process's own.
after_answers = AfterAnswers()
