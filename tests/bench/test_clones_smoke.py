"""The comparison of clones runs, and what it prints follows from what it measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .clones import ROWS, CloneLine, as_document, as_table, passed
from .comparison import compare
from .messages import ROOT


def test_a_quick_run_measures_every_row(tmp_path: Path) -> None:
    report = tmp_path / "clones.json"
    options = ["--quick", "--folder", str(tmp_path), "--json", str(report)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.clones", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    document = json.loads(report.read_text())
    assert [line["row"] for line in document] == [row.key for row in ROWS]
    assert all(line["git_ms"] > 0 and line["ours_ms"] > 0 for line in document)
    assert all(row.label in done.stdout for row in ROWS)


def test_a_missed_target_fails_the_run() -> None:
    fast, slow = compare([1.0] * 3, [0.9] * 3, seed=1), compare([1.0] * 3, [4.2] * 3, seed=1)
    lines = {
        name: [CloneLine(row, found, row.target.verdict(found), 3) for row in ROWS]
        for name, found in (("fast", fast), ("slow", slow))
    }
    assert passed(lines["fast"])
    assert not passed(lines["slow"])
    assert as_table(lines["slow"]).count("FAIL") == len(ROWS)
    assert as_document(lines["fast"])[0]["ratio"] == 1.1111
