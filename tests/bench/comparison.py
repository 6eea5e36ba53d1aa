"""Ratio of medians with a bootstrap interval, and what a row's target makes of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median


class Verdict(StrEnum):
    """What a row ends with; INFO rows have no target."""

    PASS = "PASS"
    FAIL = "FAIL"
    INFO = "info"


@dataclass(frozen=True)
class Comparison:
    """Medians in seconds; `ratio` is stock over ours, `low`..`high` its 95 % interval."""

    stock_seconds: float
    ours_seconds: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Target:
    """A limit on the ratio stock/ours.

    `limit` is in the words of the row: "at least `limit` times faster", or "takes at most
    `limit` times as long" where `no_slower` is set.
    """

    limit: float
    no_slower: bool = False

    def verdict(self, comparison: Comparison) -> Verdict:
        """PASS or FAIL; a `no slower` row fails only if the whole interval is worse."""
        if self.no_slower:
            return Verdict.PASS if comparison.high >= 1 / self.limit else Verdict.FAIL
        return Verdict.PASS if comparison.ratio >= self.limit else Verdict.FAIL

    def __str__(self) -> str:
        return f"time <= {self.limit:g}x" if self.no_slower else f">= {self.limit:g}x"


def compare(
    stock: Sequence[float], ours: Sequence[float], *, seed: int, resamples: int = 2000
) -> Comparison:
    """Compare paired samples in seconds (the i-th of both sides is the same page).

    Pairs are resampled together, so that a slow page drawn twice is slow on both sides.
    Raises ValueError when the lists are empty or of different length.
    """
    if not stock or len(stock) != len(ours):
        raise ValueError(f"{len(stock)} stock samples do not pair with {len(ours)} of ours")
    count = len(stock)
    chance = random.Random(seed)
    ratios = []
    for _ in range(resamples):
        drawn = chance.choices(range(count), k=count)
        ratios.append(median(stock[i] for i in drawn) / median(ours[i] for i in drawn))
    ratios.sort()
    return Comparison(
        stock_seconds=median(stock),
        ours_seconds=median(ours),
        ratio=median(stock) / median(ours),
        low=ratios[int(0.025 * resamples)],
        high=ratios[min(resamples - 1, int(0.975 * resamples))],
    )
