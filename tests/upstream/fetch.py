"""Fetch the test files of the installed Otterwiki from its source distribution.

The wheel of Otterwiki holds no tests, its source distribution does. Run as a program, this
downloads that of exactly the installed version with pip and unpacks its tests, its pytest
settings and its licence below `.cache/upstream/`, which git ignores. Running it again does nothing.

One test uploads the picture `tests/test_image.png`, which the distribution lacks: any picture will
do, so one is drawn here.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from PIL import Image

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "upstream"

# The package itself stays packed: the tests must import the installed Otterwiki, not a second copy.
UNPACKED = ("tests/", "pyproject.toml", "LICENSE")


class FetchError(Exception):
    """The test files cannot be had; the message says why."""


def installed_version() -> str:
    """The version of Otterwiki in this environment, as its metadata states it."""
    return importlib.metadata.version("otterwiki")


def source_folder() -> Path:
    """Where the unpacked files of the installed version belong, there or not."""
    return CACHE / f"otterwiki-{installed_version()}"


def upstream_files() -> list[Path]:
    """The unpacked test files, sorted by name; empty if they were not fetched yet."""
    return sorted((source_folder() / "tests").glob("test_*.py"))


def fetch() -> Path:
    """Make sure the test files of the installed version are unpacked, and return their folder.

    Raises FetchError if pip cannot download the source distribution or if it holds no tests.
    """
    target = source_folder()
    if upstream_files():
        return target / "tests"
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        scratch = Path(folder)
        unpacked = _unpack(_download(scratch), scratch)
        if target.exists():
            shutil.rmtree(target)
        unpacked.rename(target)
    return target / "tests"


def _download(folder: Path) -> Path:
    requirement = f"otterwiki=={installed_version()}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-binary", "otterwiki", requirement, "--dest", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    archives = list(folder.glob("*.tar.gz"))
    if done.returncode != 0 or not archives:
        raise FetchError(f"pip could not download the source of {requirement}:\n{done.stderr}")
    return archives[0]


def _unpack(archive: Path, folder: Path) -> Path:
    top = archive.name.removesuffix(".tar.gz")
    wanted = tuple(f"{top}/{name}" for name in UNPACKED)
    with tarfile.open(archive) as source:
        for member in source.getmembers():
            content = source.extractfile(member) if member.name.startswith(wanted) else None
            if content is not None and ".." not in Path(member.name).parts:
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    if not list((folder / top / "tests").glob("test_*.py")):
        raise FetchError(f"{archive.name} holds no test files")
    Image.new("RGB", (8, 8), "navy").save(folder / top / "tests" / "test_image.png")
    return folder / top


def main() -> int:
    """Fetch, and say where the files are; the exit code is 1 if they cannot be had."""
    try:
        print(fetch())
    except FetchError as error:
        print(f"fetch.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
