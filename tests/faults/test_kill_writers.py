"""SIGKILL at moments nobody chose: a writer of several threads, killed again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from .git_facts import WikiOnDisk
from .kill_oracle import next_save
from .writers import Answers, Writer, index_problems, judge, run_until_killed
from .zygote import Zygote

_MOST_SAVES = 400  # more than a writer gets to make before it is killed


@pytest.mark.parametrize("kills", [6, pytest.param(100, marks=pytest.mark.soak)])
@pytest.mark.parametrize("work_tree", [False, True], ids=["bare", "worktree"])
def test_killed_writers_lose_no_acknowledged_save(
    engine: Zygote, tmp_path: Path, kills: int, work_tree: bool
) -> None:
    wikis = {name: tmp_path / name for name in ("alpha", "beta")}
    for folder in wikis.values():
        engine.call("create", folder=str(folder), work_tree=work_tree)
        next_save(engine, folder, "first\n")
    before = {name: WikiOnDisk(folder).head() for name, folder in wikis.items()}
    folders = {name: str(folder) for name, folder in wikis.items()}
    options = {"folders": folders, "read_history": True}
    answers = Answers()
    for number in range(kills):
        writer = Writer(
            f"w{number}", "tests.faults.doors:EngineDoor", options, list(wikis), 3, _MOST_SAVES
        )
        said = run_until_killed(writer, tmp_path, kill_after=5 + number % 7)
        assert said.refused == []
        answers.saved += said.saved
    for name, folder in wikis.items():
        next_save(engine, folder, f"last of {name}\n")  # what was left behind is repaired by now
        assert index_problems(engine, folder) == []
    verdict = judge(wikis, answers, before=before, all_answered=False)
    print(f"{kills} kills: {verdict}")
    assert not verdict.problems, str(verdict)
