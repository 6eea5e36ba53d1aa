"""The root host's word to a wiki's host: this browser's person is who the platform cookie says.

A statement is made on the root host for a person who is signed in there, and carried by their
browser to the wiki's front door. It names the wiki, the person, the session and the nonce that the
wiki's host gave this very browser, and lives a minute. So one made in another browser is worth
nothing, and so is one that was seen by somebody else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from . import platform_tokens
from .keys import SigningKey

TOKEN_TYPE = "robot-confirmation+jwt"  # noqa: S105 - a media type, not a secret
PATH = "/-/session/confirm"
"""Where a wiki's front door takes a statement; no page can have that name."""
LIFETIME_SECONDS = 60
_REQUIRED = ("iss", "aud", "sub", "sid", "nonce", "asked", "iat", "exp")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)


@dataclass(frozen=True)
class Confirmation:
    """What a statement says. `was_asked` is whether the person confirmed it by a button."""

    did: str
    session_id: str
    nonce: str
    was_asked: bool


def is_nonce(text: str | None) -> bool:
    """Whether `text` has the form of a nonce."""
    return text is not None and _NONCE.fullmatch(text) is not None


def make(key: SigningKey, issuer: str, slug: str, confirmation: Confirmation, now: datetime) -> str:
    """The statement for the wiki `slug`."""
    issued_at = int(now.timestamp())
    claims = {
        "iss": issuer,
        "aud": _audience(slug),
        "sub": confirmation.did,
        "sid": confirmation.session_id,
        "nonce": confirmation.nonce,
        "asked": confirmation.was_asked,
        "iat": issued_at,
        "exp": issued_at + LIFETIME_SECONDS,
    }
    return platform_tokens.sign(key, TOKEN_TYPE, claims)


def read(key: SigningKey, issuer: str, slug: str, statement: str) -> Confirmation | None:
    """What the statement says to the wiki `slug`, None for anything that is not right."""
    claims = platform_tokens.check(
        key,
        TOKEN_TYPE,
        statement,
        issuer=issuer,
        audience=_audience(slug),
        required=_REQUIRED,
        leeway_seconds=5,
    )
    if claims is None or not isinstance(claims["asked"], bool):
        return None
    if not all(isinstance(claims[name], str) for name in ("sub", "sid", "nonce")):
        return None
    return Confirmation(claims["sub"], claims["sid"], claims["nonce"], claims["asked"])


def _audience(slug: str) -> str:
    return f"wiki:{slug}"
