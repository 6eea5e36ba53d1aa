"""Who may be called what, and what the refusal says."""

from __future__ import annotations

import pytest

from otterwiki_tenant import names
from otterwiki_tenant.errors import NameRefused


@pytest.mark.parametrize("name", ["abc", "a-b", "0xx", "alice", "a" * 30, "a1-b2-c3", "mail-room"])
def test_good_slugs(name: str) -> None:
    assert names.check_slug(name) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ab", "3 to 30"),
        ("a" * 31, "3 to 30"),
        ("", "lower-case letters"),
        ("Alice", "lower-case letters"),
        ("al_ice", "lower-case letters"),
        ("_dmarc", "lower-case letters"),
        ("al.ice", "lower-case letters"),
        ("älice", "lower-case letters"),
        ("alice\n", "lower-case letters"),
        ("alıce", "lower-case letters"),
        ("../etc", "lower-case letters"),
        ("-alice", "hyphen"),
        ("alice-", "hyphen"),
        ("xn--80ak6aa92e", "xn--"),
        ("ab--cd", "two hyphens"),
        ("mail", "reserved"),
        ("ns1", "reserved"),
        ("www2", "reserved"),
        ("wpad", "reserved"),
        ("autodiscover", "reserved"),
    ],
)
def test_d11_refused_slugs_say_the_rule(name: str, words: str) -> None:
    with pytest.raises(NameRefused, match="can't be used") as refusal:
        names.check_slug(name)
    assert words in refusal.value.reason


def test_d11_the_specifications_reserved_names_are_all_refused() -> None:
    listed = (
        "api auth app www admin mcp docs status blog help support static assets null undefined"
        " wiki robot"
    )
    for name in listed.split():
        with pytest.raises(NameRefused):
            names.check_slug(name)


@pytest.mark.parametrize("name", sorted(names.RESERVED))
def test_no_reserved_name_is_unreachable_by_its_own_rules(name: str) -> None:
    """A reserved name that breaks another rule anyway would be a typing error in the list."""
    assert names._ALLOWED.fullmatch(name)


def test_handles_and_the_default_username() -> None:
    assert names.check_handle(" @Sderle.BSKY.social ") == "sderle.bsky.social"
    assert names.username_from_handle("schuyler.robot.wtf") == "schuyler"
    for bad in ("alice", "alice.", ".test", "al ice.test", "alice.123", "a" * 250 + ".test", ""):
        with pytest.raises(NameRefused):
            names.check_handle(bad)
    with pytest.raises(NameRefused, match="3 to 30"):
        names.username_from_handle("jo.example.com")


def test_dids_and_their_addresses_are_one_to_one() -> None:
    assert names.author_email("did:plc:abc234", "robot.wtf") == "did.plc.abc234@users.robot.wtf"
    assert names.author_email("did:web:a.example", "x.org") == "did.web.a.example@users.x.org"
    for bad in ("did:web:a:example", "did:plc:a.b", "did:key:z6Mk", "did:plc:", "did:plc:a\n", "x"):
        with pytest.raises(NameRefused):
            names.check_did(bad)


def test_development_dids_are_stable_and_differ() -> None:
    first = names.development_did("alice.test")
    assert first == names.development_did("Alice.test")
    assert first != names.development_did("robert.test")
    assert names.check_did(first) == first
