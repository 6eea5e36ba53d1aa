"""Clones of a farm's wiki beside `git http-backend`, in one run; called by `make bench`.

    python -m tests.bench.clones [--content PATH] [--json FILE] [--quick] [--seed N]

What is compared
----------------
- **git**: `git http-backend` on a bare clone of the content, behind the smallest web server there
  is (:mod:`.http_backend`).
- **ours**: `robot web` with one worker, the content imported as a public wiki: front door, rate
  limits and permissions included.

The clock runs around `git clone --bare` in a process of its own, so what the client does with the
pack is in both numbers. The sides take turns, and the order rotates. The same save (one page) is
made in both repositories before each sample of "after a save".

Exit status: 0 all targets met (or --quick), 1 a target missed, 2 it could not be run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository
from tests.faults.servers import ServerFailed, free_port, running

from .comparison import Comparison, Target, Verdict, compare
from .generated_content import FULL_SHAPE, QUICK_SHAPE, generate
from .messages import ROOT, BenchError
from .worker_process import clean_environment

_DOMAIN, _SLUG, _OWNER = "robot.localhost", "cloned", "owner.test"
_WRITER = Author("Bench Writer", "writer@example.org")
_Side = Literal["git", "ours"]
_SIDES: tuple[_Side, ...] = ("git", "ours")


@dataclass(frozen=True)
class CloneRow:
    """One line of the table; `saves` and `forgets` say what happens before each sample."""

    key: str
    label: str
    target: Target
    saves: bool = False
    forgets: bool = False


ROWS = (
    CloneRow("first_clone", "clone, no pack kept yet", Target(4.0, no_slower=True), forgets=True),
    CloneRow("kept_clone", "clone, this HEAD's pack kept", Target(1.0, no_slower=True)),
    CloneRow(
        "clone_after_save", "first clone after a save", Target(4.0, no_slower=True), saves=True
    ),
)


@dataclass(frozen=True)
class CloneLine:
    """A row with what came out; of the comparison, "stock" is git."""

    row: CloneRow
    comparison: Comparison
    verdict: Verdict
    samples: int


class _Bench:
    """The two repositories, each behind its server."""

    def __init__(self, folder: Path, content: str | None, *, quick: bool, seed: int) -> None:
        self.folder = folder
        self.ports: dict[_Side, int] = {side: free_port() for side in _SIDES}
        source = Path(content).resolve() if content else folder / "content.git"
        if content is None:
            generate(source, QUICK_SHAPE if quick else FULL_SHAPE, seed=seed)
        elif not source.exists():
            raise BenchError(f"there is no repository or bundle {content}")
        self._robot("init")
        self._robot("user", "add", _OWNER)
        self._robot("wiki", "create", _SLUG, "--owner", _OWNER, "--public")
        self._robot("wiki", "import", _SLUG, str(source))
        self.wiki = folder / "home" / "wikis" / _SLUG
        (folder / "git").mkdir()
        theirs = folder / "git" / f"{_SLUG}.git"
        _run(["git", "clone", "--quiet", "--bare", str(self.wiki / "repo.git"), str(theirs)], {})
        self.repositories: dict[_Side, Repository] = {
            "git": Repository(theirs, state_dir=folder),
            "ours": Repository(self.wiki / "repo.git", state_dir=self.wiki),
        }

    @contextmanager
    def served(self) -> Iterator[None]:
        """Both servers, until the block ends."""
        backend = [sys.executable, "-m", "tests.bench.http_backend", str(self.folder / "git")]
        web = [sys.executable, "-m", "otterwiki_robot", "web"]
        path = {"PYTHONPATH": str(ROOT)}
        logs = {side: self.folder / f"{side}.log" for side in _SIDES}
        with (
            running([*backend, str(self.ports["git"])], path, self.ports["git"], logs["git"]),
            running(web, self._settings | path, self.ports["ours"], logs["ours"]),
        ):
            yield

    def clone(self, side: _Side) -> float:
        """The seconds one clone takes; raises BenchError where it is not the whole wiki."""
        target = self.folder / "clone"
        shutil.rmtree(target, ignore_errors=True)
        address = f"http://127.0.0.1:{self.ports['git']}/{_SLUG}.git"
        if side == "ours":
            address = f"http://{_SLUG}.{_DOMAIN}:{self.ports['ours']}/repo.git"
        start = time.perf_counter()
        _run(["git", "clone", "--quiet", "--bare", address, str(target)], _GIT)
        seconds = time.perf_counter() - start
        found = _run(["git", f"--git-dir={target}", "rev-parse", "HEAD"], _GIT).strip()
        if found != self.repositories[side].head():
            raise BenchError(f"the clone of {side} stands at {found}")
        return seconds

    def save(self, number: int) -> None:
        """Change one page in both repositories, in the same way."""
        changes: dict[str, bytes | None] = {"Bench.md": f"# A measured save\n\n{number}\n".encode()}
        for repository in self.repositories.values():
            repository.commit(changes, base=None, author=_WRITER, message=f"save {number}")

    def forget(self) -> None:
        """Remove what clones of ours have left."""
        shutil.rmtree(self.wiki / "git-http", ignore_errors=True)

    def close(self) -> None:
        """Give back open files."""
        for repository in self.repositories.values():
            repository.close()

    @property
    def _settings(self) -> dict[str, str]:
        return {
            "ROBOT_HOME": str(self.folder / "home"),
            "ROBOT_DOMAIN": _DOMAIN,
            "ROBOT_WEB_PORT": str(self.ports["ours"]),
            "ROBOT_WEB_WORKERS": "1",
            "ROBOT_DEV": "1",
            "ROBOT_MAX_PAGES": "100000",
            "ROBOT_RATE_CLONES": "100000",
        }

    def _robot(self, *arguments: str) -> None:
        _run([sys.executable, "-m", "otterwiki_robot", *arguments], self._settings)


_GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}


def measure_clones(
    folder: Path,
    content: str | None,
    *,
    quick: bool,
    seed: int,
    tell: Callable[[str], None],
) -> list[CloneLine]:
    """Take all samples, working in `folder`; raises BenchError."""
    samples = 2 if quick else 15
    bench = _Bench(folder, content, quick=quick, seed=seed)
    lines = []
    try:
        with bench.served():
            for row in ROWS:
                tell(row.label)
                seconds: dict[_Side, list[float]] = {side: [] for side in _SIDES}
                for side in _SIDES:
                    bench.clone(side)
                for number in range(samples):
                    if row.saves:
                        bench.save(number)
                    if row.forgets:
                        bench.forget()
                    for side in _SIDES if number % 2 else _SIDES[::-1]:
                        seconds[side].append(bench.clone(side))
                found = compare(seconds["git"], seconds["ours"], seed=seed)
                lines.append(CloneLine(row, found, row.target.verdict(found), samples))
    except ServerFailed as error:
        raise BenchError(str(error)) from error
    finally:
        bench.close()
    return lines


def as_table(lines: list[CloneLine]) -> str:
    """The report for people; times in milliseconds."""
    text = ["clone                           n     git    ours  ratio  95 % interval  target"]
    for line in lines:
        found = line.comparison
        text.append(
            f"{line.row.label:<30} {line.samples:>2} {found.stock_seconds * 1000:>7.0f}"
            f" {found.ours_seconds * 1000:>7.0f} {found.ratio:>6.2f}"
            f"  {found.low:.2f} .. {found.high:.2f}  {line.row.target!s:<12}"
            f" {line.verdict.value}"
        )
    return "\n".join(text)


def as_document(lines: list[CloneLine]) -> list[dict[str, Any]]:
    """The report for programs; times in milliseconds."""
    return [
        {
            "row": line.row.key,
            "label": line.row.label,
            "samples": line.samples,
            "git_ms": round(line.comparison.stock_seconds * 1000, 3),
            "ours_ms": round(line.comparison.ours_seconds * 1000, 3),
            "ratio": round(line.comparison.ratio, 4),
            "interval": [round(line.comparison.low, 4), round(line.comparison.high, 4)],
            "target": str(line.row.target),
            "verdict": line.verdict.value,
        }
        for line in lines
    ]


def passed(lines: list[CloneLine]) -> bool:
    """True when every target is met."""
    return all(line.verdict != Verdict.FAIL for line in lines)


def _run(command: list[str], settings: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=clean_environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
        raise BenchError(f"{' '.join(command)} failed:\n" + "\n".join(words))
    return done.stdout


def main(arguments: list[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.clones", description=__doc__)
    parser.add_argument("--content", metavar="PATH", help="a git repository or bundle")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the results there too")
    parser.add_argument("--quick", action="store_true", help="few samples: does it run at all?")
    parser.add_argument("--seed", type=int, default=1, help="for the content")
    parser.add_argument("--folder", type=Path, help="where to work (default: .cache/bench)")
    options = parser.parse_args(arguments)
    parent = (options.folder or ROOT / ".cache" / "bench").resolve()
    parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            lines = measure_clones(
                Path(folder), options.content, quick=options.quick, seed=options.seed, tell=_tell
            )
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(as_table(lines))
    if options.json:
        options.json.write_text(json.dumps(as_document(lines), indent=1) + "\n", encoding="utf-8")
    return 0 if options.quick or passed(lines) else 1


def _tell(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
