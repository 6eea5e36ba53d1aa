"""A farm with two wikis behind its front door, and programs that ask it with a token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .rest_clients import RestFarm


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestFarm]:
    """Alice's private wiki and Robert's public one, for tests that use pages of their own."""
    made = RestFarm(tmp_path_factory.mktemp("farm") / "home")
    yield made
    made.close()


@pytest.fixture
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestFarm]:
    """The same, for one test."""
    made = RestFarm(tmp_path_factory.mktemp("farm") / "home")
    yield made
    made.close()
