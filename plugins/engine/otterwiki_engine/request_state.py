"""What one request remembers of the wiki: the commit it reads, and changes not yet committed.

Within a request Otterwiki is served from one snapshot, so that a page and its metadata belong
together whatever others write meanwhile. Several storage calls that make one change (a rename with
its backlinks) are staged here and committed once. Both are dropped when the request ends.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from flask import Flask, g, has_app_context

from .snapshot import Snapshot
from .wiki import Wiki

_KEY = "_otterwiki_engine_state"
_outside_requests = threading.local()


@dataclass
class RequestState:
    """`staged` maps paths to new contents (None: deleted), made on revision `staged_on`."""

    snapshot: Snapshot | None = None
    staged: dict[str, bytes | None] = field(default_factory=dict)
    staged_on: str | None = None

    @property
    def pins_snapshot(self) -> bool:
        """Whether all is read from one commit: while a request is being served."""
        return has_app_context() and getattr(g, _KEY + "_served", False)

    def has_file(self, path: str, snapshot: Snapshot) -> bool:
        """Whether `path` is a file, with what was staged taken into account."""
        if path in self.staged:
            return self.staged[path] is not None
        return path in snapshot.entries

    def drop_staged(self) -> None:
        """Forget every staged change."""
        self.staged = {}
        self.staged_on = None


def state_of(wiki: Wiki) -> RequestState:
    """The state of `wiki` in this request, or in this thread where there is no request."""
    holder = g if has_app_context() else _outside_requests
    states: WeakKeyDictionary[Wiki, RequestState] | None = getattr(holder, _KEY, None)
    if states is None:
        states = WeakKeyDictionary()
        setattr(holder, _KEY, states)
    return states.setdefault(wiki, RequestState())


def install(app: Flask) -> None:
    """Begin and end the state with each request `app` serves."""

    @app.before_request
    def begin() -> None:
        setattr(g, _KEY + "_served", True)

    @app.teardown_appcontext
    def end(_error: BaseException | None) -> None:
        g.pop(_KEY, None)
