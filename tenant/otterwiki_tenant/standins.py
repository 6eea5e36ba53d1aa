"""The one module that replaces Otterwiki's objects for tenancy (design rules 4 and 5).

===============  =============================================  ===================================
object           why                                            how
===============  =============================================  ===================================
``app.config``   one dictionary for all requests; settings of   its class is replaced in place, so
                 one wiki would show in another                 that every holder of it is reached
``db.session``   bound to one database                          the session class of its factory is
                                                                replaced; it asks for the wiki's
the engine's     knows one wiki                                 its resolver is the wiki of the
current wiki                                                    request
===============  =============================================  ===================================

``tests/test_standins_contract.py`` fails when Otterwiki or its extensions change underneath.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from flask import Config, Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session

from otterwiki_engine.current import use_resolver

from . import current
from .access import Credential
from .errors import StartupRefused
from .preferences import OF_A_WIKI

_log = logging.getLogger(__name__)
_MISSING: Any = object()


class WikiConfig(Config):
    """``app.config`` that means the active wiki's settings first, and the farm's where it has none.

    While a wiki is active, writing changes this request's view of that wiki only. A setting of the
    farm can't be changed then: Otterwiki copies every Preferences row here, including rows that on
    a farm have no say.
    """

    def _own(self, name: str) -> Any:
        active = current.active_or_none()
        if active is None:
            return _MISSING
        if name == "SECRET_KEY":
            return active.secret_key
        if name == "WTF_CSRF_CHECK_DEFAULT":
            # Form tokens guard cookies; a token in a header is sent by nobody's page unasked.
            return active.credential is not Credential.WIKI_TOKEN
        if name in active.written:
            return active.written[name]
        if name in OF_A_WIKI:
            return active.settings.get(name, _MISSING)
        return _MISSING

    def __getitem__(self, name: str) -> Any:
        own = self._own(name)
        return super().__getitem__(name) if own is _MISSING else own

    def get(self, name: str, default: Any = None) -> Any:
        own = self._own(name)
        return super().get(name, default) if own is _MISSING else own

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or self._own(str(name)) is not _MISSING

    def __setitem__(self, name: str, value: Any) -> None:
        active = current.active_or_none()
        if active is None:
            super().__setitem__(name, value)
        elif name in OF_A_WIKI or not super().__contains__(name):
            active.written[name] = value
        else:
            _log.debug("setting of the farm kept: name=%s wiki=%s", name, active.record.slug)

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, *args: Any, **kwargs: Any) -> None:
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def __delitem__(self, name: str) -> None:
        active = current.active_or_none()
        if active is None:
            super().__delitem__(name)
        else:
            del active.written[name]

    def pop(self, name: str, *default: Any) -> Any:
        value = self.get(name, _MISSING)
        if value is not _MISSING:
            del self[name]
            return value
        if not default:
            raise KeyError(name)
        return default[0]

    def __iter__(self) -> Iterator[str]:
        active = current.active_or_none()
        yield from super().__iter__()
        if active is not None:
            yield from [name for name in active.written if not dict.__contains__(self, name)]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def keys(self) -> Any:
        return list(self)

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        return [self[name] for name in self]

    def copy(self) -> dict[str, Any]:
        return dict(self.items())


class WikiSession(Session):
    """The session of Otterwiki's tables: always the active wiki's ``wiki.db``, never a default."""

    def get_bind(self, *_args: Any, bind: Any = None, **_kwargs: Any) -> Any:
        return current.active().opened.database.engine if bind is None else bind


def install(app: Flask, db: SQLAlchemy) -> None:
    """Replace the objects. Called once, from the ``setup`` hook of the tenant plugin."""
    if type(app.config) is not Config:
        raise StartupRefused(f"app.config is a {type(app.config).__name__}, not Flask's own")
    app.config.__class__ = WikiConfig
    factory = db.session.session_factory
    factory.class_ = type("WikiSession", (WikiSession,), {})  # as sessionmaker does itself
    use_resolver(lambda: current.active().wiki)
