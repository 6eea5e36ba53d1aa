"""Two wikis in every fixture: each test can show that the other one is untouched and unseen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otterwiki_tenant.farm import Farm
from otterwiki_tenant.testing import SmallFarm, add_person, make_farm
from otterwiki_tenant.users import User


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm without Otterwiki: Alice and Robert, each with a wiki."""
    made = make_farm(tmp_path / "home")
    for handle in ("alice.test", "robert.test"):
        person = add_person(made, handle)
        page = f"# canary-{person.username}\n".encode()
        made.create_wiki(None, owner_did=person.did, template={"Home.md": page})
    yield made
    made.close()


@pytest.fixture
def carol(farm: Farm) -> User:
    """Somebody registered who has no wiki yet."""
    return add_person(farm, "carol.test")


@pytest.fixture
def small_farm(tmp_path: Path) -> Iterator[SmallFarm]:
    """A farm with Otterwiki behind its front door."""
    made = SmallFarm(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallFarm]:
    """The same, for tests that change nothing on it."""
    made = SmallFarm(tmp_path_factory.mktemp("shared") / "home")
    yield made
    made.close()
