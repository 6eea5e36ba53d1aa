"""Takes the samples: which worker is asked for what, in which order."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from .guards_share import Share
from .many_wikis import measure_many_wikis
from .messages import BenchError, Side
from .rows import ROWS, Inputs, Row, SampleCounts
from .sections import Course, Measure, Section
from .worker_process import WorkerProcess
from .workspace import Workspace

MAIN: tuple[Side, ...] = ("stock", "ours")
ALL: tuple[Side, ...] = ("stock", "ours", "work_tree")
#: What is measured besides the rows, in this order.
SECTIONS: tuple[Measure, ...] = (measure_many_wikis,)


@dataclass
class Measurements:
    """Samples in seconds by row key and side, and what else a reader wants to know."""

    samples: dict[str, dict[Side, list[float]]] = field(default_factory=dict)
    startup_seconds: dict[Side, list[float]] = field(default_factory=dict)
    plugins: dict[Side, list[str]] = field(default_factory=dict)
    fsyncs: dict[Side, int] = field(default_factory=dict)
    lost_saves: dict[Side, int] = field(default_factory=dict)
    guards: Share | None = None
    resident_bytes: dict[Side, int] = field(default_factory=dict)
    """What each worker holds in memory after its readings, a wiki's pages all seen."""
    sections: list[Section] = field(default_factory=list)
    pages: int = 0
    long_page: str = ""
    long_page_bytes: int = 0
    left_out: list[str] = field(default_factory=list)
    load_averages: list[float] = field(default_factory=list)
    """The machine's one-minute load before and after: much above 1 means it was shared."""

    @property
    def failures(self) -> list[str]:
        """What makes the numbers worthless however good they are; empty when all is well."""
        lost = [f"{side} lost {n} saves" for side, n in self.lost_saves.items() if n]
        if not self.fsyncs.get("ours"):
            lost.append("a save of ours did not call fsync")
        return lost


def measure(
    workspace: Workspace, counts: SampleCounts, *, seed: int, tell: Callable[[str], None]
) -> Measurements:
    """Take all samples; `tell` is given a line of progress now and then.

    Raises BenchError when a worker fails or a page answers anything but success.
    """
    result = Measurements(load_averages=[os.getloadavg()[0]])
    with ExitStack() as stack:
        workers = {side: stack.enter_context(workspace.start(side)) for side in ALL}
        for worker in workers.values():
            _note_start(result, worker)
            workspace.sign_in(worker)
        tell("viewing every page once")
        inputs = _visit_all(workers, result, seed)
        before = {side: workspace.count_commits(side) for side in ALL}
        written = dict.fromkeys(ALL, 0)
        for row in ROWS:
            if row.phase == "cold":
                continue
            tell(row.label)
            count = counts.of(row)
            if row.phase == "first":
                result.samples[row.key] = _first_visits(workspace, row, inputs, count, result)
                continue
            if row.phase == "write" and not result.resident_bytes:
                for side, worker in workers.items():
                    result.resident_bytes[side] = worker.call("memory")["resident_bytes"]
            result.samples[row.key] = {side: [] for side in ALL}
            for number in range(count):
                for side in _rotated(ALL, number):
                    answer = _ask(workers[side], row, inputs, number)
                    result.samples[row.key][side].append(answer["seconds"])
                    written[side] += answer.get("commits", 0)
        tell("session and permission code")
        asked = workers["ours"].call("share_of_guards", page=inputs.page(0), views=counts.guards)
        stock_view = median(result.samples["view"]["stock"])
        result.guards = replace(Share(**asked), stock_view_seconds=stock_view)
        for side, worker in workers.items():
            counted = worker.call("count_fsyncs", page=inputs.page(0))
            result.fsyncs[side] = counted["fsyncs"]
            written[side] += counted["commits"]
    for row in ROWS:
        if row.phase == "cold":
            tell(row.label)
            found = _first_visits(workspace, row, inputs, counts.of(row), result)
            result.samples[row.key] = found
    course = Course(workspace, counts, seed, tell)
    result.sections = [take(course) for take in SECTIONS]
    result.load_averages.append(os.getloadavg()[0])
    for side in ALL:
        result.lost_saves[side] = before[side] + written[side] - workspace.count_commits(side)
    return result


def _visit_all(workers: dict[Side, WorkerProcess], result: Measurements, seed: int) -> Inputs:
    """View every page that all sides have, once on each; the ones that all of them can show."""
    listings = {side: worker.call("pages")["pages"] for side, worker in workers.items()}
    names = sorted(set.union(*(set(pages) for pages in listings.values())))
    sizes = {}
    for number, name in enumerate(names):
        page = name.removesuffix(".md")
        inputs = Inputs(pages=(page,), words=(), long_page=page)
        seen = [
            name in listings[side]
            and workers[side].call("request", path=inputs.url("view", 0))["status"] == 200
            for side in _rotated(ALL, number)
        ]
        if all(seen):
            sizes[page] = listings["stock"][name]
        else:
            result.left_out.append(page)
    if not sizes:
        raise BenchError("no page can be viewed on every side")
    pages = list(sizes)
    words = _title_words(pages)
    result.pages = len(pages)
    result.long_page = max(pages, key=sizes.__getitem__)
    result.long_page_bytes = sizes[result.long_page]
    chance = random.Random(seed)
    chance.shuffle(pages)
    chance.shuffle(words)
    return Inputs(tuple(pages), tuple(words), result.long_page)


def _title_words(pages: Iterable[str]) -> list[str]:
    """Words of four letters or more from page names, sorted: searches with something to find."""
    found = {word.lower() for page in pages for word in re.findall(r"[A-Za-z]{4,}", page)}
    return sorted(found) or ["wiki"]


def _first_visits(
    workspace: Workspace, row: Row, inputs: Inputs, count: int, result: Measurements
) -> dict[Side, list[float]]:
    """Each sample starts a process, asks it once, and ends it; a cold one forgets all before."""
    seconds: dict[Side, list[float]] = {side: [] for side in MAIN}
    for number in range(count):
        for side in _rotated(MAIN, number):
            if row.phase == "cold":
                workspace.forget_derived(side)
            with workspace.start(side) as worker:
                _note_start(result, worker)
                seconds[side].append(_ask(worker, row, inputs, number)["seconds"])
    return seconds


def _ask(worker: WorkerProcess, row: Row, inputs: Inputs, number: int) -> dict[str, Any]:
    message = row.message(inputs, number)
    answer = worker.call(message.pop("op"), **message)
    if row.kind is not None and answer["status"] != 200:
        raise BenchError(f"{worker.config.side}: {message['path']} answered {answer['status']}")
    return answer


def _note_start(result: Measurements, worker: WorkerProcess) -> None:
    side = worker.config.side
    result.startup_seconds.setdefault(side, []).append(worker.ready["startup_seconds"])
    result.plugins[side] = worker.ready["plugins"]


def _rotated(sides: tuple[Side, ...], number: int) -> tuple[Side, ...]:
    at = number % len(sides)
    return sides[at:] + sides[:at]
