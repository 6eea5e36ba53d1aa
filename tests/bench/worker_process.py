"""The harness's end of a worker process."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .messages import ROOT, BenchError, WorkerConfig

_DEADLINE_SECONDS = 120.0


def clean_environment(settings: dict[str, str]) -> dict[str, str]:
    """The environment of workers and commands: `settings` and what a process needs, nothing else.

    Otterwiki and the farm read their settings from the environment; the caller's are left out so
    that every run compares the same two things.
    """
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | settings


class WorkerProcess:
    """A started worker; a context manager that ends it. One message is under way at a time."""

    def __init__(self, config: WorkerConfig, settings: dict[str, str], log: Path) -> None:
        """Start it and wait until it is ready. Its standard error goes to the file `log`.

        Raises BenchError when it ends or does not answer within two minutes.
        """
        self.config = config
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.worker", json.dumps(asdict(config))],
                cwd=ROOT,
                env=clean_environment(settings),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._buffer = b""
        try:
            self.ready = self._read()
        except BaseException:
            self.close()
            raise

    def call(self, op: str, **arguments: Any) -> dict[str, Any]:
        """Send one message and return its answer. Raises BenchError for an error answer."""
        stdin = self._process.stdin
        if stdin is None:
            raise BenchError("the worker has no input")
        try:
            stdin.write(json.dumps({"op": op, **arguments}).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise BenchError(self._ended()) from None
        answer = self._read()
        if "error" in answer:
            raise BenchError(
                f"{self.config.side}: {answer['error']}; its log ends with\n{self._tail()}"
            )
        return answer

    def close(self) -> None:
        """End the process: its input is closed; if it does not leave within 5 s it is killed."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self) -> dict[str, Any]:
        stdout = self._process.stdout
        if stdout is None:
            raise BenchError("the worker has no output")
        deadline = time.monotonic() + _DEADLINE_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise BenchError(f"{self.config.side}: no answer; its log is\n{self._tail()}")
                data = os.read(stdout.fileno(), 65536)
                if not data:
                    raise BenchError(self._ended())
                self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self) -> str:
        return f"{self.config.side}: the worker has ended; its log is\n{self._tail()}"

    def _tail(self) -> str:
        return "\n".join(self._log.read_text("utf-8", errors="replace").splitlines()[-30:])
