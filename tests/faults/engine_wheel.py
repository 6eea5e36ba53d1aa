"""Wheels of ours, installed beside a stock Otterwiki in an environment of their own.

Environments are kept in the project's cache folder, by what the wheels hold, because making one
means installing all of Otterwiki.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from .servers import plain_environment
from .zygote import ROOT

ENGINE = ROOT / "plugins" / "engine"
_ENVIRONMENTS = ROOT / ".cache" / "engine-wheel"
_INSTALL_SECONDS = 600


class BuildFailed(Exception):
    """A command of the build ended with an error; the message is the end of what it said."""


def build_wheel(place: Path, distribution: Path = ENGINE) -> Path:
    """The wheel of the folder `distribution`, built from a copy below `place`."""
    source = place / "source"
    shutil.copytree(
        distribution,
        source,
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "tests"),
    )
    target = place / "wheels"
    _run(sys.executable, "-m", "pip", "wheel", "--no-deps", f"--wheel-dir={target}", str(source))
    (wheel,) = target.glob("*.whl")
    return wheel


def contents(wheel: Path) -> dict[str, bytes]:
    """The files in a wheel, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in sorted(archive.namelist())}


def environment_with(*wheels: Path) -> Path:
    """The Python of an environment with these wheels, Otterwiki and a web server, and no more."""
    digest = hashlib.sha256()
    for wheel in wheels:
        for name, content in contents(wheel).items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    same_wheels = _ENVIRONMENTS / "+".join(wheel.name.partition("-")[0] for wheel in wheels)
    folder = same_wheels / digest.hexdigest()[:16]
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        shutil.rmtree(same_wheels, ignore_errors=True)  # older versions' environments
        _run(sys.executable, "-m", "venv", str(folder))
        needed = [*map(str, wheels), "gunicorn>=27.0,<28"]
        _run(str(python), "-m", "pip", "install", "--quiet", *needed)
        complete.touch()
    return python


def _run(*command: str) -> str:
    done = subprocess.run(
        command,
        env=plain_environment({"PIP_DISABLE_PIP_VERSION_CHECK": "1"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise BuildFailed(f"{' '.join(command)}:\n{done.stdout[-500:]}{done.stderr[-1500:]}")
    return done.stdout
