"""Turns measurements into the table and the JSON document."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import median
from typing import Any

from .comparison import Comparison, Verdict, compare
from .measure import Measurements
from .messages import Side
from .rows import ROWS, Row

_PACKAGES = ("otterwiki", "otterwiki-robot", "dulwich", "GitPython", "Werkzeug")


@dataclass(frozen=True)
class Line:
    """One row with what came out; `work_tree_seconds` is None where it was not measured."""

    row: Row
    comparison: Comparison
    verdict: Verdict
    samples: int
    work_tree_seconds: float | None


def judge(measurements: Measurements, *, seed: int) -> list[Line]:
    """A line for each row, in the order of `ROWS`."""
    lines = []
    for row in ROWS:
        sides = measurements.samples[row.key]
        comparison = compare(sides["stock"], sides["ours"], seed=seed)
        lines.append(
            Line(
                row=row,
                comparison=comparison,
                verdict=row.target.verdict(comparison) if row.target else Verdict.INFO,
                samples=len(sides["stock"]),
                work_tree_seconds=median(sides["work_tree"]) if "work_tree" in sides else None,
            )
        )
    return lines


def passed(measurements: Measurements, lines: list[Line]) -> bool:
    """True when every target is met and nothing makes the numbers worthless."""
    guards_are_met = measurements.guards is not None and measurements.guards.is_met
    rows_are_met = all(line.verdict != Verdict.FAIL for line in lines)
    sections_are_met = all(section.is_met for section in measurements.sections)
    return not measurements.failures and guards_are_met and rows_are_met and sections_are_met


def as_table(measurements: Measurements, lines: list[Line]) -> str:
    """The report for people: a table, then what was measured. Times in milliseconds."""
    head = ("row", "n", "stock", "ours", "ratio", "95 % interval", "target", "", "work tree")
    table = [head]
    for line in lines:
        found = line.comparison
        beside = "" if line.work_tree_seconds is None else f"{line.work_tree_seconds * 1000:.1f}"
        table.append(
            (
                line.row.label,
                str(line.samples),
                f"{found.stock_seconds * 1000:.1f}",
                f"{found.ours_seconds * 1000:.1f}",
                f"{found.ratio:.2f}",
                f"{found.low:.2f} .. {found.high:.2f}",
                str(line.row.target or ""),
                line.verdict.value,
                beside,
            )
        )
    widths = [max(len(cells[i]) for cells in table) for i in range(len(head))]
    right = {1, 2, 3, 4, 8}
    text = [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in table
    ]
    text.insert(1, "  ".join("-" * width for width in widths))
    load = " to ".join(f"{average:.1f}" for average in measurements.load_averages)
    startup = ", ".join(
        f"{side} {median(seconds):.2f} s" for side, seconds in measurements.startup_seconds.items()
    )
    text += [
        "",
        "Medians in ms; ratio = stock / ours with its 95 % bootstrap interval.",
        f"{measurements.pages} pages ({len(measurements.left_out)} left out), the longest "
        f"{measurements.long_page_bytes} bytes; fsync calls of a save: "
        f"stock {measurements.fsyncs['stock']}, ours {measurements.fsyncs['ours']}; "
        f"start-up (not counted): {startup}; load average {load}.",
    ]
    held = ", ".join(
        f"{side} {size / 2**20:.0f} MB" for side, size in measurements.resident_bytes.items()
    )
    text.append(f"Resident memory of a worker that has shown every page: {held}.")
    text += [str(measurements.guards)] if measurements.guards else []
    for section in measurements.sections:
        text += section.lines()
    text += [f"FAIL: {failure}" for failure in measurements.failures]
    text.append("All targets met." if passed(measurements, lines) else "A target is missed.")
    return "\n".join(text)


def as_document(measurements: Measurements, lines: list[Line], *, seed: int) -> dict[str, Any]:
    """The report for programs, ready for json.dump. Times in milliseconds."""
    return {
        "passed": passed(measurements, lines),
        "failures": measurements.failures,
        "seed": seed,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "versions": {name: version(name) for name in _PACKAGES},
        "load_averages": measurements.load_averages,
        "pages": measurements.pages,
        "left_out": measurements.left_out,
        "long_page": measurements.long_page,
        "long_page_bytes": measurements.long_page_bytes,
        "plugins": measurements.plugins,
        "fsyncs_per_save": measurements.fsyncs,
        "lost_saves": measurements.lost_saves,
        "guards": asdict(measurements.guards) if measurements.guards else None,
        "resident_bytes": measurements.resident_bytes,
        **{section.key: section.document() for section in measurements.sections},
        "startup_ms": {
            side: _milliseconds(seconds) for side, seconds in measurements.startup_seconds.items()
        },
        "rows": [_row_document(line, measurements.samples[line.row.key]) for line in lines],
    }


def _row_document(line: Line, samples: dict[Side, list[float]]) -> dict[str, Any]:
    found, beside = line.comparison, line.work_tree_seconds
    return {
        "row": line.row.key,
        "label": line.row.label,
        "samples": line.samples,
        "stock_ms": round(found.stock_seconds * 1000, 3),
        "ours_ms": round(found.ours_seconds * 1000, 3),
        "ratio": round(found.ratio, 4),
        "interval": [round(found.low, 4), round(found.high, 4)],
        "target": str(line.row.target) if line.row.target else None,
        "verdict": line.verdict.value,
        "work_tree_ms": None if beside is None else round(beside * 1000, 3),
        "samples_ms": {side: _milliseconds(seconds) for side, seconds in samples.items()},
    }


def _milliseconds(seconds: list[float]) -> list[float]:
    return [round(second * 1000, 3) for second in seconds]
