"""The marker of long runs, and what every harness here needs."""

from __future__ import annotations

import pytest


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
