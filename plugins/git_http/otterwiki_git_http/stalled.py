"""A client that stops reading does not keep its place for ever: when the time is up, its connection
is closed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

#: Where the servers that say so put the connection: Gunicorn, and Werkzeug's for development.
_KEYS = ("gunicorn.socket", "werkzeug.socket")


@contextmanager
def closed_after(environ: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """Close the request's connection if the block takes longer than `seconds`.

    Writing to somebody who does not read blocks where no clock is looked at. With a server that
    does not name the connection, only the clock that is looked at between two writes counts.
    """
    connection = next((environ[key] for key in _KEYS if environ.get(key) is not None), None)
    if connection is None:
        yield
        return
    timer = threading.Timer(seconds, _close, [connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _close(connection: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)
