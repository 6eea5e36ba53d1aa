"""What one host remembers of a browser: the person whose platform session it first saw there.

The platform cookie lies on the parent domain, where any wiki of the farm can put another one: a
"tossed" cookie of the attacker's, so that somebody writes under the attacker's name without
noticing (checklist D5). So each host keeps a cookie of its own, which no other host can set where
there is https (``__Host-``), and believes no other person's session until the change has been
confirmed on the root host.

The cookie is signed with a key made of the farm's secret and the host. Not of the wiki's own, which
a missing wiki lacks: private and missing wikis must answer alike (checklist H5). It holds no name:
the person is a mark that only the farm can compute.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from . import cookies

ROOT = ""
"""The root host, where a wiki's slug is asked for."""
LIFETIME_SECONDS = 400 * 24 * 3600  # as long as browsers keep any cookie
MAX_CHARACTERS = 600
_NONCE_BYTES = 18
_MARK_CHARACTERS = 32


@dataclass(frozen=True)
class Binding:
    """What a host's cookie says; every field is "" where there is nothing to say.

    `person` is the mark of whom the host knows this browser as, `session_id` the session it saw
    last. `nonce` is what a confirmation for this browser must repeat, and `asked_for` the session
    that it was asked for. On the root host the nonce is what a signed-out browser's forms repeat.
    """

    person: str = ""
    session_id: str = ""
    nonce: str = ""
    asked_for: str = ""


class Ambiguous(Exception):
    """More than one such cookie came along: which one is the host's own can't be known."""


class Bindings:
    """Makes and reads these cookies for one farm. `scheme` is http or https."""

    def __init__(self, secret_key: bytes, scheme: str) -> None:
        self._secret_key = secret_key
        self._is_secure = scheme == "https"
        self._marks = lru_cache(maxsize=4096)(self._mark)
        self._load = lru_cache(maxsize=4096)(self._check)  # nothing about a value ever changes
        self.cookie_name = "__Host-robot_seen" if self._is_secure else "robot_seen"

    def mark(self, did: str) -> str:
        """What stands for a person in the cookie."""
        return self._marks(did)

    def _mark(self, did: str) -> str:
        message = b"person's mark\0" + did.encode()
        return hmac.new(self._secret_key, message, hashlib.sha256).hexdigest()[:_MARK_CHARACTERS]

    def known_as(self, host: str, did: str, session_id: str) -> Binding:
        """What the host's cookie says once it knows the browser as that person."""
        return Binding(self.mark(did), session_id, new_nonce() if host == ROOT else "")

    def read(self, host: str, cookie_header: str | None) -> Binding | None:
        """The binding at `host` (a slug, or :data:`ROOT`), None where there is none of ours.

        Raises :class:`Ambiguous`.
        """
        values = cookies.named(self.cookie_name, cookie_header)
        if len(values) > 1:
            raise Ambiguous(self.cookie_name)
        if not values or len(values[0]) > MAX_CHARACTERS:
            return None
        return self._load(host, values[0])

    def set_cookie(self, host: str, binding: Binding) -> str:
        """The Set-Cookie header that makes the browser remember `binding`, for this host only."""
        fields = [binding.person, binding.session_id, binding.nonce, binding.asked_for]
        return cookies.header(
            self.cookie_name,
            self._serializer(host).dumps(fields),
            max_age_seconds=LIFETIME_SECONDS,
            secure=self._is_secure,
        )

    def _check(self, host: str, value: str) -> Binding | None:
        try:
            fields: Any = self._serializer(host).loads(value)
        except BadData:
            return None
        if not isinstance(fields, list) or len(fields) != 4:
            return None
        return Binding(*fields)

    def _serializer(self, host: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            self._secret_key,
            salt=f"robot seen at {host}",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )


def new_nonce() -> str:
    """A nonce that nobody can guess."""
    return secrets.token_urlsafe(_NONCE_BYTES)
