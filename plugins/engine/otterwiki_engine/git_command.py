"""Running the git command where a library would not do (housekeeping, bundles, fetching).

Security checklist F4: no hooks, no system or user configuration, no prompts, limited protocols.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .errors import EngineError

#: (section, name, value) written into repositories the farm makes.
SAFE_SETTINGS = (
    ("core", "hooksPath", "/dev/null"),
    ("core", "symlinks", "false"),
    ("gc", "auto", "0"),
    ("transfer", "fsckObjects", "true"),
)
_OPTIONS = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsync=all",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "safe.directory=*",
)
TIMEOUT_SECONDS = 600


class GitFailed(EngineError):
    """The git command failed; the message is its last line of complaint."""


def environment() -> dict[str, str]:
    """The environment git runs in: only what it needs, nothing a user could have configured."""
    return {
        "PATH": os.defpath + ":/usr/local/bin",
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def run(git_dir: Path, *arguments: str) -> str:
    """Run ``git <arguments>`` on the repository at `git_dir`; returns its standard output.

    Raises :class:`GitFailed`. Text of users must come after ``--end-of-options`` or ``--``.
    """
    command = ["git", *_OPTIONS, f"--git-dir={git_dir}", *arguments]
    try:
        done = subprocess.run(
            command,
            env=environment(),
            cwd=git_dir,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise GitFailed("the git command is not installed") from None
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git {arguments[0]} took longer than {TIMEOUT_SECONDS} s") from None
    if done.returncode != 0:
        complaint = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason"]
        raise GitFailed(f"git {arguments[0]} failed: {complaint[-1]}")
    return done.stdout.decode("utf-8", "surrogateescape")
