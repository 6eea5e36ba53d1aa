"""The platform cookie ``robot_identity``: whose browser this is, on every host of the farm.

A JWT signed with the platform's RS256 key (specification, "Cross-subdomain auth"). It names a
person and a session, and says nothing about what they may do. Without a live row of that session
(:mod:`.sessions`) it is worth nothing. Any wiki of the farm can set a cookie on the parent domain,
so two cookies of this name in one request mean "signed out", never "the first one" (checklist D3).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from . import cookies, platform_tokens
from .keys import SigningKey
from .platform_tokens import LEEWAY_SECONDS, MAX_CHARACTERS

COOKIE_NAME = "robot_identity"
AUDIENCE = "platform"
TOKEN_TYPE = "robot-identity+jwt"  # noqa: S105 - a media type, not a secret
LIFETIME_SECONDS = 14 * 24 * 3600
RENEW_AFTER_SECONDS = 24 * 3600
_REQUIRED = ("iss", "aud", "sub", "sid", "iat", "exp", "jti")
_MOST_REMEMBERED = 1024


@dataclass(frozen=True)
class Identity:
    """A person and a session that the platform cookie names, and the token's id and times
    (Unix seconds)."""

    did: str
    session_id: str
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
            if identity is None or identity.expires_at + LEEWAY_SECONDS <= time.time():
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

    def mint(
        self,
        did: str,
        session_id: str,
        now: datetime,
        *,
        lifetime_seconds: int = LIFETIME_SECONDS,
    ) -> str:
        """A token that says from `now` on that its bearer is `did`, in that session."""
        issued_at = int(now.timestamp())
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": did,
            "sid": session_id,
            "iat": issued_at,
            "exp": issued_at + lifetime_seconds,
            "jti": secrets.token_urlsafe(16),
        }
        return platform_tokens.sign(self.key, TOKEN_TYPE, claims)

    def set_cookie(
        self,
        did: str,
        session_id: str,
        now: datetime,
        *,
        lifetime_seconds: int = LIFETIME_SECONDS,
    ) -> str:
        """The Set-Cookie header that signs `did` in on every host of the farm."""
        token = self.mint(did, session_id, now, lifetime_seconds=lifetime_seconds)
        return self._header(token, lifetime_seconds)

    def clear_cookie(self) -> str:
        """The Set-Cookie header that signs the browser out."""
        return self._header("", 0)

    def _header(self, value: str, max_age_seconds: int) -> str:
        return cookies.header(
            COOKIE_NAME,
            value,
            max_age_seconds=max_age_seconds,
            domain=self.domain,
            secure=self.scheme == "https",
        )

    def read(self, cookie_header: str | None) -> Identity | None:
        """The person a request's Cookie header names, None for nobody or anything not right."""
        values = cookies.named(COOKIE_NAME, cookie_header)
        return self.verify(values[0]) if len(values) == 1 else None

    def read_all(self, cookie_header: str | None) -> list[Identity]:
        """Every identity the header names rightly: to end their sessions, never to believe one."""
        found = (self.verify(value) for value in cookies.named(COOKIE_NAME, cookie_header))
        return [identity for identity in found if identity is not None]

    def verify(self, token: str) -> Identity | None:
        """The identity in `token`, None unless every check passes (checklist C5).

        A token that passed is remembered until it expires: nothing else about it can change.
        Whether its session still lives is never remembered.
        """
        if len(token) > MAX_CHARACTERS:
            return None
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        identity = self._passed.get(digest)
        if identity is None:
            identity = self._check(token)
            if identity is not None:
                self._passed.put(digest, identity)
        return identity

    def _check(self, token: str) -> Identity | None:
        claims = platform_tokens.check(
            self.key,
            TOKEN_TYPE,
            token,
            issuer=self.issuer,
            audience=AUDIENCE,
            required=_REQUIRED,
        )
        if claims is None or not isinstance(claims["sid"], str):
            return None
        return Identity(
            str(claims["sub"]),
            claims["sid"],
            str(claims["jti"]),
            int(claims["iat"]),
            int(claims["exp"]),
        )
