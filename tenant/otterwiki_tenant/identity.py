"""The platform cookie ``robot_identity``: who the browser's person is, on every host of the farm.

A JWT signed with the platform's RS256 key (specification, "Cross-subdomain auth"). It says who
somebody is and nothing about what they may do: that is asked of the current rows on each request.
Any wiki of the farm can set a cookie on the parent domain, so two cookies of this name in one
request mean "signed out", never "the first one" (checklist D3).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

import jwt
from werkzeug.http import dump_cookie

from .keys import SigningKey

COOKIE_NAME = "robot_identity"
AUDIENCE = "platform"
TOKEN_TYPE = "robot-identity+jwt"  # noqa: S105 - a media type, not a secret
LIFETIME_SECONDS = 7 * 24 * 3600
MAX_TOKEN_CHARACTERS = 2048
_ALGORITHM = "RS256"
_REQUIRED = ["iss", "aud", "sub", "iat", "exp", "jti"]
_MOST_REMEMBERED = 1024
_LEEWAY_SECONDS = 30  # a clock set back a little must not sign everybody out


@dataclass(frozen=True)
class Identity:
    """A person the platform cookie names, and the token: its id, and its times (Unix seconds)."""

    did: str
    token_id: str
    issued_at: int
    expires_at: int


class _PassedTokens:
    """Digests of the tokens checked most recently in this process. Safe for threads."""

    def __init__(self) -> None:
        self._identities: OrderedDict[bytes, Identity] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> Identity | None:
        """The identity in a token that passed and has not expired since."""
        with self._lock:
            identity = self._identities.get(digest)
            if identity is None or identity.expires_at + _LEEWAY_SECONDS <= time.time():
                return None
            self._identities.move_to_end(digest)
            return identity

    def put(self, digest: bytes, identity: Identity) -> None:
        """Remember a token that passed."""
        with self._lock:
            self._identities[digest] = identity
            if len(self._identities) > _MOST_REMEMBERED:
                self._identities.popitem(last=False)


@dataclass(frozen=True)
class IdentityCookies:
    """Makes and reads the platform cookie of one farm.

    `domain` is the farm's domain, `scheme` http or https: on https the cookie is Secure.
    """

    key: SigningKey
    domain: str
    scheme: str
    _passed: _PassedTokens = field(default_factory=_PassedTokens, repr=False, compare=False)

    @property
    def issuer(self) -> str:
        """The `iss` of the farm's tokens; without a port, which may differ between processes."""
        return f"{self.scheme}://{self.domain}"

    def mint(self, did: str, now: datetime) -> str:
        """A token that says for a week from `now` that its bearer is `did`."""
        issued_at = int(now.timestamp())
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": did,
            "iat": issued_at,
            "exp": issued_at + LIFETIME_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        headers = {"typ": TOKEN_TYPE, "kid": self.key.kid}
        return jwt.encode(claims, self.key.private_key, algorithm=_ALGORITHM, headers=headers)

    def set_cookie(self, did: str, now: datetime) -> str:
        """The Set-Cookie header that signs `did` in on every host of the farm."""
        return self._header(self.mint(did, now), LIFETIME_SECONDS)

    def clear_cookie(self) -> str:
        """The Set-Cookie header that signs the browser out."""
        return self._header("", 0)

    def _header(self, value: str, max_age_seconds: int) -> str:
        return dump_cookie(
            COOKIE_NAME,
            value,
            max_age=max_age_seconds,
            expires=0 if max_age_seconds == 0 else None,
            domain=self.domain,
            path="/",
            secure=self.scheme == "https",
            httponly=True,
            samesite="Lax",
        )

    def read(self, cookie_header: str | None) -> Identity | None:
        """The person a request's Cookie header names, None for nobody or anything not right."""
        values = _cookies_named(COOKIE_NAME, cookie_header)
        return self.verify(values[0]) if len(values) == 1 else None

    def verify(self, token: str) -> Identity | None:
        """The identity in `token`, None unless every check passes (checklist C5).

        Size before parsing, algorithm pinned, key from the farm's own, type and all claims named.
        A token that passed is remembered until it expires: nothing else about it can change.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            return None
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        identity = self._passed.get(digest)
        if identity is None:
            identity = self._check(token)
            if identity is not None:
                self._passed.put(digest, identity)
        return identity

    def _check(self, token: str) -> Identity | None:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("kid") != self.key.kid or header.get("typ") != TOKEN_TYPE:
                return None
            claims = jwt.decode(
                token,
                self.key.public_key,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                issuer=self.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED, "strict_aud": True},
            )
            return Identity(
                str(claims["sub"]), str(claims["jti"]), int(claims["iat"]), int(claims["exp"])
            )
        except (jwt.InvalidTokenError, ValueError):
            return None


def _cookies_named(name: str, header: str | None) -> list[str]:
    """Values of every cookie called `name`; a nameless ``=name=x`` is none (checklist D4)."""
    values = []
    for pair in (header or "").split(";"):
        found, separator, value = pair.strip().partition("=")
        if separator and found.strip() == name:
            values.append(value.strip().strip('"'))
    return values
