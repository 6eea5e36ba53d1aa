"""The registry's database: SQLite in WAL mode, or PostgreSQL by giving another URL.

Nothing above this module knows which one it is. Writers take SQLite's write lock at once
(``BEGIN IMMEDIATE``), so a transaction that read first never fails half-way for being stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from .errors import RegistryBehind, RegistryConflict, Unavailable
from .questions import Questions

BUSY_TIMEOUT_SECONDS = 5.0
_MIGRATIONS = Path(__file__).with_name("migrations")
_VERSION_TABLE = "alembic_version_tenant"
_WRITING = "registry_writing"


def sqlite_url(path: Path) -> str:
    """The URL of the SQLite file at `path`."""
    return f"sqlite:///{path}"


def make_engine(url: str, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> Engine:
    """An engine for `url`; on SQLite durable at power loss and with foreign keys enforced."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(
        url, connect_args={"timeout": busy_timeout_seconds}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def set_up(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_WRITING)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


class Database:
    """The registry's tables behind two kinds of transaction. Safe for threads."""

    def __init__(self, url: str, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> None:
        """Opens nothing yet; connections are made at first use, after a fork if there is one."""
        self.engine = make_engine(url, busy_timeout_seconds=busy_timeout_seconds)
        self._writing_engine = self.engine.execution_options(**{_WRITING: True})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the registry; what it changes is rolled back.

        Raises :class:`Unavailable` where the database can't answer.
        """
        with _typed_errors(), Session(self.engine) as session:
            yield session

    def asking(self) -> Questions:
        """For what is asked on every request; see :class:`.questions.Questions`."""
        return Questions(self.engine)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are committed together at the end, or not at all on an error.

        Raises :class:`Unavailable`, or :class:`RegistryConflict` where another one was faster.
        """
        with _typed_errors(), Session(self._writing_engine) as session, session.begin():
            session.connection()  # begins now: what is read below can't change any more
            yield session

    def upgrade(self) -> None:
        """Bring the tables to this program's version; does nothing where they are."""
        with self._writing_engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def revision(self) -> str | None:
        """The version the tables stand at, None where there are none."""
        with self.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": _VERSION_TABLE})
            return context.get_current_revision()

    def check_current(self) -> None:
        """Raise :class:`RegistryBehind` unless the tables are at this program's version."""
        wanted = ScriptDirectory.from_config(_config()).get_current_head()
        found = self.revision()
        if found != wanted:
            raise RegistryBehind(
                f"The registry stands at version {found or 'none'}, this program needs {wanted}."
                " Run: robot upgrade"
            )

    def close(self) -> None:
        """Close all idle connections; the object can still be used."""
        self.engine.dispose()


@contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise RegistryConflict(
            "Somebody else changed the same thing at the same moment. Please try again."
        ) from error
    except SQLAlchemyError as error:
        raise Unavailable(f"the registry can't answer: {error}") from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
