"""The farm's two secrets on disk: the RS256 signing key and the key of session cookies.

A key file appears whole or not at all (written aside, synced, then linked into place, which fails
if the name exists), is readable by its owner only and is never overwritten.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)

from otterwiki_engine.durability import fsync_directory

from .errors import KeyRefused

RSA_BITS = 3072
SECRET_BYTES = 48
_SMALLEST_SECRET_BYTES = 32


@dataclass(frozen=True)
class SigningKey:
    """The platform's RS256 key pair; `kid` names it in a token's header."""

    kid: str
    private_key: RSAPrivateKey = field(repr=False)
    public_key: RSAPublicKey = field(repr=False)


def create_signing_key(path: Path) -> None:
    """Make an RSA key and store it at `path` as unencrypted PKCS 8 PEM, mode 0600.

    Raises :class:`KeyRefused` if `path` exists.
    """
    key = generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write_new(path, pem)


def load_signing_key(path: Path) -> SigningKey:
    """The key stored at `path`; raises :class:`KeyRefused`."""
    try:
        private_key = serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:
        raise KeyRefused(f"{path} is not a private key in PEM form") from error
    if not isinstance(private_key, RSAPrivateKey) or private_key.key_size < 2048:
        raise KeyRefused(f"{path} is not an RSA key of 2048 bits or more")
    public_key = private_key.public_key()
    return SigningKey(key_id(public_key), private_key, public_key)


def key_id(public_key: RSAPublicKey) -> str:
    """The key's RFC 7638 thumbprint (SHA-256), which names it wherever it is published."""
    numbers = public_key.public_numbers()
    members = {"e": _base64_of_integer(numbers.e), "kty": "RSA", "n": _base64_of_integer(numbers.n)}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode("ascii")
    return _base64(hashlib.sha256(canonical).digest())


def create_secret_key(path: Path) -> None:
    """Store 48 random bytes at `path`, mode 0600; raises :class:`KeyRefused` if it exists."""
    _write_new(path, secrets.token_bytes(SECRET_BYTES))


def load_secret_key(path: Path) -> bytes:
    """The secret stored at `path`; raises :class:`KeyRefused` if it is missing or too short."""
    secret = _read(path)
    if len(secret) < _SMALLEST_SECRET_BYTES:
        raise KeyRefused(f"{path} holds less than {_SMALLEST_SECRET_BYTES} bytes")
    return secret


def create_if_missing(path: Path, create: Callable[[Path], None]) -> None:
    """Call `create` unless the key is there, or another process makes it at the same time."""
    if path.exists():
        return
    try:
        create(path)
    except KeyRefused:
        if not path.exists():
            raise


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "it can't be read"
        raise KeyRefused(f"{path}: {reason}. `robot init` makes the keys") from error


def _write_new(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            raise KeyRefused(f"{path} exists already and is not overwritten") from None
    finally:
        aside.unlink()
    fsync_directory(path.parent)


def _base64_of_integer(number: int) -> str:
    return _base64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
