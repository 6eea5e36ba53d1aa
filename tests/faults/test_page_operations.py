"""Three processes on the same pages: who appends lands, who is late is told, and after random
operations and kills the index says what one made from nothing says.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from .git_facts import WikiOnDisk
from .zygote import Zygote

_PROCESSES = 3
_OPERATIONS_PER_CALL = 20
_STEPS_PER_OPERATION = 14  # about as many changes of files as one makes
_SHARE_KILLED = 0.6
_SOAK = pytest.mark.soak


@pytest.fixture(scope="module")
def zygotes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Zygote]]:
    """Processes that have imported the page service and Otterwiki's storage."""
    logs = tmp_path_factory.mktemp("page-zygotes")
    with ExitStack() as stack:
        yield [
            stack.enter_context(Zygote("tests.faults.page_calls", logs / f"{number}.log"))
            for number in range(_PROCESSES)
        ]


@dataclass
class _Counts:
    made: int = 0
    refused: int = 0
    killed: int = 0


def _work(zygote: Zygote, place: Path, acks: Path, seed: int, calls: int) -> _Counts:
    """Calls of one process, most of them killed somewhere in the middle."""
    dice = random.Random(seed)
    counts = _Counts()
    for number in range(calls):
        most = _OPERATIONS_PER_CALL * _STEPS_PER_OPERATION
        kill_at = dice.randrange(1, most) if dice.random() < _SHARE_KILLED else 0
        outcome = zygote.call(
            "operate",
            kill_at=kill_at,
            folder=str(place),
            wikis=["alpha", "beta"],
            seed=seed * 1000 + number,
            operations=_OPERATIONS_PER_CALL,
            acks=str(acks),
        )
        counts.made += _OPERATIONS_PER_CALL
        counts.killed += bool(outcome.killed_before)
        counts.refused += outcome.result or 0
    return counts


@pytest.mark.parametrize(
    "operations", [_PROCESSES * _OPERATIONS_PER_CALL * 3, pytest.param(2000, marks=_SOAK)]
)
def test_the_index_equals_a_rebuild_after_random_operations_and_kills(
    zygotes: list[Zygote], tmp_path: Path, operations: int
) -> None:
    place, acks = tmp_path / "wikis", tmp_path / "acks"
    _make_both(zygotes, place)
    acks.touch()
    calls = -(-operations // (_PROCESSES * _OPERATIONS_PER_CALL))
    with ThreadPoolExecutor(_PROCESSES) as pool:
        running = [
            pool.submit(_work, zygote, place, acks, seed, calls)
            for seed, zygote in enumerate(zygotes, 1)
        ]
        counts = [one.result() for one in running]
    killed = sum(one.killed for one in counts)
    print(f"{sum(one.made for one in counts)} operations, {killed} kills, {counts}")
    assert killed > 0
    # One more that is not killed puts in order what was left behind.
    zygotes[0].call(
        "operate",
        folder=str(place),
        wikis=["alpha", "beta"],
        seed=0,
        operations=_OPERATIONS_PER_CALL,
        acks=str(acks),
    )
    acknowledged = [line.split(" ") for line in acks.read_text().splitlines()]
    for name in ("alpha", "beta"):
        said = (
            zygotes[0]
            .call("compare", folder=str(place / name), scratch=str(tmp_path / f"scratch-{name}"))
            .result
        )
        assert said["differences"] == [] and said["damage"] == []
        assert said["rows"] > said["pages"] > 0
        wiki = WikiOnDisk(place / name)
        mine = {revision for wiki_name, revision in acknowledged if wiki_name == name and revision}
        assert mine and mine <= set(wiki.reachable())
        assert not wiki.fsck() and not wiki.leftovers()
        if wiki.has_work_tree:
            assert wiki.status() == ""


def test_what_is_wrong_in_an_index_is_seen(zygotes: list[Zygote], tmp_path: Path) -> None:
    """The harness can tell."""
    folder = str(tmp_path / "alpha")
    zygotes[0].call("create", folder=folder, work_tree=False)
    for wanted in (True, False):
        said = (
            zygotes[0]
            .call("compare", folder=folder, scratch=str(tmp_path / f"scratch-{wanted}"))
            .result
        )
        assert (said["differences"] == []) is wanted
        zygotes[0].call("tamper", folder=folder)


def _make_both(zygotes: list[Zygote], place: Path) -> None:
    place.mkdir()
    for name, work_tree in (("alpha", False), ("beta", True)):
        zygotes[0].call("create", folder=str(place / name), work_tree=work_tree)


def test_all_who_append_in_three_processes_land(zygotes: list[Zygote], tmp_path: Path) -> None:
    place, count = tmp_path / "wikis", 12
    _make_both(zygotes, place)
    with ThreadPoolExecutor(_PROCESSES) as pool:
        running = [
            pool.submit(
                zygote.call,
                "append_lines",
                folder=str(place),
                wikis=["alpha", "beta"],
                name=f"p{number}",
                count=count,
            )
            for number, zygote in enumerate(zygotes)
        ]
        for one in running:
            one.result()
    for wiki in ("alpha", "beta"):
        lines = WikiOnDisk(place / wiki).git("show", "HEAD:List.md").splitlines()
        assert sorted(lines) == sorted(
            f"- {wiki} p{process} {number}"
            for process in range(_PROCESSES)
            for number in range(count)
        )


def test_failure_14_of_three_processes_with_one_base_one_writes(
    zygotes: list[Zygote], tmp_path: Path
) -> None:
    place = tmp_path / "wikis"
    _make_both(zygotes, place)
    others = WikiOnDisk(place / "beta").head()
    base = zygotes[0].call("replace", folder=str(place), wiki="alpha", base=None, text="0\n").result
    for round_number in range(5):
        with ThreadPoolExecutor(_PROCESSES) as pool:
            running = [
                pool.submit(
                    zygote.call,
                    "replace",
                    folder=str(place),
                    wiki="alpha",
                    base=base,
                    text=f"{round_number} of {number}\n",
                )
                for number, zygote in enumerate(zygotes)
            ]
            said = [one.result().result for one in running]
        assert sorted(map(bool, said)) == [False, False, True]
        base = max(said)
    assert WikiOnDisk(place / "alpha").head() == base
    assert WikiOnDisk(place / "beta").head() == others
