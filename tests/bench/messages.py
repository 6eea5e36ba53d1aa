"""Messages between the harness and its workers: one JSON object a line, over the worker's pipes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Side = Literal["stock", "ours", "work_tree"]


class BenchError(Exception):
    """The benchmark could not be run; the text says what stopped it."""


@dataclass(frozen=True)
class WorkerConfig:
    """What a worker is told on its command line.

    `repository` is the clone with a work tree (None for ours, which is set up by its environment);
    `cookies` signs a fresh worker in with what an earlier one was given: (domain, name, value).
    """

    side: Side
    host: str
    repository: str | None
    cookies: list[tuple[str, str, str]]


ROOT = Path(__file__).resolve().parents[2]
