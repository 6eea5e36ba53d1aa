"""The one rule of who may do what on a wiki, and the one place where a request becomes an Actor."""

from __future__ import annotations

from sqlalchemy.orm import Session

from otterwiki_engine.actor import Actor, Permission

from . import users
from .identity import IdentityCookies
from .users import User
from .wikis import WikiRecord

EVERYTHING = frozenset(Permission)
READING = frozenset({Permission.READ})
NOTHING: frozenset[Permission] = frozenset()


def permissions_of(did: str | None, wiki: WikiRecord) -> frozenset[Permission]:
    """What `did` (None: nobody known) may do on `wiki`: the owner all, a public wiki is read by
    anyone, else nothing."""
    if did is not None and did == wiki.owner_did:
        return EVERYTHING
    return READING if wiki.is_public else NOTHING


def user_of_cookie(
    session: Session, cookies: IdentityCookies, cookie_header: str | None
) -> User | None:
    """The registered person behind a request's Cookie header, by the users' current rows."""
    identity = cookies.read(cookie_header)
    return None if identity is None else users.by_did(session, identity.did)


def actor_of(user: User | None, wiki: WikiRecord, *, client: str | None = None) -> Actor:
    """The actor that `user` is on `wiki`; `client` names the program where it is no browser."""
    did = user.did if user else None
    return Actor(
        did=did,
        handle=user.handle if user else None,
        client=client,
        wiki=wiki.slug,
        permissions=permissions_of(did, wiki),
    )
