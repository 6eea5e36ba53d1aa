"""The platform cookie: what it says, and the many things that are not one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from otterwiki_tenant import clock
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.identity import COOKIE_NAME, LIFETIME_SECONDS, TOKEN_TYPE, IdentityCookies
from otterwiki_tenant.keys import SigningKey, key_id
from otterwiki_tenant.testing import make_farm

ALICE = "did:plc:alice"
SID = "a-session"


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Farm:
    return make_farm(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def stranger_key() -> SigningKey:
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return SigningKey(key_id(private_key.public_key()), private_key, private_key.public_key())


def _cookie(token: str) -> str:
    return f"{COOKIE_NAME}={token}"


def _forged(farm: Farm, *, headers: dict[str, Any] | None = None, **changed: Any) -> str:
    """A token with the farm's own signature whose claims are right but for `changed`."""
    now = int(clock.now().timestamp())
    claims: dict[str, Any] = {
        "iss": "http://robot.localhost",
        "aud": "platform",
        "sub": ALICE,
        "sid": SID,
        "iat": now,
        "exp": now + 60,
        "jti": "x",
        **changed,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {"typ": TOKEN_TYPE, "kid": farm.identity.key.kid, **(headers or {})}
    header = {name: value for name, value in header.items() if name == "typ" or value is not None}
    key = farm.identity.key.private_key
    return jwt.encode(claims, key, algorithm="RS256", headers=header)


def test_a_minted_cookie_is_read_back(farm: Farm) -> None:
    now = clock.now()
    found = farm.identity.read(f"theme=dark; {_cookie(farm.identity.mint(ALICE, SID, now))}; a=b")
    assert found is not None
    assert (found.did, found.session_id) == (ALICE, SID)
    assert found.issued_at == int(now.timestamp())


def test_two_tokens_never_share_an_id(farm: Farm) -> None:
    first, second = (
        farm.identity.verify(farm.identity.mint(ALICE, SID, clock.now())) for _ in "ab"
    )
    assert first and second and first.token_id != second.token_id


def test_cookie_attributes(farm: Farm) -> None:
    cookie = SimpleCookie(farm.identity.set_cookie(ALICE, SID, clock.now()))[COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["domain"] == "robot.localhost"
    assert cookie["max-age"] == str(LIFETIME_SECONDS)
    assert not cookie["secure"]
    secure = IdentityCookies(farm.identity.key, "robot.wtf", "https")
    assert SimpleCookie(secure.set_cookie(ALICE, SID, clock.now()))[COOKIE_NAME]["secure"] is True
    cleared = SimpleCookie(farm.identity.clear_cookie())[COOKIE_NAME]
    assert (cleared.value, cleared["max-age"], cleared["domain"]) == ("", "0", "robot.localhost")


def test_d3_two_cookies_of_the_name_are_nobody(farm: Farm) -> None:
    mine, theirs = (farm.identity.mint(did, SID, clock.now()) for did in (ALICE, "did:plc:evil"))
    assert farm.identity.read(f"{_cookie(mine)}; {_cookie(theirs)}") is None
    assert farm.identity.read(f"{_cookie(mine)}; {_cookie(mine)}") is None
    assert farm.identity.read(f"{_cookie(mine)}; {COOKIE_NAME}=") is None
    assert farm.identity.read(f"{_cookie(mine)},{_cookie(theirs)}") is None


def test_d4_a_nameless_cookie_is_not_the_cookie(farm: Farm) -> None:
    token = farm.identity.mint(ALICE, SID, clock.now())
    assert farm.identity.read(f"={COOKIE_NAME}={token}") is None
    assert farm.identity.read(f"={COOKIE_NAME}=evil; {_cookie(token)}") is not None
    assert farm.identity.read(f"{COOKIE_NAME.upper()}={token}") is None


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"iat": None},
        {"exp": None},
        {"jti": None},
        {"sid": None},
        {"sid": 17},
        {"aud": "mcp"},
        {"aud": ["platform", "mcp"]},
        {"iss": "http://evil.example"},
        {"iss": "http://robot.localhost:8000"},
        {"exp": 1},
        {"iat": 99999999999},
        {"nbf": 99999999999},
        {"sub": 17},
        {"exp": "soon"},
        {"headers": {"typ": "JWT"}},
        {"headers": {"typ": None}},
        {"headers": {"kid": "other"}},
        {"headers": {"kid": None}},
        {"headers": {"crit": ["x"], "x": 1}},
    ],
    ids=str,
)
def test_c5_every_claim_and_header_is_checked(farm: Farm, changed: dict[str, Any]) -> None:
    assert farm.identity.verify(_forged(farm)) is not None
    assert farm.identity.verify(_forged(farm, **changed)) is None


def test_c5_an_expired_cookie_is_nobody(farm: Farm) -> None:
    then = clock.now() - timedelta(seconds=LIFETIME_SECONDS + 120)
    assert farm.identity.verify(farm.identity.mint(ALICE, SID, then)) is None


def _unsigned(farm: Farm, token: str) -> str:
    claims = token.split(".")[1]
    header = json.dumps({"alg": "none", "typ": TOKEN_TYPE, "kid": farm.identity.key.kid})
    return base64.urlsafe_b64encode(header.encode()).decode().rstrip("=") + f".{claims}."


def _symmetric(farm: Farm, _token: str) -> str:
    """Signed with the public key as if it were a shared secret."""
    pem = farm.identity.key.public_key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    parts = [{"alg": "HS256", "typ": TOKEN_TYPE, "kid": farm.identity.key.kid}]
    parts.append(jwt.decode(_token, options={"verify_signature": False}))
    encoded = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    ]
    message = ".".join(encoded)
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    raw = signature.sign(message.encode(), pem)
    return f"{message}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


@pytest.mark.parametrize(
    "damage",
    [
        _unsigned,
        _symmetric,
        lambda farm, token: token[:-6] + "AAAAAA",
        lambda farm, token: token + "A" * 3000,
        lambda farm, token: token.replace(".", "..", 1),
        lambda farm, token: "",
        lambda farm, token: ".." * 400,
        lambda farm, token: token + "é",
        lambda farm, token: "null",
    ],
)
def test_c5_no_other_signature_counts(farm: Farm, damage: Callable[[Farm, str], str]) -> None:
    token = farm.identity.mint(ALICE, SID, clock.now())
    assert farm.identity.verify(damage(farm, token)) is None
    assert farm.identity.read(_cookie(damage(farm, token))) is None


def test_c5_another_key_under_our_kid_is_refused(farm: Farm, stranger_key: SigningKey) -> None:
    disguised = SigningKey(farm.identity.key.kid, stranger_key.private_key, stranger_key.public_key)
    other = IdentityCookies(disguised, farm.domain, farm.scheme)
    assert other.verify(other.mint(ALICE, SID, clock.now())) is not None
    assert farm.identity.verify(other.mint(ALICE, SID, clock.now())) is None


def test_no_cookie_is_nobody(farm: Farm) -> None:
    for header in (None, "", ";;;", "session=abc", COOKIE_NAME, f"{COOKIE_NAME}="):
        assert farm.identity.read(header) is None


def test_a_remembered_token_expires_all_the_same(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = _forged(farm)
    assert farm.identity.verify(token) is not None
    assert farm.identity.verify(token) is not None
    later = clock.now().timestamp() + 120
    monkeypatch.setattr("otterwiki_tenant.identity.time.time", lambda: later)
    monkeypatch.setattr(IdentityCookies, "_check", lambda *_: None)
    assert farm.identity.verify(token) is None


def test_what_did_not_pass_is_not_remembered(farm: Farm) -> None:
    token = _forged(farm, aud="mcp")
    assert farm.identity.verify(token) is None
    assert farm.identity.verify(token) is None
    farm.identity.verify("x" * 10)
    assert all(identity.did == ALICE for identity in farm.identity._passed._identities.values())
