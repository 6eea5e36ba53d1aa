"""Running git on what others wrote: no configuration, hooks, prompts, or protocols but the asked.

The environment is the engine's; this module adds progress, a size limit and a choice of protocol.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from otterwiki_engine import git_command

from .errors import TransferRefused, printable

#: Told what is being done, how much of it is done, and how much there is (None: not known).
Progress = Callable[[str, int, int | None], None]

_OPTIONS = {
    "core.hooksPath": "/dev/null",
    "core.fsync": "all",
    "core.symlinks": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.unpackLimit": "1",  # always keep the pack: one file to bring on, and to measure
    "submodule.recurse": "false",
    "transfer.fsckObjects": "true",
    "transfer.bundleURI": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "credential.helper": "",
    "protocol.allow": "never",
}


class TookTooLong(TransferRefused):
    """A command that was stopped because its time was over."""


_PROGRESS = re.compile(r"([A-Z][a-z]+ [a-z]+): +[0-9]+% \(([0-9]+)/([0-9]+)\)")
_LOOK_SECONDS = 0.25


def command(
    git_dir: Path,
    *arguments: str,
    protocols: tuple[str, ...] = (),
    more_options: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """The argument list of git at work on `git_dir`, with only `protocols` allowed.

    `more_options` are further settings, which win over the usual ones.
    """
    options = {**_OPTIONS, **{f"protocol.{name}.allow": "always" for name in protocols}}
    pairs = (*options.items(), *more_options)
    settings = [part for name, value in pairs for part in ("-c", f"{name}={value}")]
    return ["git", *settings, f"--git-dir={git_dir}", *arguments]


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The engine's environment for git, `extra` (proxies, an SSH agent) and no way to ask back."""
    return {
        **git_command.environment(),
        "GIT_ASKPASS": "/bin/false",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        "GIT_NO_LAZY_FETCH": "1",
        **extra,
    }


def size_of(folder: Path) -> int:
    """Bytes of all files below `folder`; files that vanish meanwhile are not counted."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue
    return total


def run_watched(
    arguments: list[str],
    variables: dict[str, str],
    *,
    folder: Path,
    max_bytes: int,
    progress: Progress,
    max_seconds: float | None = None,
) -> tuple[int, str]:
    """Run a git command that receives data into `folder`; returns exit code and its complaints.

    git's own progress lines go to `progress`. The command, with the helpers it started, is stopped
    with :class:`TransferRefused` as soon as `folder` holds more than `max_bytes`, and with
    :class:`TookTooLong` after `max_seconds`.
    """
    deadline = None if max_seconds is None else time.monotonic() + max_seconds

    def look() -> None:
        _check_size(folder, max_bytes)
        if deadline is not None and time.monotonic() > deadline:
            raise TookTooLong(f"it took longer than {max_seconds:.0f} seconds")

    process = subprocess.Popen(
        arguments,
        env=variables,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    complaints: list[str] = []
    try:
        if process.stderr is None:
            raise TransferRefused("git can't be heard: its messages were not captured")
        for line in _lines(process.stderr, look):
            found = _PROGRESS.search(line)
            if found:
                progress(found[1], int(found[2]), int(found[3]))
            elif line.strip():
                complaints.append(line.strip())
        return process.wait(), printable(" | ".join(complaints))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def capture(arguments: list[str], variables: dict[str, str], folder: Path) -> str:
    """Standard output of a git command run in `folder`; raises :class:`TransferRefused`."""
    done = subprocess.run(
        arguments,
        env=variables,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=git_command.TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        complaint = printable(done.stderr.decode("utf-8", "replace").strip().replace("\n", " | "))
        raise TransferRefused(f"git could not read the source: {complaint[:500]}")
    return done.stdout.decode("utf-8", "surrogateescape")


def _check_size(folder: Path, max_bytes: int) -> None:
    if size_of(folder) > max_bytes:
        raise TransferRefused(
            f"the repository is larger than {max_bytes // 1_000_000} MB, the limit for one wiki"
        )


def _lines(stream: IO[bytes], look: Callable[[], None]) -> Iterator[str]:
    """What `stream` says, split at line ends and at the returns progress is drawn with.

    `look` is called every quarter of a second, whether something was said or not.
    """
    rest = b""
    looked = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            ready = selector.select(_LOOK_SECONDS)
            if time.monotonic() - looked >= _LOOK_SECONDS:
                look()
                looked = time.monotonic()
            if not ready:
                continue
            chunk = os.read(stream.fileno(), 65_536)
            if not chunk:
                break
            *lines, rest = re.split(rb"[\r\n]", rest + chunk)
            yield from (line.decode("utf-8", "replace") for line in lines)
    look()
    yield rest.decode("utf-8", "replace")
