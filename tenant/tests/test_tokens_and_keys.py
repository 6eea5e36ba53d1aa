"""Bearer tokens and key files: what is stored, what is believed, what is never overwritten."""

from __future__ import annotations

import base64
import os
import re
import stat
import threading
from pathlib import Path

import bcrypt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from otterwiki_tenant import keys, tokens
from otterwiki_tenant.errors import KeyRefused


def test_a_token_is_verified_by_its_id_and_hash() -> None:
    mine, theirs = tokens.mint(rounds=4), tokens.mint(rounds=4)
    assert re.fullmatch(r"rbt_[0-9a-f]{16}_[A-Za-z0-9]{40}", mine.text)
    assert tokens.token_id_of(mine.text) == mine.token_id
    assert tokens.verify(mine.text, token_id=mine.token_id, token_hash=mine.token_hash)
    assert not tokens.verify(theirs.text, token_id=mine.token_id, token_hash=mine.token_hash)
    swapped = mine.text[:20] + theirs.text[20:]
    assert not tokens.verify(swapped, token_id=mine.token_id, token_hash=mine.token_hash)
    assert not tokens.verify(mine.text, token_id=theirs.token_id, token_hash=mine.token_hash)


def test_the_secret_is_in_neither_the_hash_nor_the_repr() -> None:
    made = tokens.mint(rounds=4)
    secret = made.text.rpartition("_")[2]
    assert secret not in repr(made)
    assert secret not in made.token_hash
    assert made.token_hash.startswith("$2b$04$")
    assert tokens.BCRYPT_ROUNDS >= 12


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "rbt_",
        "rbt_0123456789abcdef_",
        "rbt_0123456789abcdef_" + "a" * 41,
        "rbt_0123456789abcdef_" + "a" * 1_000_000,
        "rbt_0123456789abcdef_" + "a" * 39 + "\n",
        "rbt_0123456789abcdef_" + "a" * 40 + "\n",
        "rbt_0123456789ABCDEF_" + "a" * 40,
        "rbt_٠١٢٣456789abcdef_" + "a" * 40,
        "RBT_0123456789abcdef_" + "a" * 40,
        "Bearer rbt_0123456789abcdef_" + "a" * 40,
        "rbt_0123456789abcdef_" + "é" * 40,
    ],
)
def test_junk_never_reaches_bcrypt(junk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> bool:
        raise AssertionError("bcrypt was asked")

    monkeypatch.setattr(bcrypt, "checkpw", fail)
    assert tokens.token_id_of(junk) is None
    assert not tokens.verify(junk, token_id="0123456789abcdef", token_hash="$2b$04$x")


def test_key_files_are_private_and_come_back(tmp_path: Path) -> None:
    keys.create_signing_key(tmp_path / "signing_key.pem")
    keys.create_secret_key(tmp_path / "secret_key")
    for name in ("signing_key.pem", "secret_key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["secret_key", "signing_key.pem"]
    first, second = (keys.load_signing_key(tmp_path / "signing_key.pem") for _ in "ab")
    assert first.kid == second.kid == keys.key_id(first.public_key)
    assert len(keys.load_secret_key(tmp_path / "secret_key")) >= 32
    assert "secret" not in repr(first).lower()
    assert "key=" not in repr(first)


def test_the_key_id_is_the_rfc_7638_thumbprint() -> None:
    """The example of RFC 7638, section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    number = int.from_bytes(base64.urlsafe_b64decode(modulus + "=="), "big")
    public_key = rsa.RSAPublicNumbers(65537, number).public_key()
    assert keys.key_id(public_key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    keys.create_secret_key(path)
    before = path.read_bytes()
    with pytest.raises(KeyRefused, match="not overwritten"):
        keys.create_secret_key(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["secret_key"]


def test_of_many_makers_one_makes_the_key(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    barrier = threading.Barrier(4)
    refused: list[bool] = []

    def make() -> None:
        barrier.wait()
        try:
            keys.create_secret_key(path)
            refused.append(False)
        except KeyRefused:
            refused.append(True)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(refused) == [False, True, True, True]
    assert os.listdir(tmp_path) == ["secret_key"]


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signing_key.pem"
    with pytest.raises(KeyRefused, match="robot init"):
        keys.load_signing_key(path)
    path.write_bytes(b"")
    with pytest.raises(KeyRefused, match="PEM"):
        keys.load_signing_key(path)
    encoding = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(*encoding))
    with pytest.raises(KeyRefused, match="RSA"):
        keys.load_signing_key(path)
    path.write_bytes(b"short")
    with pytest.raises(KeyRefused, match="32 bytes"):
        keys.load_secret_key(path)
