"""Run upstream test files in a child process, and judge what comes back.

Otterwiki is one application in a process and reads its settings at import, so its tests cannot run
in the process of ours. The files of one kind of storage are dealt into a few batches, each run by
a pytest of its own: starting Otterwiki costs more than most files do.
"""

from __future__ import annotations

import enum
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.upstream.storages import StorageKind

HERE = Path(__file__).resolve().parent
EXPECTED_FAILURES = HERE / "expected_failures.toml"
BATCH_TIMEOUT_SECONDS = 600
MEMORY_NEEDED_BYTES = 512 << 20

GIT_CONFIG = """
[user]
    name = Test
    email = test@example.org
[init]
    defaultBranch = main
"""


class RunError(Exception):
    """The child process did not run its tests to the end; the message holds what it printed."""


class Reason(enum.Enum):
    """Why an upstream test may fail over the engine; there is no other reason."""

    SYMLINK = "symlink"
    WORK_TREE = "work tree"
    GITPYTHON = "GitPython internals"
    ATTACHMENTS = "attachment policy"
    RANKED_SEARCH = "ranked search"


@dataclass(frozen=True)
class ExpectedFailure:
    """One upstream test that cannot pass over one kind of storage."""

    test: str
    kind: StorageKind
    reason: Reason
    because: str


@dataclass(frozen=True)
class Expectations:
    """The content of expected_failures.toml."""

    version: str
    tests: int
    failures: tuple[ExpectedFailure, ...]

    def failing(self, kind: StorageKind, files: Iterable[str]) -> set[str]:
        """Ids of the tests in `files` (names) that are expected to fail over `kind`."""
        names = set(files)
        return {
            failure.test
            for failure in self.failures
            if failure.kind is kind and failure.test.partition("::")[0] in names
        }


@dataclass(frozen=True)
class Outcome:
    """How one upstream test ended, and its traceback if it did not pass."""

    passed: bool
    text: str


def read_expectations(path: Path = EXPECTED_FAILURES) -> Expectations:
    """Read and check the list; raises ValueError for a wrong kind or reason, or a test twice."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    failures: list[ExpectedFailure] = []
    for group in content.get("exceptions", ()):
        reason, because = Reason(group["reason"]), " ".join(group["because"].split())
        for kind in map(StorageKind, group["storages"]):
            if kind is StorageKind.STOCK:
                raise ValueError(f"stock Otterwiki must pass its own tests: {group['tests']}")
            failures += [ExpectedFailure(test, kind, reason, because) for test in group["tests"]]
    seen: set[tuple[str, StorageKind]] = set()
    for failure in failures:
        if (failure.test, failure.kind) in seen:
            raise ValueError(f"{failure.test} is listed twice for {failure.kind.value}")
        seen.add((failure.test, failure.kind))
    return Expectations(content["version"], content["tests"], tuple(failures))


def deal(files: Sequence[Path], batches: int) -> list[list[Path]]:
    """Deal files into batches of about the same size in bytes, the same way every time."""
    hands: list[list[Path]] = [[] for _ in range(batches)]
    sizes = [0] * batches
    for file in sorted(files, key=lambda file: (-file.stat().st_size, file.name)):
        smallest = sizes.index(min(sizes))
        hands[smallest].append(file)
        sizes[smallest] += file.stat().st_size
    return [sorted(hand) for hand in hands if hand]


def scratch_parent() -> Path | None:
    """Memory to run in, where there is enough: every test makes repositories and syncs them.

    None stands for the usual folder of temporary files.
    """
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_NEEDED_BYTES:
        return memory
    return None


def run_files(
    kind: StorageKind, files: Sequence[Path], scratch: Path, *options: str
) -> dict[str, Outcome | None]:
    """Run upstream test files over a kind of storage; None stands for a test that did not run.

    `scratch` is an empty folder for everything the child writes; `options` go to its pytest.
    Keys are test ids as pytest writes them, without the folder. Raises RunError if the child ended
    in any other way than with passed and failed tests.
    """
    source = files[0].parent.parent
    outcomes = scratch / "outcomes.jsonl"
    outcomes.touch()
    (scratch / "gitconfig").write_text(GIT_CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "tests.upstream.fixtures"]
    command += ["-p", "no:cacheprovider", "--basetemp", str(scratch / "pytest")]
    command += ["--rootdir", str(source), "-c", str(source / "pyproject.toml"), *options]
    done = subprocess.run(
        [*command, *map(str, files)],
        cwd=scratch,
        env=_environment(kind, scratch, outcomes),
        capture_output=True,
        text=True,
        timeout=BATCH_TIMEOUT_SECONDS,
    )
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RunError(f"pytest ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return _read_outcomes(outcomes)


def _environment(kind: StorageKind, scratch: Path, outcomes: Path) -> dict[str, str]:
    """An environment with nothing of the caller's in it: Otterwiki takes settings from there."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": str(scratch / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        # Every test has a repository of its own: without sample hooks there is less to copy.
        "GIT_TEMPLATE_DIR": "",
        "PYTHONPATH": str(HERE.parents[1]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "ENGINE_UPSTREAM_STORAGE": kind.value,
        "ENGINE_UPSTREAM_OUTCOMES": str(outcomes),
    }


def _read_outcomes(path: Path) -> dict[str, Outcome | None]:
    found: dict[str, Outcome | None] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        test, outcome = entry["test"], entry["outcome"]
        if outcome == "collected":
            found[test] = None
        elif (earlier := found[test]) is None or earlier.passed:
            found[test] = Outcome(outcome == "passed", entry["text"])
    return found


def complaints(outcomes: Mapping[str, Outcome | None], expected: set[str]) -> list[str]:
    """What differs from the list, one paragraph each; empty if all is as expected."""
    found = []
    for test, outcome in outcomes.items():
        if outcome is None:
            found.append(f"DID NOT RUN {test}")
        elif not outcome.passed and test not in expected:
            found.append(f"FAILED {test}\n{outcome.text}")
        elif outcome.passed and test in expected:
            found.append(f"PASSES, so take it off expected_failures.toml: {test}")
    found += [f"LISTED, but there is no such test: {test}" for test in expected - outcomes.keys()]
    return found
