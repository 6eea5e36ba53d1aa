"""The marker of long runs, and what every harness here needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .zygote import Zygote


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker `soak`."""
    config.addinivalue_line("markers", "soak: a long run; select it with `-m soak`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip long runs unless the command line speaks of them."""
    if "soak" in (config.option.markexpr or ""):
        return
    skip = pytest.mark.skip(reason="a long run; select it with `-m soak`")
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """A process that has imported the engine and nothing of Otterwiki: makes, writes, asks."""
    log = tmp_path_factory.mktemp("zygote") / "engine.log"
    with Zygote("tests.faults.engine_calls", log) as zygote:
        yield zygote
