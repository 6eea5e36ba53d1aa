"""Servers started by a test on a free port of the loopback interface, and ended with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .zygote import ROOT

_START_SECONDS = 90.0
_STOP_SECONDS = 20.0


class ServerFailed(Exception):
    """The server ended or does not answer; the message is the end of its log."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def plain_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """`settings` and what any process needs, nothing else of the caller's."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(settings)


@contextmanager
def running(
    command: Sequence[str],
    settings: Mapping[str, str],
    port: int,
    log: Path,
    folder: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """The server `command`, run in `folder`, listening on `port`; ended with SIGTERM."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=plain_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_for(process, port, log)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # a session of its own: only what we started
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            process.wait(timeout=0.05)  # the pause between two tries
            break
        except subprocess.TimeoutExpired:
            pass
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            continue
    tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-30:])
    raise ServerFailed(f"no server on port {port}:\n{tail}")


@contextmanager
def stock_otterwiki(
    python: str, wiki: Path, place: Path, port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Otterwiki as its manual runs it, on the repository `wiki`; its own files go to `place`.

    Under gunicorn with two workers of two threads. Who writes is said by the headers that its
    PROXY_HEADER login reads. Run in `place`, so that nothing of this project is on its path.
    """
    settings = {
        "REPOSITORY": str(wiki),
        "SECRET_KEY": "not a secret, used in tests",
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{place / 'wiki.db'}",
        "RETAIN_PAGE_NAME_CASE": "true",
        "AUTH_METHOD": "PROXY_HEADER",
    }
    command = [python, "-m", "gunicorn", "otterwiki.server:app", "--no-control-socket"]
    options = [f"--bind=127.0.0.1:{port}", "--workers=2", "--threads=2"]
    with running([*command, *options], settings, port, place / "otterwiki.log", place) as process:
        yield process
