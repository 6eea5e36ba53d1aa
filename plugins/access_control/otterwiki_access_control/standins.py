"""The one module that replaces objects of Otterwiki for access control (design rule 5).

==========================================  =======================================================
object                                      why
==========================================  =======================================================
``otterwiki.auth.auth_manager``             it believes request headers, and knows no readers
                                            without an account; the module's functions look it up
                                            at each call
``auth_supported_features`` in templates    evaluated once from the manager above, at import
the first ``before_request`` function       Otterwiki serves all its endpoints; a farm only those of
                                            :mod:`.endpoints`
==========================================  =======================================================

``tests/test_standins_contract.py`` fails when Otterwiki changes underneath.
"""

from __future__ import annotations

from flask import Flask, abort, request

from otterwiki_engine import template_rewrite
from otterwiki_engine.actor import Permission
from otterwiki_tenant import current

from .endpoints import is_served
from .farm_auth import FarmAuth
from .template_rules import RULES


class UpstreamChanged(RuntimeError):
    """Otterwiki is not what the stand-ins were made for; nothing was replaced."""


def install(app: Flask) -> None:
    """Put the farm's answers in place. Called once, from the ``setup`` hook."""
    # Its own globals exist already where it is imported from: setup runs at the end of
    # otterwiki.server's definitions.
    import otterwiki.auth

    if type(otterwiki.auth.auth_manager) is not otterwiki.auth.ProxyHeaderAuth:
        raise UpstreamChanged(f"auth_manager is a {type(otterwiki.auth.auth_manager).__name__}")
    manager = FarmAuth()
    otterwiki.auth.auth_manager = manager
    app.jinja_env.globals["auth_supported_features"] = manager.supported_features()
    app.before_request_funcs.setdefault(None, []).insert(0, check_request)
    template_rewrite.install(app, RULES)


def check_request() -> None:
    """Refuse what the farm does not serve, and everything to somebody who may not read.

    The front door asked the latter already; a request that got past it some other way finds this.
    """
    if request.endpoint is not None and not is_served(request.endpoint, request.method):
        abort(404)
    active = current.active_or_none()
    if active is None or not active.actor.may(Permission.READ):
        abort(404)
