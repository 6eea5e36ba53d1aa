"""The command line of the benchmark; see the package's docstring for what it compares.

Exit status: 0 all targets met (or --quick, which has none to meet), 1 a target missed, 2 it could
not be run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from .generated_content import FULL_SHAPE, QUICK_SHAPE
from .measure import measure
from .messages import ROOT, BenchError
from .report import as_document, as_table, judge, passed
from .rows import FULL, QUICK
from .workspace import open_workspace


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--content", metavar="PATH", help="a git repository or bundle")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the results there too")
    parser.add_argument("--quick", action="store_true", help="few samples: does it run at all?")
    parser.add_argument("--seed", type=int, default=1, help="for the content and the shuffling")
    parser.add_argument("--folder", type=Path, help="where to work (default: .cache/bench)")
    options = parser.parse_args(arguments)
    # Not the system's folder for temporary files: that may be memory, where fsync costs nothing.
    parent = (options.folder or ROOT / ".cache" / "bench").resolve()
    parent.mkdir(parents=True, exist_ok=True)
    shape, counts = (QUICK_SHAPE, QUICK) if options.quick else (FULL_SHAPE, FULL)
    try:
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            _tell("preparing the repositories")
            workspace = open_workspace(Path(folder), options.content, shape, seed=options.seed)
            measurements = measure(workspace, counts, seed=options.seed, tell=_tell)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    lines = judge(measurements, seed=options.seed)
    print(as_table(measurements, lines))
    if options.json:
        document = as_document(measurements, lines, seed=options.seed)
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if measurements.failures:
        return 1
    return 0 if options.quick or passed(measurements, lines) else 1


def _tell(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
