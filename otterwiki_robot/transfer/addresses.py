"""Which addresses of the internet the farm connects to when somebody else names the host.

Whoever types a URL must not make the server talk to itself or to its neighbours (security
checklist E1-E3). So a URL is taken apart here and put together anew, every address its host name
has is looked at, and the caller connects to the addresses that were looked at, not to the name.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import quote, urlsplit

import idna

Address = IPv4Address | IPv6Address
#: From a host name and a port to the texts of all its addresses; OSError where it has none.
Resolver = Callable[[str, int], Sequence[str]]

HTTPS_PORT = 443
_RESOLVE_SECONDS = 5.0
_MOST_ADDRESSES = 32
_GLOBAL_UNICAST = ip_network("2000::/3")
# What `is_global` says differs between Python versions, so the ranges that matter are named.
_REFUSED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # a cloud's metadata service on an address that looks public
        "2001::/23",  # Teredo and other protocol assignments
        "2001:db8::/32", "3fff::/20",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
    )
)  # fmt: skip
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class AddressRefused(Exception):
    """A host that can't be connected to; deliberately without the reason (checklist E6)."""


class UrlRefused(Exception):
    """A URL that is not taken; the message says what it should look like."""


def is_public(address: Address) -> bool:
    """Whether `address` is a host of the public internet, not of this machine or its networks."""
    if isinstance(address, IPv6Address):
        interface = int(address) >> 32 & 0xFDFFFFFF  # ISATAP hides an IPv4 address behind 5efe
        if address not in _GLOBAL_UNICAST or interface == 0x5EFE:
            return False
    refused = any(address in network for network in _REFUSED if network.version == address.version)
    return address.is_global and not address.is_multicast and not refused


def is_own(address: Address) -> bool:
    """Whether `address` is one of this machine: only those can be bound to."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def is_allowed(address: Address) -> bool:
    """The rule for connecting to what a person named: public, and not this machine."""
    return is_public(address) and not is_own(address)


def system_resolver(host: str, port: int) -> list[str]:
    """Every address the system knows for `host`, asked for at most five seconds."""
    found: list[str] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except OSError as error:
            failed.append(error)

    asking = threading.Thread(target=ask, name="resolver", daemon=True)
    asking.start()
    asking.join(_RESOLVE_SECONDS)
    if asking.is_alive():
        raise TimeoutError(f"no answer for {host} in {_RESOLVE_SECONDS:.0f} s")
    if failed:
        raise failed[0]
    return list(found)


@dataclass(frozen=True)
class Outside:
    """How the outside is reached. Only tests make one of their own; no setting changes it."""

    resolve: Resolver = system_resolver
    allows: Callable[[Address], bool] = is_allowed
    port: int = HTTPS_PORT
    ca_file: str | None = None

    def addresses_of(self, host: str) -> tuple[Address, ...]:
        """All addresses of `host`, each of them allowed; raises :class:`AddressRefused`.

        One that is not allowed refuses the host: a name with a public and a private address is a
        trap, whichever would be taken.
        """
        try:
            found = tuple(ip_address(text) for text in self.resolve(host, self.port))
        except (OSError, ValueError, UnicodeError):
            raise AddressRefused(host) from None
        if not 0 < len(found) <= _MOST_ADDRESSES or not all(map(self.allows, found)):
            raise AddressRefused(host)
        return found


INTERNET = Outside()


@dataclass(frozen=True)
class PublicUrl:
    """An https URL in its one spelling: ASCII host in lower case, no port, query or user."""

    host: str
    path: str

    def at_port(self, port: int) -> str:
        """The URL's text; the port is only named where it is not https's own."""
        return f"https://{self.host}{'' if port == HTTPS_PORT else f':{port}'}{self.path}"

    def __str__(self) -> str:
        return self.at_port(HTTPS_PORT)


def check_url(text: str) -> PublicUrl:
    """Take apart a URL that a person typed; raises :class:`UrlRefused` saying what to change."""
    text = text.strip()
    if re.search(r"[\x00-\x20\x7f\\<>\"]", text) or len(text) > 1000:
        raise UrlRefused("The address contains spaces or characters that can't be in a URL.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UrlRefused("That is not a URL; it should look like https://host/path") from None
    if parts.scheme.lower() != "https":
        raise UrlRefused("The address must start with https://")
    if "@" in parts.netloc:
        raise UrlRefused(
            "Take the user name or password out of the address. Only repositories that anybody"
            " may read can be fetched; save a private one as a zip file instead."
        )
    if port not in (None, HTTPS_PORT) or parts.netloc.endswith(":"):
        raise UrlRefused("Leave the port out of the address; only https's own port is used.")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise UrlRefused("Leave out what comes after ? or # in the address.")
    path = quote(parts.path or "/", safe="/!$&'()*+,;=:@%~")
    return PublicUrl(check_host(parts.hostname or ""), path)


def check_host(text: str) -> str:
    """The one ASCII spelling of a host name; addresses in any notation raise UrlRefused."""
    try:
        host = idna.encode(text, uts46=True, std3_rules=True).decode("ascii").lower().rstrip(".")
    except (idna.IDNAError, UnicodeError):
        host = text.lower().rstrip(".")
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        raise UrlRefused("Name the host, not its address in numbers.")
    if len(labels) < 2 or len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise UrlRefused("The address has no host name that is known to the internet.")
    return host
