"""One-time sign-in links: a token that is stored hashed, lives ten minutes and works once."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from .clock import timestamp
from .errors import LinkRefused
from .models import LoginLinkRow

LIFETIME_SECONDS = 600
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_REFUSED = "This sign-in link was used already, is too old or was never made. Ask for a new one."


def _hash(token: str) -> str:
    """A plain digest is enough: the token is 256 random bits, nothing to guess."""
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def create(session: Session, did: str, now: datetime) -> str:
    """Make a link for the user `did`; returns the secret token, which is kept nowhere."""
    session.execute(delete(LoginLinkRow).where(LoginLinkRow.expires_at < timestamp(now)))
    token = secrets.token_urlsafe(32)
    session.execute(
        insert(LoginLinkRow).values(
            token_hash=_hash(token),
            user_did=did,
            created_at=timestamp(now),
            expires_at=timestamp(now + timedelta(seconds=LIFETIME_SECONDS)),
        )
    )
    return token


def consume(session: Session, token: str, now: datetime) -> str:
    """Use up a link and return the user's DID; raises :class:`LinkRefused`.

    Marking and checking are one statement, so of two requests with one token one is refused.
    """
    if not _TOKEN.fullmatch(token):
        raise LinkRefused(_REFUSED)
    mine = LoginLinkRow.token_hash == _hash(token)
    done = session.execute(
        update(LoginLinkRow)
        .where(mine, LoginLinkRow.used_at.is_(None), LoginLinkRow.expires_at > timestamp(now))
        .values(used_at=timestamp(now))
    )
    if done.rowcount != 1:
        raise LinkRefused(_REFUSED)
    return session.execute(select(LoginLinkRow.user_did).where(mine)).scalar_one()


def remove_of(session: Session, did: str) -> None:
    """Make every link of a person worthless."""
    session.execute(delete(LoginLinkRow).where(LoginLinkRow.user_did == did))
