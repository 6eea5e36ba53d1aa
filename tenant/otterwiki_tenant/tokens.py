"""A wiki's bearer tokens: ``rbt_<id>_<secret>``.

The id is public and finds the row; the secret is kept as a bcrypt hash only. The format is checked
before anything is hashed, so junk costs nothing and never reaches bcrypt unbounded (checklist I3;
bcrypt itself takes 72 bytes at most).
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass, field

import bcrypt

BCRYPT_ROUNDS = 12
_ID_BYTES = 8
_SECRET_CHARACTERS = 40  # of 62: 238 bits
_ALPHABET = string.ascii_letters + string.digits
_TOKEN = re.compile(r"rbt_([0-9a-f]{16})_([A-Za-z0-9]{40})", re.ASCII)


@dataclass(frozen=True)
class NewToken:
    """A token just made. `text` is shown to its owner once and stored nowhere."""

    token_id: str
    token_hash: str
    text: str = field(repr=False)


def mint(*, rounds: int = BCRYPT_ROUNDS) -> NewToken:
    """Make a token; `rounds` is bcrypt's cost, 12 takes about a quarter of a second."""
    token_id = secrets.token_hex(_ID_BYTES)
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_CHARACTERS))
    hashed = bcrypt.hashpw(secret.encode("ascii"), bcrypt.gensalt(rounds)).decode("ascii")
    return NewToken(token_id, hashed, f"rbt_{token_id}_{secret}")


def token_id_of(text: str) -> str | None:
    """The public id in `text`, None if `text` does not have a token's form."""
    match = _TOKEN.fullmatch(text)
    return match.group(1) if match else None


def verify(text: str, *, token_id: str, token_hash: str) -> bool:
    """Whether `text` is the token of that id and hash. Costs one bcrypt check, or nothing.

    A token without a hash (it is revoked) is nobody's.
    """
    match = _TOKEN.fullmatch(text)
    if match is None or not token_hash or not secrets.compare_digest(match.group(1), token_id):
        return False
    return bcrypt.checkpw(match.group(2).encode("ascii"), token_hash.encode("ascii"))
