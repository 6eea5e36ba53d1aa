"""Rights asked once more, when a request is about to change something.

A request is let in before its body is read, and the client decides how long that takes. Meanwhile
its sender may have lost their role, their session or their account, and the wiki may have been
deleted and made again. So before anything is written the front door's question is asked anew, by
the rows of now.
"""

from __future__ import annotations

from otterwiki_engine.actor import Permission
from otterwiki_engine.errors import Forbidden

from .credentials import CredentialRefused
from .current import ActiveWiki

_REFUSED = "You may not change this wiki any more, so nothing was saved."


def check(active: ActiveWiki, needed: Permission) -> None:
    """Raise Forbidden unless the request would still be let in as the same person, to the same
    wiki, with that permission. Outside of a request (worker, command line) there is nothing to ask.

    Raises Unavailable where the registry can't answer.
    """
    if active.readmit is None:
        return
    try:
        fresh = active.readmit()
    except CredentialRefused:
        raise Forbidden(_REFUSED) from None
    is_same = (
        fresh.wiki is not None
        and fresh.actor is not None
        and fresh.wiki.session_key == active.record.session_key
        and fresh.actor.did == active.actor.did
    )
    if not is_same or fresh.actor is None or not fresh.actor.may(needed):
        raise Forbidden(_REFUSED)
