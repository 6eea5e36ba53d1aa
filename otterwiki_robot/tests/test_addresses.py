"""Which hosts and addresses the server connects to when a person names them."""

from __future__ import annotations

import socket
import threading
from ipaddress import ip_address

import pytest

from otterwiki_robot.transfer import addresses
from otterwiki_robot.transfer.addresses import (
    AddressRefused,
    Outside,
    UrlRefused,
    check_url,
    is_own,
    is_public,
)


@pytest.mark.parametrize(
    "text",
    ["140.82.112.3", "1.1.1.1", "185.199.108.153", "2606:4700::6810:84e5", "2a00:1450:4001::200e"],
)
def test_e2_hosts_of_the_internet_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1",
        "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
        "168.63.129.16", "192.0.0.192", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
        "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1",
        "2001:0:4136:e378::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::1",
        "2002:808:808::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
        "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:7f00:1", "5f00::1", "4000::1",
    ],
)  # fmt: skip
def test_e2_everything_else_is_not(text: str) -> None:
    assert not is_public(ip_address(text))


def test_e2_addresses_of_this_machine_are_known() -> None:
    assert is_own(ip_address("127.0.0.1"))
    assert not is_own(ip_address("140.82.112.3"))
    assert not is_own(ip_address("2606:4700::6810:84e5"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://git.example/o/notes.git", "https://git.example/o/notes.git"),
        ("  HTTPS://GIT.Example:443/o/notes", "https://git.example/o/notes"),
        ("https://git.example./x", "https://git.example/x"),
        ("https://git.example", "https://git.example/"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
        ("https://BÜCHER.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("https://git.example/[x]", "https://git.example/%5Bx%5D"),
        ("https://git.example/a@b/~c/%20d", "https://git.example/a@b/~c/%20d"),
    ],
)
def test_e3_a_url_has_one_spelling(text: str, expected: str) -> None:
    assert str(check_url(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "git.example/x", "http://git.example/x", "ssh://git.example/x", "git://git.example/x",
        "file:///etc/passwd", "ext::sh -c touch% x", "https:git.example", "https:///x",
        "https://user@git.example/x", "https://user:word@git.example/x", "https://@git.example/x",
        "https://git.example:8443/x", "https://git.example:/x", "https://git.example:x/",
        "https://git.example:0/x", "https://git.example:99999/x",
        "https://git.example/x?service=a", "https://git.example/x#y", "https://git.example/x?",
        "https://127.0.0.1/x", "https://127.1/x", "https://2130706433/x", "https://0x7f000001/x",
        "https://0x7f.0.0.1/x", "https://0177.0.0.1/x", "https://017700000001/x", "https://0/x",
        "https://1.1.1.1/x", "https://[::1]/x", "https://[::ffff:127.0.0.1]/x",
        "https://[fe80::1%25lo]/x", "https://127.0.0.1./x", "https://git.0x7f/x",
        "https://\uff11\uff12\uff17.0.0.1/x", "https://127\u30020\u30020\u30021/x",
        "https://\u2460.\u2460.\u2460.\u2460/x", "https://localhost/x", "https://git/x",
        "https://git.example\\@127.0.0.1/x", "https://git.example /x", "https://git.example/x\ny",
        "https://git..example/x", "https://-git.example/x", "https://git.example/\x00",
        "https://127.0.0.1#@git.example/", "https://git.exa%6dple/x",
        "https://" + "a." * 140 + "example/x", "https://git.example/" + "x" * 2000,
        "https://git.example/<script>", 'https://git.example/"',
    ],
)  # fmt: skip
def test_e3_every_other_url_is_refused_in_words(text: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        check_url(text)
    assert len(str(refused.value)) > 20


PUBLIC = "140.82.112.3"


@pytest.mark.parametrize(
    "answers",
    [
        [], ["127.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"],
        [PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "fd00::1"], ["nonsense"],
        ["fe80::1%lo"], [PUBLIC] * 100,
    ],
)  # fmt: skip
def test_e1_every_answer_must_be_allowed(answers: list[str]) -> None:
    outside = Outside(resolve=lambda host, port: answers)
    with pytest.raises(AddressRefused) as refused:
        outside.addresses_of("git.example")
    assert str(refused.value) == "git.example"  # e6: nothing of why


def test_e1_all_allowed_answers_are_given() -> None:
    outside = Outside(resolve=lambda host, port: [PUBLIC, "2606:4700::6810:84e5"])
    found = outside.addresses_of("git.example")
    assert [str(each) for each in found] == [PUBLIC, "2606:4700::6810:84e5"]


def test_e6_a_name_that_is_not_known_is_refused_in_the_same_way() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.raises(AddressRefused, match=r"^git\.example$"):
        Outside(resolve=unknown).addresses_of("git.example")


def test_e4_a_resolver_that_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = threading.Event()

    def slow(*_arguments: object, **_options: object) -> list[object]:
        answer.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(addresses, "_RESOLVE_SECONDS", 0.05)
    try:
        with pytest.raises(AddressRefused):
            Outside().addresses_of("git.example")
    finally:
        answer.set()


def test_the_system_is_asked_by_default() -> None:
    assert "127.0.0.1" in addresses.system_resolver("localhost", 443)
    with pytest.raises(AddressRefused):
        Outside().addresses_of("localhost")
