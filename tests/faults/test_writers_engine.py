"""Many processes and threads save through the engine at once; nothing is lost, nothing crosses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from .git_facts import WikiOnDisk
from .writers import Writer, index_problems, judge, run_team
from .zygote import Zygote

_ENGINE = "tests.faults.doors:EngineDoor"
_STOCK = "tests.faults.doors:StockDoor"
_SHELL = "tests.faults.doors:ShellDoor"
_MOST_STOCK_ROUNDS = 10
_SOAK = pytest.mark.soak


def _two_wikis(engine: Zygote, place: Path, *, work_tree: bool) -> dict[str, Path]:
    """Two wikis with one page each."""
    place.mkdir(exist_ok=True)
    wikis = {name: place / name for name in ("alpha", "beta")}
    for name, folder in wikis.items():
        engine.call("create", folder=str(folder), work_tree=work_tree)
        engine.call(
            "commit",
            folder=str(folder),
            changes={"Home.md": f"# Home of {name}\n"},
            author=["first.test", ""],
            message="first",
        )
    return wikis


def _heads(wikis: dict[str, Path]) -> dict[str, str]:
    return {name: WikiOnDisk(folder).head() for name, folder in wikis.items()}


def _team(
    wikis: dict[str, Path], *, processes: int, threads: int, saves: int, style: str = "overwrite"
) -> list[Writer]:
    """Engine writers that make `saves` saves between them, rounded up."""
    options = {"folders": {name: str(folder) for name, folder in wikis.items()}}
    each = -(-saves // (processes * threads))
    return [
        Writer(f"w{number}", _ENGINE, options, list(wikis), threads, each, style)
        for number in range(processes)
    ]


@pytest.mark.parametrize("saves", [300, pytest.param(1000, marks=_SOAK)])
@pytest.mark.parametrize("work_tree", [False, True], ids=["bare", "worktree"])
def test_three_processes_of_four_threads_lose_no_save(
    engine: Zygote, tmp_path: Path, saves: int, work_tree: bool
) -> None:
    wikis = _two_wikis(engine, tmp_path / "wikis", work_tree=work_tree)
    before = _heads(wikis)
    team = _team(wikis, processes=3, threads=4, saves=saves)
    answers = run_team(team, tmp_path, timeout_seconds=300)
    verdict = judge(wikis, answers, before=before)
    print(verdict)
    assert not verdict.problems, str(verdict)
    assert answers.refused == []
    assert verdict.acknowledged >= saves
    for folder in wikis.values():
        assert index_problems(engine, folder) == []


@pytest.mark.parametrize("saves", [120, pytest.param(600, marks=_SOAK)])
def test_lines_added_on_a_base_are_all_there(engine: Zygote, tmp_path: Path, saves: int) -> None:
    """The check of the base and the write are one step: nobody's line is overwritten."""
    wikis = _two_wikis(engine, tmp_path / "wikis", work_tree=False)
    before = _heads(wikis)
    team = _team(wikis, processes=3, threads=2, saves=saves, style="append")
    answers = run_team(team, tmp_path, timeout_seconds=300)
    verdict = judge(wikis, answers, before=before)
    assert not verdict.problems, str(verdict)
    assert answers.refused == []
    total = 0
    for name, folder in wikis.items():
        wiki = WikiOnDisk(folder)
        lines = wiki.git("show", "HEAD:List.md").splitlines()
        mine = [saved for saved in answers.saved if saved.wiki == name]
        assert sorted(lines) == sorted(
            f"Line {saved.number} of {saved.thread} for {name}." for saved in mine
        )
        total += len(lines)
    assert total >= saves


def test_the_same_writers_lose_saves_on_stock_storage(engine: Zygote, tmp_path: Path) -> None:
    """The harness can tell: Otterwiki's own storage loses saves or fails, in a few rounds."""
    lost = refused = 0
    for number in range(_MOST_STOCK_ROUNDS):
        place = tmp_path / f"round{number}"
        wikis = _two_wikis(engine, place, work_tree=True)
        before = _heads(wikis)
        options = {"folders": {name: str(folder) for name, folder in wikis.items()}}
        team = [Writer(f"w{n}", _STOCK, options, list(wikis), 1, 30) for n in range(2)]
        answers = run_team(team, place, timeout_seconds=120)
        lost += len(judge(wikis, answers, before=before).lost)
        refused += len(answers.refused)
        if lost and refused:
            break
    print(f"stock storage: {lost} lost, {refused} refused")
    assert lost > 0


@pytest.mark.parametrize("saves", [60, pytest.param(300, marks=_SOAK)])
def test_a_person_at_the_shell_and_the_engine(engine: Zygote, tmp_path: Path, saves: int) -> None:
    """Two engine processes and `git add`, `git commit` in one work tree."""
    wikis = _two_wikis(engine, tmp_path / "wikis", work_tree=True)
    before = _heads(wikis)
    options = {"folders": {name: str(folder) for name, folder in wikis.items()}}
    team = _team(wikis, processes=2, threads=2, saves=saves * 2 // 3)
    team.append(Writer("shell", _SHELL, options, list(wikis), 1, -(-saves // 3)))
    answers = run_team(team, tmp_path, timeout_seconds=300)
    verdict = judge(wikis, answers, before=before)
    print(verdict, Counter(answers.refused))
    assert not verdict.problems, str(verdict)
