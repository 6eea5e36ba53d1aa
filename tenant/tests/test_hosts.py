"""Checklist H2: which wiki a host names, and what is refused with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otterwiki_tenant.hosts import (
    BadHost,
    RootHost,
    WikiHost,
    check_domain,
    check_next,
    classify,
    host_url,
    sign_in_url,
)

DOMAIN = "robot.localhost"


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("alice.robot.localhost", None),
        ("ALICE.Robot.LOCALHOST", None),
        ("alice.robot.localhost:8000", "8000"),
        ("alice.robot.localhost:1", "1"),
        ("alice.robot.localhost:65535", "65535"),
    ],
)
def test_h2_case_and_port_do_not_matter(host: str, port: str | None) -> None:
    assert classify(host, DOMAIN) == WikiHost("alice", port)


def test_h2_root_host() -> None:
    assert classify("robot.localhost", DOMAIN) == RootHost(None)
    assert classify("ROBOT.localhost:8000", DOMAIN) == RootHost("8000")


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (None, "no host"),
        ("", "no host"),
        (" ", "characters"),
        ("alice.robot.localhost ", "characters"),
        ("alice.robot.localhost\t", "characters"),
        ("alice.robot.localhost\x00", "characters"),
        ("alıce.robot.localhost", "characters"),
        ("\u212aate.robot.localhost", "characters"),  # the Kelvin sign is a k in lower case
        ("alice.robot.localhost,bob.robot.localhost", "more than one"),
        ("alice.robot.localhost, alice.robot.localhost", "characters"),
        ("bob@alice.robot.localhost", "user name"),
        ("alice.robot.localhost.", "dot"),
        ("robot.localhost.", "dot"),
        ("alice.robot.localhost.:8000", "dot"),
        ("a.alice.robot.localhost", "one name"),
        (".robot.localhost", "not a wiki"),
        ("-x.robot.localhost", "not a wiki"),
        ("a_b.robot.localhost", "not a wiki"),
        ("%61lice.robot.localhost", "not a wiki"),
        ("alice.robot.localhost:", "port"),
        ("alice.robot.localhost:0", "port"),
        ("alice.robot.localhost:080", "port"),
        ("alice.robot.localhost:65536", "port"),
        ("alice.robot.localhost:80x", "port"),
        ("alice.robot.localhost:80:80", "port"),
        ("alice.robot.localhost:-1", "port"),
        ("alice.robot.localhost:²", "characters"),
        ("127.0.0.1", "IP addresses"),
        ("127.0.0.1:8000", "IP addresses"),
        ("2130706433", "IP addresses"),
        ("0x7f000001", "IP addresses"),
        ("0x7f.1", "IP addresses"),
        ("0177.0.0.1", "IP addresses"),
        ("[::1]", "IP addresses"),
        ("[::1]:8000", "IP addresses"),
        ("[::ffff:127.0.0.1]", "IP addresses"),
        ("::1", "port"),
        ("evil.example", "does not answer"),
        ("alice.robot.localhost.evil.example", "does not answer"),
        ("evilrobot.localhost", "does not answer"),
        ("localhost", "does not answer"),
        ("a" * 300, "too long"),
    ],
)
def test_h2_refused_hosts_say_why(host: str | None, words: str) -> None:
    found = classify(host, DOMAIN)
    assert isinstance(found, BadHost)
    assert words in found.reason


@pytest.mark.parametrize(
    "target",
    [
        None,
        "/",
        "*",
        "//evil.example/x",  # a path that begins with two slashes
        "http://alice.robot.localhost/x",
        "HTTP://ALICE.robot.localhost",
        "https://alice.robot.localhost?x",
    ],
)
def test_h2_targets_that_agree_with_the_host(target: str | None) -> None:
    assert classify("alice.robot.localhost", DOMAIN, target) == WikiHost("alice", None)


@pytest.mark.parametrize(
    "target",
    [
        "http://robert.robot.localhost/",
        "http://alice.robot.localhost:81/",
        "http://alice.robot.localhost@robert.robot.localhost/",
        "http://robert.robot.localhost\\alice.robot.localhost/",
        "ftp://alice.robot.localhost/",
        "http:/alice.robot.localhost",
        "alice.robot.localhost:443",
        "http://",
    ],
)
def test_h2_an_absolute_target_must_name_the_same_host(target: str) -> None:
    found = classify("alice.robot.localhost", DOMAIN, target)
    assert isinstance(found, BadHost)
    assert "different hosts" in found.reason


@given(st.text(max_size=40))
def test_h2_no_text_before_the_domain_is_anything_but_a_label(text: str) -> None:
    found = classify(f"{text}.{DOMAIN}", DOMAIN)
    if isinstance(found, WikiHost):
        assert found.slug == text.lower()
        assert set(found.slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_domains() -> None:
    assert check_domain("Robot.WTF") == "robot.wtf"
    for bad in ("", "robot.wtf.", "robot wtf", "127.0.0.1", "robot..wtf", "robot.wtf:80", "-a.de"):
        with pytest.raises(ValueError, match="host name"):
            check_domain(bad)


def test_urls() -> None:
    assert host_url("https", "robot.wtf", None) == "https://robot.wtf"
    assert host_url("http", DOMAIN, "8000", "alice") == "http://alice.robot.localhost:8000"
    assert (
        sign_in_url("http", DOMAIN, "8000", "http://alice.robot.localhost:8000/a?b=c&d")
        == "http://robot.localhost:8000/auth/login"
        "?next=http%3A%2F%2Falice.robot.localhost%3A8000%2Fa%3Fb%3Dc%26d"
    )


@pytest.mark.parametrize(
    "text",
    ["/", "/app/", "/a?b=c#d", "http://robot.localhost/x", "http://alice.robot.localhost:8000/x?y"],
)
def test_a19_addresses_of_the_farm_may_follow_a_sign_in(text: str) -> None:
    assert check_next(text, scheme="http", domain=DOMAIN) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "app",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "http://evil.example/",
        "https://alice.robot.localhost/",
        "http:alice.robot.localhost",
        "http:/\\alice.robot.localhost",
        "HTTP://alice.robot.localhost/",
        "http://alice.robot.localhost@evil.example/",
        "http://evil.example\\.robot.localhost/",
        "http://evil.example#.robot.localhost/",
        "http://evil.example?.robot.localhost/",
        "http://alice.robot.localhost./",
        "http://[::1/",
        "javascript:alert(1)",
        "http://älice.robot.localhost/",
        "/" + "a" * 3000,
    ],
)
def test_a19_anything_else_may_not(text: str | None) -> None:
    assert check_next(text, scheme="http", domain=DOMAIN) is None
