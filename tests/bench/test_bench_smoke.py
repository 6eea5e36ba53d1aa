"""The benchmark runs and fills every row. How fast anything is, is not asked here."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from .comparison import Target, Verdict, compare
from .generated_content import QUICK_SHAPE, generate
from .guards_share import Clock, share_of
from .messages import ROOT
from .rows import ROWS


def test_quick_run_fills_every_row(tmp_path: Path) -> None:
    results = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--json", results, "--folder", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(results.read_text())
    assert [row["row"] for row in document["rows"]] == [row.key for row in ROWS]
    for row in document["rows"]:
        for number in (row["stock_ms"], row["ours_ms"], row["ratio"], *row["interval"]):
            assert math.isfinite(number) and number > 0, row
        assert row["label"] in done.stdout
    assert document["plugins"]["stock"] == []
    assert document["plugins"]["work_tree"] == ["engine"]
    assert document["lost_saves"] == {"stock": 0, "ours": 0, "work_tree": 0}
    assert document["fsyncs_per_save"]["ours"] > 0
    assert document["left_out"] == []
    assert document["guards"]["views"] == 20
    assert 0 < document["guards"]["guard_seconds"] < document["guards"]["view_seconds"]
    assert 0 < document["guards"]["share"] < 1
    assert "Session and permission code: " in done.stdout
    assert document["many_wikis"]["wikis"] == 5
    assert 0 < document["many_wikis"]["times"] < math.inf
    assert set(document["resident_bytes"]) == {"stock", "ours", "work_tree"}
    assert all(size > 2**20 for size in document["resident_bytes"].values())
    assert "5 wikis registered" in done.stdout


def test_generated_content_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    heads = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate(tmp_path / name, QUICK_SHAPE, seed=seed)
        command = ["git", "-C", str(tmp_path / name), "rev-parse", "main"]
        heads.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert heads[0] == heads[1] != heads[2]


def test_ratio_is_stock_over_ours_inside_its_interval() -> None:
    stock = [0.040 + 0.001 * i for i in range(20)]
    found = compare(stock, [second / 4 for second in stock], seed=1)
    assert found.ratio == pytest.approx(4.0)
    assert found.low <= found.ratio <= found.high


def test_a_no_slower_row_fails_only_if_the_whole_interval_is_worse() -> None:
    target = Target(1.1, no_slower=True)
    noisy = compare([1.0, 1.0, 2.0], [1.3, 1.0, 2.0], seed=1)
    assert noisy.low < 1 / 1.1 <= noisy.high
    assert target.verdict(noisy) is Verdict.PASS
    slower = compare([1.0, 1.0, 1.0], [1.3, 1.3, 1.3], seed=1)
    assert target.verdict(slower) is Verdict.FAIL


def test_a_faster_row_needs_the_ratio_itself() -> None:
    found = compare([5.9] * 3, [1.0] * 3, seed=1)
    assert Target(6.0).verdict(found) is Verdict.FAIL
    assert Target(5.9).verdict(found) is Verdict.PASS


def test_the_share_of_the_guards_is_the_median_of_the_views() -> None:
    found = share_of([(1.0, 100.0), (2.0, 100.0), (60.0, 200.0)])
    assert found.share == pytest.approx(0.02)
    assert found.total == pytest.approx(63 / 400)
    assert found.guard_seconds == 2.0
    assert replace(found, stock_view_seconds=70.0).is_met
    assert not replace(found, stock_view_seconds=60.0).is_met
    with pytest.raises(ValueError, match="no views"):
        share_of([])


def test_a_call_inside_another_one_counts_once() -> None:
    clock = Clock()
    inner = clock.around(lambda: None)
    clock.around(inner)()
    assert clock.calls == 1
    inner()
    assert clock.calls == 2


def test_samples_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="do not pair"):
        compare([1.0], [], seed=1)
