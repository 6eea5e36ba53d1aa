"""Who a request is on a stock Otterwiki, by Otterwiki's own users, settings and key.

An Authorization header decides alone, by Bearer (RFC 6750) or Basic (RFC 7617):

- ``OTTERWIKI_API_KEY``, as the token or the password of any user name, may read, write and upload,
- the e-mail address and password of a user of Otterwiki may do what that user may.

Anything else in that header is refused, with one exception: where a proxy signs people in
(AUTH_METHOD=PROXY_HEADER), a header that is not the key may be the proxy's own, and is not looked
at. Without the header it is the session's user, or nobody; they may do what Otterwiki's access
settings say.

A farm answers this hook before us (:mod:`.hooks`), with rules of its own.
"""

from __future__ import annotations

import hmac
from typing import Any

from flask import Flask, g

from . import hooks, stock_settings
from .actor import Actor, Permission
from .errors import BadCredential
from .hooks import hookimpl

_CLIENT = "API key"
_MAY_OF_KEY = frozenset({Permission.READ, Permission.WRITE, Permission.UPLOAD})
_REFUSED = "That is neither this wiki's API key nor the name and password of one of its users."


class StockActors:
    """Answers ``resolve_actor`` where nobody else does."""

    NAME = "stock_actors"

    @hookimpl(trylast=True)
    def resolve_actor(self, request: Any) -> Actor:
        """The request's actor; found out once a request. Raises :class:`BadCredential`."""
        known = g.get("otterwiki_engine_stock_actor")
        if known is None:
            try:
                known = _found(request)
            except BadCredential as error:
                known = error
            g.otterwiki_engine_stock_actor = known
        if isinstance(known, BadCredential):
            raise known
        return known


def install(app: Flask) -> None:
    """Register the answer, and complete Otterwiki's settings."""
    stock_settings.install(app)
    if not hooks.manager.has_plugin(StockActors.NAME):
        hooks.manager.register(StockActors(), StockActors.NAME)


def _found(request: Any) -> Actor:
    import otterwiki.auth
    from otterwiki.server import app

    sent = request.authorization
    if "Authorization" not in request.headers:
        return _user_actor(otterwiki.auth, otterwiki.auth.current_user)
    secret = None
    if sent is not None and sent.type in ("basic", "bearer"):
        secret = sent.password if sent.type == "basic" else sent.token
    if secret and _is_same(secret, stock_settings.api_key(app)):
        return Actor(client=_CLIENT, permissions=_MAY_OF_KEY)
    if not hasattr(otterwiki.auth.auth_manager, "check_credentials"):
        return _user_actor(otterwiki.auth, otterwiki.auth.current_user)
    user = None
    if sent is not None and sent.type == "basic" and sent.username and sent.password:
        user = otterwiki.auth.check_credentials(sent.username, sent.password)
    if not user:
        raise BadCredential(_REFUSED)
    return _user_actor(otterwiki.auth, user)


def _user_actor(auth: Any, user: Any) -> Actor:
    may = frozenset(
        permission for permission in Permission if auth.has_permission(permission.value, user)
    )
    return Actor(handle=getattr(user, "name", None), permissions=may)


def _is_same(one: str, other: str) -> bool:
    """Compared in constant time; no secret is the empty one."""
    if not other:
        return False
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8"))
