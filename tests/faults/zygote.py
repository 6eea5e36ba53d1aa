"""A process that has imported everything and opened nothing, and forks one child a call.

``python -m tests.faults.zygote MODULE`` reads one call a line (JSON) from standard input: the name
of a function of MODULE, its arguments, and at which step its process is to be killed. Each call
runs in a child of its own, so what it did is all on disk. :class:`Zygote` is the caller's end.

A zygote has one thread: what it forks has no lock held by a thread that is not there.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

from .kill_points import KillSwitch

ROOT = Path(__file__).resolve().parents[2]
_CALL_SECONDS = 60
_START_SECONDS = 120.0


class ZygoteError(Exception):
    """A call failed otherwise than by the kill that was asked for; the message has its trace."""


@dataclass(frozen=True)
class Outcome:
    """How a call ended. `killed_before` names the step it was killed before, "" if it was not.

    `result` is what the function returned (None when killed), `steps` the changes of files it made.
    """

    result: Any
    killed_before: str
    steps: tuple[str, ...]
    seconds: float


class Zygote:
    """Starts ``tests.faults.zygote`` and calls into it; a context manager that ends it."""

    def __init__(self, module: str, log: Path, environment: dict[str, str] | None = None) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.zygote", module],
                cwd=ROOT,
                env=kept | (environment or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._buffer = b""
        try:
            self._read(_START_SECONDS)
        except BaseException:
            self.close()
            raise

    def call(self, function: str, *, kill_at: int = 0, **arguments: Any) -> Outcome:
        """Run `function` in a fresh process; `arguments["folder"]` is where steps are counted.

        Raises :class:`ZygoteError` when the function raises or the process ends by itself.
        """
        message = {"function": function, "kill_at": kill_at, "arguments": arguments}
        if self._process.stdin is None:
            raise ZygoteError("the zygote has no input")
        start = time.monotonic()
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._read(_CALL_SECONDS + 10.0)
        seconds = time.monotonic() - start
        if "error" in answer:
            raise ZygoteError(f"{function}: {answer['error']}")
        return Outcome(answer["result"], answer["killed_before"], tuple(answer["steps"]), seconds)

    def close(self) -> None:
        """Close its input, upon which it leaves; kill it if it does not within 5 s."""
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

    def _read(self, timeout_seconds: float) -> dict[str, Any]:
        if self._process.stdout is None:
            raise ZygoteError("the zygote has no output")
        deadline = time.monotonic() + timeout_seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                data = b""
                if selector.select(max(0.0, deadline - time.monotonic())):
                    data = os.read(self._process.stdout.fileno(), 65536)
                if not data:
                    tail = self._log.read_text("utf-8", "replace").splitlines()[-30:]
                    raise ZygoteError("the zygote does not answer:\n" + "\n".join(tail))
                self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


# ---------------------------------------------------------------------- inside the process


def _serve(module: ModuleType) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the code under test prints goes to the log
    if threading.active_count() != 1:
        threads = [thread.name for thread in threading.enumerate()]
        raise ZygoteError(f"importing {module.__name__} started threads: {threads}")
    gc.freeze()
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_run(module, json.loads(line))), file=answers, flush=True)


def _run(module: ModuleType, message: dict[str, Any]) -> dict[str, Any]:
    """Fork, let the child run the call, and say how it ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.alarm(_CALL_SECONDS)
        _child(module, message, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    answer: dict[str, Any] = {"killed_before": "", "steps": [], "result": None}
    answer |= json.loads(said or b"{}")
    wanted = signal.SIGKILL if answer["killed_before"] else 0
    if "error" not in answer and status != wanted:
        answer["error"] = f"the process ended with wait status {status}"
    return answer


def _child(module: ModuleType, message: dict[str, Any], writer: int) -> None:
    def say(answer: dict[str, Any]) -> None:
        os.write(writer, json.dumps(answer).encode())

    try:
        arguments = message["arguments"]
        switch = KillSwitch(
            Path(arguments["folder"]),
            message["kill_at"],
            lambda step: say({"killed_before": step}),
        )
        function = getattr(module, message["function"])
        if arm_more := getattr(module, "arm_more", None):
            arm_more(switch)
        result = _run_armed(function, arguments, switch)
        say({"result": result, "steps": switch.steps})
    except BaseException:  # noqa: BLE001  (the parent raises it)
        say({"error": traceback.format_exc(limit=-12)})
    finally:
        os._exit(0)


def _run_armed(function: Callable[..., Any], arguments: dict[str, Any], switch: KillSwitch) -> Any:
    """Call `function` with the switch armed; a generator is armed at its first `yield` only."""
    if not inspect.isgeneratorfunction(function):
        switch.arm()
        return function(**arguments)
    prepared = function(**arguments)
    next(prepared)
    switch.arm()
    try:
        next(prepared)
    except StopIteration as stop:
        return stop.value
    raise ZygoteError("the call yields more than once")


if __name__ == "__main__":
    _serve(importlib.import_module(sys.argv[1]))
