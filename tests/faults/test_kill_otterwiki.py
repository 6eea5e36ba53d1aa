"""SIGKILL while a stock Otterwiki with the engine answers a form: all is there, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .kill_content import FORMS, build, posted
from .kill_oracle import KillMatrix, Operation
from .kill_points import spread
from .zygote import Zygote

_OPERATIONS = [posted(*form) for form in FORMS]


@dataclass(frozen=True)
class Stock:
    """An Otterwiki bound to `place`, and a wiki to copy there before each call."""

    otterwiki: Zygote
    place: Path
    template: Path


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """A process that has imported Otterwiki with the engine."""
    folder = tmp_path_factory.mktemp("otterwiki")
    place, template = folder / "wiki", folder / "template"
    with Zygote("tests.faults.engine_calls", folder / "engine.log") as engine:
        for wiki in (place, template):
            engine.call("create", folder=str(wiki), work_tree=True)
            build(engine, wiki)
    environment = {
        "REPOSITORY": str(place),
        "SECRET_KEY": "not a secret, used in tests",
        "RETAIN_PAGE_NAME_CASE": "true",
        "WTF_CSRF_ENABLED": "false",
        "AUTH_METHOD": "PROXY_HEADER",
    }
    log = folder / "otterwiki.log"
    with Zygote("tests.faults.otterwiki_calls", log, environment) as zygote:
        yield Stock(zygote, place, template)


def _run(stock: Stock, operation: Operation, wanted: int | None) -> None:
    zygote = stock.otterwiki
    matrix = KillMatrix(stock.template, stock.place, operation, zygote, zygote)
    report = matrix.run(spread(matrix.count_steps(), wanted))
    print(f"{operation}: {report.points} points, {report.committed} after the commit")
    assert not report.problems, str(report)


@pytest.mark.parametrize("operation", _OPERATIONS, ids=str)
def test_killed_request(stock: Stock, operation: Operation) -> None:
    _run(stock, operation, 10)


@pytest.mark.soak
@pytest.mark.parametrize("operation", _OPERATIONS, ids=str)
def test_killed_request_at_every_step(stock: Stock, operation: Operation) -> None:
    _run(stock, operation, None)
