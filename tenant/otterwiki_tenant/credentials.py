"""What an Authorization header says. It decides alone: the cookies of such a request are ignored.

A wiki's token is found by its public id. Its secret is checked with bcrypt once a process and then
remembered by digest, for as long as the token's row carries the same hash: the row is asked on
every request. Junk never gets that far, and of what does, one is checked at a time (checklist I3).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import threading
from collections import OrderedDict
from typing import Protocol

from . import tokens
from .errors import TenantError, Unavailable

MAX_HEADER_CHARACTERS = 4096
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/=-]+) *", re.ASCII)
_BASIC = re.compile(r"[Bb][Aa][Ss][Ii][Cc] +([A-Za-z0-9+/]+={0,2}) *", re.ASCII)
_MOST_REMEMBERED = 1024
_WAIT_SECONDS = 5.0


class CredentialRefused(TenantError):
    """An Authorization header that is none of this wiki's; whether the wiki exists is not said."""


class Guard(Protocol):
    """Asked about each token that is not known to be right yet: how many more are checked?"""

    def before_check(self, token_id: str) -> None:
        """Count a token of that id, whether there is one or not; raises CredentialRefused."""

    def give_back(self, token_id: str) -> None:
        """It was right, or could not be checked: it counts for nothing."""


class NoGuard:
    """Any number is checked: a farm in a test, or a command."""

    def before_check(self, token_id: str) -> None:
        """Nothing is counted."""

    def give_back(self, token_id: str) -> None:
        """Nothing was counted."""


def bearer_token(authorization: str) -> str | None:
    """The token of a Bearer header (RFC 6750, 2.1), None for anything else."""
    if len(authorization) > MAX_HEADER_CHARACTERS:
        return None
    match = _BEARER.fullmatch(authorization)
    return match.group(1) if match else None


def basic_password(authorization: str) -> str | None:
    """The password of a Basic header (RFC 7617), whoever the user is; None for anything else."""
    if len(authorization) > MAX_HEADER_CHARACTERS:
        return None
    match = _BASIC.fullmatch(authorization)
    if match is None:
        return None
    try:
        user_pass = base64.b64decode(match.group(1), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    _user, colon, password = user_pass.partition(":")
    return password if colon else None


def sent_token(authorization: str, *, allow_basic: bool) -> str | None:
    """The token in a header: of Bearer, or the password of Basic where that is allowed."""
    token = bearer_token(authorization)
    if token is None and allow_basic:
        token = basic_password(authorization)
    return token


class CheckedTokens:
    """The tokens that passed in this process. Safe for threads."""

    def __init__(self) -> None:
        self._passed: OrderedDict[bytes, str] = OrderedDict()
        self._lock = threading.Lock()
        self._checking = threading.Lock()

    def remembers(self, token: str, *, token_id: str, token_hash: str) -> bool:
        """Whether `token` passed here before, under the hash that the row has now. No bcrypt."""
        found = tokens.token_id_of(token)
        if found is None or not hmac.compare_digest(found, token_id):
            return False
        return self._is_remembered(_digest(token), token_hash)

    def is_right(self, token: str, *, token_id: str, token_hash: str) -> bool:
        """Whether `token` is the one of that id and bcrypt hash, as they stand in the row now.

        Raises Unavailable where other tokens are being checked for too long.
        """
        if self.remembers(token, token_id=token_id, token_hash=token_hash):
            return True
        if tokens.token_id_of(token) != token_id:
            return False
        if not self._checking.acquire(timeout=_WAIT_SECONDS):
            raise Unavailable("too many tokens are being checked")
        try:
            is_right = tokens.verify(token, token_id=token_id, token_hash=token_hash)
        finally:
            self._checking.release()
        if is_right:
            self._remember(_digest(token), token_hash)
        return is_right

    def _is_remembered(self, digest: bytes, token_hash: str) -> bool:
        with self._lock:
            remembered = self._passed.get(digest)
            if remembered is None or not hmac.compare_digest(remembered, token_hash):
                return False
            self._passed.move_to_end(digest)
            return True

    def _remember(self, digest: bytes, token_hash: str) -> None:
        with self._lock:
            self._passed[digest] = token_hash
            if len(self._passed) > _MOST_REMEMBERED:
                self._passed.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
