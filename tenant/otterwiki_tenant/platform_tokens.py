"""Signing and checking the platform's own tokens: RS256, one media type for each use.

Two kinds of token are never mistaken for each other (checklist C6): the type in the header, the
audience and the claims it must have are named by whoever checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from .keys import SigningKey

MAX_CHARACTERS = 2048
LEEWAY_SECONDS = 30  # a clock set back a little must not sign everybody out
_ALGORITHM = "RS256"


def sign(key: SigningKey, media_type: str, claims: Mapping[str, Any]) -> str:
    """A token with these claims; takes some milliseconds."""
    headers = {"typ": media_type, "kid": key.kid}
    return jwt.encode(dict(claims), key.private_key, algorithm=_ALGORITHM, headers=headers)


def check(
    key: SigningKey,
    media_type: str,
    token: str,
    *,
    issuer: str,
    audience: str,
    required: Sequence[str],
    leeway_seconds: int = LEEWAY_SECONDS,
) -> dict[str, Any] | None:
    """The claims of `token`, None unless every check passes (checklist C5).

    Size before parsing, algorithm pinned, key from the farm's own, type and all claims named.
    """
    if len(token) > MAX_CHARACTERS:
        return None
    try:
        header = jwt.get_unverified_header(token)
        if header.get("kid") != key.kid or header.get("typ") != media_type:
            return None
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public_key,
            algorithms=[_ALGORITHM],
            audience=audience,
            issuer=issuer,
            leeway=leeway_seconds,
            options={"require": list(required), "strict_aud": True},
        )
        return claims
    except (jwt.InvalidTokenError, ValueError):
        return None
