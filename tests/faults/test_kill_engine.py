"""SIGKILL at every file-changing step of the engine's own writes, bare and in a work tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from .git_facts import WikiOnDisk
from .kill_content import (
    CREATED,
    DELETED,
    RENAMED,
    SAVED,
    UPLOADED,
    build,
    committed,
)
from .kill_oracle import KillMatrix, Operation, Report
from .kill_points import spread
from .zygote import Zygote

_KINDS = ["bare", "worktree", "worktree with a person's edits"]
_SAVE = committed("save", SAVED)
_RENAME = committed("rename with backlinks", RENAMED)
_OTHERS = [
    committed("create", CREATED),
    _RENAME,
    committed("delete", DELETED),
    committed("upload", UPLOADED),
]


@pytest.fixture(scope="module", params=_KINDS)
def template(
    request: pytest.FixtureRequest, engine: Zygote, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A wiki with three commits; copies of it are written to."""
    folder = tmp_path_factory.mktemp("template") / "wiki"
    engine.call("create", folder=str(folder), work_tree=request.param != "bare")
    build(engine, folder)
    if request.param == "worktree with a person's edits":
        (folder / "Plan" / "deep" / "draft.txt").write_text("not yet added\n")
        (folder / "staged.md").write_text("staged\n")
        WikiOnDisk(folder).git("add", "staged.md")
        (folder / "staged.md").write_text("staged, then edited\n")
        assert WikiOnDisk(folder).status() == "AM staged.md\n?? Plan/deep/draft.txt\n"
    return folder


def _run(
    template: Path, place: Path, operation: Operation, engine: Zygote, wanted: int | None
) -> Report:
    matrix = KillMatrix(template, place / "wiki", operation, engine, engine)
    report = matrix.run(spread(matrix.count_steps(), wanted))
    print(f"{operation}: {report.points} points, {report.committed} after the commit")
    assert not report.problems, str(report)
    assert report.points > 1
    return report


def _run_twice(template: Path, place: Path, engine: Zygote, *, every: int) -> None:
    """Kill the rename, then the save that follows: every `every`th pair of steps."""
    matrix = KillMatrix(template, place / "wiki", _RENAME, engine, engine)
    firsts = matrix.count_steps()
    pairs = [(first, 1 + first * 5 % 40) for first in range(1, firsts + 1)][::every]
    report = matrix.run_twice(pairs)
    print(f"{_RENAME}, killed twice: {report.points} points")
    assert not report.problems, str(report)


def test_killed_save(template: Path, tmp_path: Path, engine: Zygote) -> None:
    report = _run(template, tmp_path, _SAVE, engine, None)
    assert 0 < report.committed < report.points


@pytest.mark.parametrize("operation", _OTHERS, ids=str)
def test_killed_change(
    template: Path, tmp_path: Path, engine: Zygote, operation: Operation
) -> None:
    _run(template, tmp_path, operation, engine, 10)


def test_killed_repair(template: Path, tmp_path: Path, engine: Zygote) -> None:
    _run_twice(template, tmp_path, engine, every=7)


@pytest.mark.soak
@pytest.mark.parametrize("operation", _OTHERS, ids=str)
def test_killed_change_at_every_step(
    template: Path, tmp_path: Path, engine: Zygote, operation: Operation
) -> None:
    _run(template, tmp_path, operation, engine, None)


@pytest.mark.soak
def test_killed_repair_at_every_step(template: Path, tmp_path: Path, engine: Zygote) -> None:
    _run_twice(template, tmp_path, engine, every=1)


def test_the_same_matrix_over_stock_storage_finds_faults(engine: Zygote, tmp_path: Path) -> None:
    """The oracle can fail: a save of Otterwiki's own storage, killed at a few steps."""
    template = tmp_path / "template"
    engine.call("create", folder=str(template), work_tree=True)
    build(engine, template)
    with Zygote("tests.faults.stock_calls", tmp_path / "stock.log") as stock:
        matrix = KillMatrix(template, tmp_path / "wiki", _SAVE, stock, engine)
        report = matrix.run(spread(matrix.count_steps(), 8))
    print(f"stock storage: {report}")
    assert len(report.problems) >= 3
