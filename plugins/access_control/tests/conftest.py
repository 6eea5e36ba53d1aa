"""A farm with two wikis behind its front door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otterwiki_tenant.testing import SmallFarm


@pytest.fixture(scope="module")
def small_farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallFarm]:
    """Alice's private wiki and Robert's public one; tests here add pages and never rely on none."""
    made = SmallFarm(tmp_path_factory.mktemp("farm") / "home")
    yield made
    made.close()
