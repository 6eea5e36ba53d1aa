"""Who asks, and whom a commit names. Asked of the engine's hooks, so that this plugin knows
neither farms nor Otterwiki's accounts."""

from __future__ import annotations

from flask import Request, request

from otterwiki_engine import hooks
from otterwiki_engine.actor import Actor
from otterwiki_engine.authorship import Author
from otterwiki_engine.pages.records import Writer

CHALLENGE = {"WWW-Authenticate": "Bearer"}
#: For a credential that was sent and is good for nothing (RFC 6750, 3).
BAD_CREDENTIAL = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def actor_of(sent: Request) -> Actor:
    """Who sent the request; somebody who may do nothing where nobody knows.

    Raises :class:`~otterwiki_engine.errors.BadCredential`.
    """
    found: Actor | None = hooks.manager.hook.resolve_actor(request=sent)
    return found or Actor()


def is_by_header(actor: Actor) -> bool:
    """Whether the Authorization header of the current request said that it is `actor`.

    Not where a proxy signs people in: a header that it passes on may be one that it, or a browser,
    sends with everything.
    """
    if "Authorization" not in request.headers:
        return False
    import otterwiki.auth

    return actor.client is not None or hasattr(otterwiki.auth.auth_manager, "check_credentials")


def writer_of(actor: Actor) -> Writer:
    """Whom a commit of the current request names: the person, and the program they use."""
    if actor.wiki is None and is_by_header(actor):
        # Otterwiki looks at the session only, which may be somebody else's.
        sent = request.authorization
        address = sent.username if actor.handle and sent is not None else ""
        author = Author(actor.handle or actor.client or "", address or "")
    else:
        import otterwiki.auth

        author = Author(*otterwiki.auth.get_author())
    return Writer(author, did=actor.did, client=actor.client)
