"""Two wikis, served on loopback: every test can show that the other one is not read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .served import Site, serving


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two public wikis with a home page each."""
    with serving(tmp_path / "wikis") as made:
        yield made
