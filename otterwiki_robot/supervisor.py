"""`robot serve`: one process that starts the parts of the farm and keeps them running.

A part that dies is started again; one that keeps dying ends everything with exit code 1, so that
whoever started the supervisor notices. SIGTERM and SIGINT are passed on, and the supervisor
leaves when every part has.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)

_STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
_WATCHED = _STOPPING | {signal.SIGCHLD, signal.SIGHUP}
_PR_SET_PDEATHSIG = 1
_Mask = set[int | signal.Signals]


@dataclass(frozen=True)
class Part:
    """One process of the farm: its name in log lines and the arguments of `robot` that run it."""

    name: str
    arguments: tuple[str, ...]


PARTS: tuple[Part, ...] = (Part("web", ("web",)),)


@dataclass
class _Running:
    part: Part
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    quick_deaths: int = 0
    start_again_at: float | None = field(default=None)


class Supervisor:
    """Runs `parts` as child processes of this one until it is told to stop.

    `command` is put before each part's arguments. A part that dies within `quick_seconds` of its
    start, `max_quick_deaths` times in a row, is given up. On stopping, children get
    `stop_seconds` before they are killed. `clock` returns seconds and never goes back.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        stop_seconds: float,
        quick_seconds: float = 10.0,
        max_quick_deaths: int = 3,
        restart_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._running = [_Running(part) for part in parts]
        self._command = list(command)
        self._environment = dict(environment)
        self._stop_seconds = stop_seconds
        self._quick_seconds = quick_seconds
        self._max_quick_deaths = max_quick_deaths
        self._restart_seconds = restart_seconds
        self._clock = clock

    def run(self) -> int:
        """Start everything and wait; returns the exit code: 0 when told to stop, else 1."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        try:
            for running in self._running:
                self._start(running, mask)
            while True:
                received = signal.sigtimedwait(_WATCHED, self._next_wait())
                if received is not None and received.si_signo in _STOPPING:
                    _log.info("stopping", extra={"fields": {"signal": received.si_signo}})
                    return 0
                if received is not None and received.si_signo == signal.SIGHUP:
                    self._signal_all(signal.SIGHUP)
                if not self._look_after(mask):
                    return 1
        finally:
            self._stop()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _start(self, running: _Running, mask: _Mask) -> None:
        parent = os.getpid()

        def in_child() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            _die_with(parent)

        # The supervisor has one thread only, so preexec_fn can't meet a held lock.
        running.process = subprocess.Popen(
            [*self._command, *running.part.arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C reaches the supervisor only, which then stops its parts
            preexec_fn=in_child,
        )
        running.started = self._clock()
        running.start_again_at = None
        _log.info(
            "part started",
            extra={"fields": {"part": running.part.name, "pid": running.process.pid}},
        )

    def _look_after(self, mask: _Mask) -> bool:
        """Notice deaths and start again what is due; False when a part has to be given up."""
        now = self._clock()
        for running in self._running:
            process = running.process
            if process is not None and process.poll() is not None:
                running.process = None
                quick = now - running.started < self._quick_seconds
                running.quick_deaths = running.quick_deaths + 1 if quick else 0
                fields = {"part": running.part.name, "exit_code": process.returncode}
                if quick and running.quick_deaths >= self._max_quick_deaths:
                    _log.error("part keeps dying, giving up", extra={"fields": fields})
                    return False
                _log.warning("part died, starting it again", extra={"fields": fields})
                running.start_again_at = now + self._restart_seconds
            if running.start_again_at is not None and running.start_again_at <= now:
                self._start(running, mask)
        return True

    def _next_wait(self) -> float:
        """Seconds until something is due; a minute when nothing is."""
        due = [r.start_again_at for r in self._running if r.start_again_at is not None]
        return max(0.0, min(due) - self._clock()) if due else 60.0

    def _signal_all(self, number: signal.Signals) -> None:
        for running in self._running:
            if running.process is not None and running.process.poll() is None:
                running.process.send_signal(number)

    def _stop(self) -> None:
        self._signal_all(signal.SIGTERM)
        deadline = self._clock() + self._stop_seconds
        for running in self._running:
            if running.process is None:
                continue
            try:
                running.process.wait(max(0.1, deadline - self._clock()))
            except subprocess.TimeoutExpired:
                _log.error(
                    "part did not stop in time", extra={"fields": {"part": running.part.name}}
                )
                running.process.kill()
                running.process.wait()


def _die_with(parent: int) -> None:
    """Ask Linux to end this process when its parent dies, even by SIGKILL; elsewhere do nothing."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the request above
        os.kill(os.getpid(), signal.SIGTERM)
