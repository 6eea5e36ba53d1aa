"""The supervisor: starts parts again, passes signals on, gives up on what keeps dying."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DEADLINE_SECONDS = 20.0

_MAIN = """
import sys
from otterwiki_robot.supervisor import Part, Supervisor
import os
code = Supervisor(
    [Part(name, (name,)) for name in sys.argv[2:]],
    [sys.executable, "-c", sys.argv[1]],
    os.environ,
    stop_seconds=5,
    quick_seconds=float(os.environ["QUICK"]),
    restart_seconds=0.05,
).run()
sys.exit(code)
"""
_STAYS = """
import os, signal, sys
with open(os.environ["FOLDER"] + "/" + sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
def leave(number, frame):
    with open(os.environ["FOLDER"] + "/stopped", "a") as file:
        file.write(sys.argv[1] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
while True:
    signal.pause()
"""
_DIES = "import sys; sys.exit(3)"


def wait_for(condition: Callable[[], bool]) -> None:
    """Poll until `condition` holds; fail after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Runs a supervisor over `program` with the named parts."""
    started: list[subprocess.Popen[bytes]] = []

    def run(program: str, *parts: str, quick: float = 0) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "FOLDER": str(tmp_path), "QUICK": str(quick)}
        process = subprocess.Popen([sys.executable, "-c", _MAIN, program, *parts], env=environment)
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def pids(folder: Path, part: str) -> list[int]:
    path = folder / part
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_part_and_then_the_supervisor(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    process = start(_STAYS, "web", "other")
    wait_for(lambda: bool(pids(tmp_path, "web") and pids(tmp_path, "other")))
    process.send_signal(number)
    assert process.wait(DEADLINE_SECONDS) == 0
    assert sorted((tmp_path / "stopped").read_text().split()) == ["other", "web"]


def test_a_part_that_dies_is_started_again_and_the_others_go_on(
    start: Start, tmp_path: Path
) -> None:
    start(_STAYS, "web", "other")
    wait_for(lambda: bool(pids(tmp_path, "web") and pids(tmp_path, "other")))
    os.kill(pids(tmp_path, "web")[0], signal.SIGKILL)
    wait_for(lambda: len(pids(tmp_path, "web")) == 2)
    assert len(pids(tmp_path, "other")) == 1


def test_a_part_that_keeps_dying_ends_everything(start: Start) -> None:
    process = start(_DIES, "web", quick=60)
    assert process.wait(DEADLINE_SECONDS) == 1


def test_parts_do_not_outlive_a_killed_supervisor(start: Start, tmp_path: Path) -> None:
    process = start(_STAYS, "web")
    wait_for(lambda: bool(pids(tmp_path, "web")))
    process.kill()
    process.wait()
    wait_for(lambda: not is_alive(pids(tmp_path, "web")[0]))
