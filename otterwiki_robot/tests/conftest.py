"""Two people with a wiki each, in a temporary folder; Alice's is private, Bob's public."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository
from otterwiki_robot.installation import Installation
from otterwiki_robot.settings import Settings, read_settings
from otterwiki_robot.transfer.checks import Limits
from otterwiki_tenant import names, people

from .made_farm import make_home
from .root_visitor import RootVisitor, make_app


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A farm made once; tests get copies of it."""
    return make_home(tmp_path_factory.mktemp("made") / "home")


@pytest.fixture
def settings(made_home: Path, tmp_path: Path) -> Settings:
    """Development settings for a copy of the farm."""
    home = tmp_path / "home"
    shutil.copytree(made_home, home, symlinks=True)
    return read_settings({"ROBOT_DEV": "1", "ROBOT_HOME": str(home)})


@pytest.fixture
def installation(settings: Settings) -> Iterator[Installation]:
    """The copy, opened."""
    opened = Installation(settings)
    yield opened
    opened.close()


@pytest.fixture
def limits() -> Limits:
    """Small enough to be exceeded by a test."""
    return Limits(page_bytes=1000, attachment_bytes=5000, repository_bytes=1_000_000)


@pytest.fixture
def new_repository(tmp_path: Path) -> Iterator[Callable[[str], Repository]]:
    """Makes empty bare repositories by name."""
    made: list[Repository] = []

    def make(name: str) -> Repository:
        folder = tmp_path / "repositories" / name
        folder.mkdir(parents=True)
        made.append(Repository.create(folder / "repo.git", state_dir=folder))
        return made[-1]

    yield make
    for repository in made:
        repository.close()


@pytest.fixture
def author() -> Author:
    """Somebody who commits."""
    return Author("Carol", "carol@example.org")


@pytest.fixture
def progress() -> Callable[[str, int, int | None], None]:
    """A progress that nobody watches."""
    return lambda stage, done, total: None


@pytest.fixture
def visit(installation: Installation) -> Callable[..., RootVisitor]:
    """Opens a browser at the root host, signed in as the person of a handle where one is given."""
    app = make_app(installation)

    def open_browser(handle: str | None = None, **options: str) -> RootVisitor:
        visitor = RootVisitor(installation, app, **options)
        return visitor.sign_in(handle) if handle else visitor

    return open_browser


@pytest.fixture
def carol(installation: Installation) -> str:
    """The handle of somebody registered who has no wiki."""
    people.add_user(installation.farm, did=names.development_did("carol.test"), handle="carol.test")
    return "carol.test"
