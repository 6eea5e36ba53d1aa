"""How the text of a setting becomes a value: one function a kind.

Each raises ValueError, whose text goes on after "NAME=VALUE can't be used: it ...".
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from otterwiki_tenant.signup import SignupPolicy

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ONE_WORD = re.compile(r"[!-~]+")  # visible ASCII
_MAIL_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}"
)


def text(value: str) -> str:
    """Any text but none."""
    if not value:
        raise ValueError("is empty")
    return value


def path(value: str) -> Path:
    """An absolute path; links in it are kept."""
    return Path(os.path.abspath(Path(text(value)).expanduser()))


def flag(value: str) -> bool:
    """1 or 0, or a word for it."""
    known = {
        "1": True,
        "true": True,
        "yes": True,
        "0": False,
        "false": False,
        "no": False,
        "": False,
    }
    if value.lower() not in known:
        raise ValueError("must be 1 or 0")
    return known[value.lower()]


def whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    """The kind of whole numbers from `minimum` to `maximum`."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", value) or not minimum <= int(value) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    return parse


def domain(value: str) -> str:
    """A host name with a dot, in lower case, without a port."""
    label = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    if not re.fullmatch(rf"{label}(?:\.{label})+", value) or len(value) > 200:
        raise ValueError("must be a lower-case host name with a dot and without a port")
    if re.fullmatch(r"[0-9]+", value.rsplit(".", 1)[1]):
        raise ValueError("must be a host name, not an address: every wiki is a host below it")
    return value


def database_url(value: str) -> str:
    """The URL of an SQLite or PostgreSQL database, or ""."""
    if value and not re.match(r"(sqlite|postgresql)(\+[a-z0-9_]+)?://", value):
        raise ValueError("must start with sqlite:/// or postgresql://")
    return value


def log_level(value: str) -> str:
    """The name of one of logging's levels."""
    if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return value.upper()


def https_url(value: str) -> str:
    """A URL that starts with https://, or ""."""
    if not value:
        return value
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme != "https" or not _ONE_WORD.fullmatch(value):
        raise ValueError("must be a URL that starts with https://")
    return value


def contact(value: str) -> str:
    """A mail address or a URL that starts with https://, or ""."""
    if value.startswith("https://"):
        return https_url(value)
    if value and not _MAIL_ADDRESS.fullmatch(value):
        raise ValueError("must be a mail address or a URL that starts with https://")
    return value


def policy(value: str) -> SignupPolicy:
    """Who may join."""
    try:
        return SignupPolicy(value.lower())
    except ValueError:
        raise ValueError(f"must be one of {', '.join(SignupPolicy)}") from None


def networks(value: str) -> tuple[Network, ...]:
    """IP addresses and networks with commas between them; none is fine."""
    found = []
    for part in filter(None, (part.strip() for part in value.split(","))):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise ValueError(
                f"must be IP addresses or networks with commas between them; {error}"
            ) from None
    return tuple(found)
