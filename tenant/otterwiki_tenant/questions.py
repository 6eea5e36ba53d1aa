"""Asking the registry at little cost: statements that every request needs, on the bare driver.

SQLAlchemy takes several times as long to run a statement as SQLite takes to answer it. What is
asked on every request is still written as one of its statements, compiled once; the driver runs it,
on a connection of the same pool.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any

from sqlalchemy import Engine, Select
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import SQLAlchemyError

from .errors import Unavailable


class Questions:
    """A connection to ask from, as a context manager. No transaction: each answer is of its own
    moment. Raises :class:`Unavailable` where the database can't answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._driver: Any = engine.dialect.dbapi

    def __enter__(self) -> Questions:
        try:
            self._connection = self._engine.raw_connection()
        except (self._driver.Error, SQLAlchemyError) as error:
            raise Unavailable(f"the registry can't answer: {error}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._connection.close()  # back to the pool
        except (self._driver.Error, SQLAlchemyError) as failed:
            raise Unavailable(f"the registry can't answer: {failed}") from failed

    def one(self, statement: Select[Any], values: Mapping[str, object]) -> tuple[Any, ...] | None:
        """The first row of the answer, None where there is none.

        `values` are those of the statement's named parameters: text and whole numbers, for the
        columns' types are not asked.
        """
        text, order = _compiled(statement, self._engine.dialect)
        try:
            cursor = self._connection.cursor()
            try:
                given = dict(values) if order is None else [values[name] for name in order]
                cursor.execute(text, given)
                row: tuple[Any, ...] | None = cursor.fetchone()
                return row
            finally:
                cursor.close()
        except (self._driver.Error, SQLAlchemyError) as error:
            self._connection.invalidate()
            raise Unavailable(f"the registry can't answer: {error}") from error


@lru_cache(maxsize=64)
def _compiled(statement: Select[Any], dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    """The statement's text for the driver, and the order of its parameters where they have no
    names there."""
    compiled = statement.compile(dialect=dialect)
    order = getattr(compiled, "positiontup", None)
    return str(compiled), None if order is None else tuple(order)
