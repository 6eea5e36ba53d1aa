"""A response body that is produced in its request's context, after the request has returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from typing import Any


class ContextIterable:
    """A response body whose every step runs in `context`; `done` is called once, when closed."""

    def __init__(self, context: Context, body: Iterable[bytes], done: Callable[[], None]) -> None:
        self._context = context
        self._body = body
        self._chunks: Iterator[bytes] = context.run(iter, body)
        self._done: Callable[[], None] | None = done

    def __iter__(self) -> ContextIterable:
        return self

    def __next__(self) -> bytes:
        return self._context.run(next, self._chunks)

    def close(self) -> None:
        """Close the body, in its context."""
        done, self._done = self._done, None
        if done is None:
            return
        try:
            close: Any = getattr(self._body, "close", None)
            if close is not None:
                self._context.run(close)
        finally:
            done()
