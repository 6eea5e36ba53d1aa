"""The conftest that Otterwiki's test files need and its source distribution does not have.

A pytest plugin (`-p tests.upstream.fixtures`) for the child process. It takes from the environment
ENGINE_UPSTREAM_STORAGE (a StorageKind) and ENGINE_UPSTREAM_OUTCOMES (the file that gets one line
of JSON for each test: its id, its outcome, and what it printed when it failed).

Otterwiki is one application in a process, made when `otterwiki.server` is imported. It is shared
by the tests of a batch, as upstream does; each test has a new repository, an empty database and
the settings of the start.
"""

from __future__ import annotations

import datetime
import functools
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import itsdangerous
import pytest
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash

from otterwiki_engine.after_answers import after_answers
from tests.upstream.storages import (
    StorageKind,
    block_plugins,
    new_repository,
    served,
    storage_class,
)

KIND = StorageKind(os.environ["ENGINE_UPSTREAM_STORAGE"])
OUTCOMES = Path(os.environ["ENGINE_UPSTREAM_OUTCOMES"])

# Read off the upstream tests: these two and nobody else, the first one an administrator.
ADMIN = ("Test User", "mail@example.org", "password1234")
OTHER = ("Another User", "another@user.org", "password4567")

SETTINGS: dict[str, object] = {
    "SITE_NAME": "TEST WIKI",
    "SECRET_KEY": "a key for tests and for nothing else",
    "TESTING": True,
    "DEBUG": True,
    "MAIL_SUPPRESS_SEND": True,
}


def pytest_configure(config: pytest.Config) -> None:
    block_plugins(KIND.blocked_plugins)


# --- outcomes -------------------------------------------------------------------------------------


def pytest_collection_finish(session: pytest.Session) -> None:
    for item in session.items:
        _tell(item.nodeid, "collected")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        _tell(report.nodeid, report.outcome, report.longreprtext)


def _tell(test: str, outcome: str, text: str = "") -> None:
    line = {"test": test.removeprefix("tests/"), "outcome": outcome, "text": text}
    with OUTCOMES.open("a", encoding="utf-8") as outcomes:
        outcomes.write(json.dumps(line) + "\n")


# --- the application ------------------------------------------------------------------------------


class TokenClient(FlaskClient):
    """A browser that has the CSRF token of its session and sends it with every request."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        with self.session_transaction() as session:
            secret = session.setdefault("csrf_token", secrets.token_hex(20))
        signer = itsdangerous.URLSafeTimedSerializer(
            str(self.application.secret_key), salt="wtf-csrf-token"
        )
        self.environ_base["HTTP_X_CSRFTOKEN"] = signer.dumps(secret)
        return super().open(*args, **kwargs)


@pytest.fixture(scope="session")
def started_app(tmp_path_factory: pytest.TempPathFactory) -> flask.Flask:
    """Otterwiki, imported on a new repository that then serves as the model for each test's own."""
    folder = tmp_path_factory.mktemp("started")
    repository = new_repository(folder / "repository")
    settings = folder / "settings.cfg"
    lines = [f"{name} = {value!r}\n" for name, value in SETTINGS.items()]
    settings.write_text("".join([*lines, f"REPOSITORY = {str(repository)!r}\n"]), encoding="utf-8")
    os.environ["OTTERWIKI_SETTINGS"] = str(settings)
    import otterwiki.gitstorage
    import otterwiki.server

    module = "otterwiki.gitstorage" if KIND is StorageKind.STOCK else "otterwiki_engine.storage"
    if type(otterwiki.server.storage).__module__ != module:
        pytest.exit(f"{KIND.value}: the storage is {type(otterwiki.server.storage)!r}", 3)

    app: flask.Flask = otterwiki.server.app
    app.root_path = str(_private_copy(Path(app.root_path), folder / "otterwiki"))
    app.test_client_class = TokenClient
    if (replacement := storage_class(KIND)) is not None:
        otterwiki.gitstorage.GitStorage = replacement
    return app


def _private_copy(package: Path, target: Path) -> Path:
    """A folder that looks like Otterwiki's, for tests that put files below `static/custom`."""
    for folder, kept in ((package, target), (package / "static", target / "static")):
        kept.mkdir()
        for entry in folder.iterdir():
            if entry.name not in ("static", "custom"):
                (kept / entry.name).symlink_to(entry)
    return target


@pytest.fixture(autouse=True)
def _running(started_app: flask.Flask) -> None:
    """Also tests that use no fixture see the storage under test."""


@pytest.fixture
def create_app(
    started_app: flask.Flask, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[flask.Flask]:
    """The application as it was after its start: repository, database, settings."""
    import otterwiki.server

    app: Any = started_app
    settings = dict(app.config)
    repository = tmp_path_factory.mktemp("wiki") / "repository"
    # What the engine keeps in .git/otterwiki belongs to the repository it was made for.
    ignored = shutil.ignore_patterns("otterwiki")
    shutil.copytree(settings["REPOSITORY"], repository, ignore=ignored)
    app.storage = otterwiki.server.storage
    otterwiki.server.githttpserver.path = str(repository)
    app.config["REPOSITORY"] = str(repository)
    app.test_mail = otterwiki.server.mail
    with served(KIND, app.storage, repository):
        app._otterwiki_tempdir = app.storage.path
        yield app
    if not after_answers.wait(60):  # the engine may be at work on what is removed here
        pytest.fail("work after an answer is not done after a minute", pytrace=False)
    shutil.rmtree(repository)
    app.config.clear()
    app.config.update(settings)
    _empty_database(app)


def _empty_database(app: flask.Flask) -> None:
    from otterwiki.server import db

    with app.app_context():
        for table in reversed(db.metadata.sorted_tables):
            db.session.execute(table.delete())
        db.session.commit()


@pytest.fixture
def test_client(create_app: flask.Flask) -> FlaskClient:
    return create_app.test_client()


@pytest.fixture
def req_ctx(create_app: flask.Flask) -> Iterator[Any]:
    with create_app.test_request_context() as context:
        yield context


# --- people ---------------------------------------------------------------------------------------


@pytest.fixture
def app_with_user(create_app: flask.Flask, req_ctx: Any) -> flask.Flask:
    """The application with exactly two users, ADMIN and OTHER."""
    from otterwiki.auth import SimpleAuth, db

    for name, email, password in (ADMIN, OTHER):
        user = SimpleAuth.User(
            name=name,
            email=email,
            password_hash=_cheap_hash(password),
            first_seen=datetime.datetime.now(),
            last_seen=datetime.datetime.now(),
            is_approved=True,
            is_admin=(name, email, password) == ADMIN,
            email_confirmed=True,
        )
        db.session.add(user)
    db.session.commit()
    return create_app


@functools.cache
def _cheap_hash(password: str) -> str:
    return generate_password_hash(password, method="pbkdf2:sha256:1")


@pytest.fixture
def admin_client(app_with_user: flask.Flask) -> FlaskClient:
    return _signed_in(app_with_user, ADMIN)


@pytest.fixture
def other_client(app_with_user: flask.Flask) -> FlaskClient:
    return _signed_in(app_with_user, OTHER)


def _signed_in(app: flask.Flask, person: tuple[str, str, str]) -> FlaskClient:
    client = app.test_client()
    _, email, password = person
    answer = client.post("/-/login", data={"email": email, "password": password})
    if answer.status_code != 302:
        pytest.fail(f"{email} could not sign in: {answer.status}")
    return client
