"""A farm of many wikis: is a request slower there than one of very many to a single wiki?

All wikis belong to one person, who opens every page of each of them once; how long that takes in a
worker that has not seen them is told too. Then it is asked for pages of all wikis in turn and,
after each of these, for the same page of one and the same wiki.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import median
from typing import Any

from .comparison import Comparison, compare
from .messages import BenchError
from .sections import Course
from .worker_process import WorkerProcess

LIMIT = 1.3
"""The most that a request may take, in times of one to a single wiki."""
_PATHS = ("/", "/Getting%20Started", "/Agent%20Guide")


@dataclass(frozen=True)
class ManyWikis:
    """`found` compares a single wiki ("stock") with all of them ("ours"): its ratio is below 1."""

    wikis: int
    requests: int
    found: Comparison
    first_seconds: float
    """Median of the first view of a page: nobody has opened it before."""
    resident_bytes: dict[str, int]
    files: int
    key: str = "many_wikis"

    @property
    def times(self) -> float:
        """How many times as long as at a single wiki a request takes."""
        return 1 / self.found.ratio

    @property
    def is_met(self) -> bool:
        """Whether the limit is kept to."""
        return self.times <= LIMIT

    def lines(self) -> list[str]:
        """One sentence."""
        before, after = (self.resident_bytes[at] / 2**20 for at in ("before", "after"))
        return [
            f"{self.wikis:,} wikis registered: a page view spread over all of them takes"
            f" {self.found.ours_seconds * 1000:.1f} ms, at one of them"
            f" {self.found.stock_seconds * 1000:.1f} ms, {self.times:.2f}x"
            f" ({1 / self.found.high:.2f} .. {1 / self.found.low:.2f}, {self.requests:,} views);"
            f" at most {LIMIT:g}x: {'PASS' if self.is_met else 'FAIL'}. The first view of a page"
            f" takes {self.first_seconds * 1000:.1f} ms. That worker holds {before:.0f} MB when it"
            f" has started, {after:.0f} MB and {self.files} open files afterwards."
        ]

    def document(self) -> dict[str, Any]:
        """The numbers."""
        return {
            "wikis": self.wikis,
            "requests": self.requests,
            "spread_ms": round(self.found.ours_seconds * 1000, 3),
            "one_ms": round(self.found.stock_seconds * 1000, 3),
            "times": round(self.times, 4),
            "first_ms": round(self.first_seconds * 1000, 3),
            "interval": [round(1 / self.found.high, 4), round(1 / self.found.low, 4)],
            "limit": LIMIT,
            "resident_bytes": self.resident_bytes,
            "open_files": self.files,
        }


def measure_many_wikis(course: Course) -> ManyWikis:
    """Register the wikis, visit each of them once, and compare."""
    counts = course.counts
    course.tell(f"registering {counts.wikis:,} wikis")
    hosts = course.workspace.register_wikis(counts.wikis)
    with course.workspace.start("ours") as worker:
        before = worker.call("memory")
        course.tell("opening every page of each of them once")
        for first in range(0, len(hosts), 20):
            worker.call("enter", hosts=hosts[first : first + 20])
        firsts = [_view(worker, host, number) for host in hosts for number in (1, 2)]
        course.tell("views spread over all of them, and of one")
        random.Random(course.seed).shuffle(hosts)
        spread, one = [], []
        for number in range(counts.spread):
            spread.append(_view(worker, hosts[number % len(hosts)], number))
            one.append(_view(worker, hosts[0], number))
        after = worker.call("memory")
    return ManyWikis(
        wikis=len(hosts),
        requests=len(spread),
        found=compare(one, spread, seed=course.seed),
        first_seconds=median(firsts),
        resident_bytes={"before": before["resident_bytes"], "after": after["resident_bytes"]},
        files=after["files"],
    )


def _view(worker: WorkerProcess, host: str, number: int) -> float:
    answer = worker.call("request", path=_PATHS[number % len(_PATHS)], host=host)
    if answer["status"] != 200:
        raise BenchError(f"{host} answered {answer['status']}")
    seconds: float = answer["seconds"]
    return seconds
