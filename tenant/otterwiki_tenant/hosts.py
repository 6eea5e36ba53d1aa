"""Which wiki a request's host names (checklist H2). Pure functions, no look-ups.

====================================================  =================================
``alice.example.com``, any case, any port             the wiki alice
``example.com``, any case, any port                   the root host
``alice.example.com.`` (dot), ``a.b.example.com``     refused with the reason
an IP address in any spelling, another domain         refused
no, an empty or two Host headers                      refused
white space, user:password@, a port that is none      refused
an absolute request target naming another host        refused
X-Forwarded-Host and its kin                          removed before anything looks
====================================================  =================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote, urlencode, urlsplit

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|\d+)", re.ASCII)
MAX_HOST_CHARACTERS = 260
MAX_NEXT_CHARACTERS = 2000
_NOTHING_MORE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class RootHost:
    """The farm's own host; `port` is as the client gave it, None where it gave none."""

    port: str | None


@dataclass(frozen=True)
class WikiHost:
    """A wiki's host. Whether the wiki exists is not known here."""

    slug: str
    port: str | None


@dataclass(frozen=True)
class BadHost:
    """A host this farm does not answer for; `reason` is a sentence for a person."""

    reason: str


def check_domain(text: str) -> str:
    """The farm's domain in lower case; raises ValueError unless it is a plain host name."""
    domain = text.lower()
    labels = domain.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or _NUMBER.fullmatch(labels[-1]):
        raise ValueError(f"{text!r} is not a host name like example.com")
    return domain


def classify(
    host: str | None, domain: str, request_target: str | None = None
) -> RootHost | WikiHost | BadHost:
    """What the Host header `host` means on the farm of `domain` (lower case).

    `request_target` is the request line's target as sent, where the server tells; an absolute one
    must name the same host.
    """
    if not host:
        return BadHost("The request names no host.")
    if len(host) > MAX_HOST_CHARACTERS:
        return BadHost("The request's host name is too long.")
    if not host.isascii() or any(character <= " " or character == "\x7f" for character in host):
        return BadHost("The request's host name contains characters that no host name has.")
    if "," in host:
        return BadHost("The request names more than one host.")
    if "@" in host:
        return BadHost("A host can't carry a user name.")
    if host.startswith("["):
        return BadHost("This server answers to names, not to IP addresses.")
    name, colon, port = host.lower().partition(":")
    if colon and not _is_port(port):
        return BadHost("The request's port is not a number between 1 and 65535.")
    if not _same_authority(request_target, host.lower()):
        return BadHost("The request line and the Host header name different hosts.")
    if name == domain:
        return RootHost(port or None)
    if name.endswith("."):
        return BadHost("The host name must not end with a dot.")
    if not name.endswith("." + domain):
        if all(_NUMBER.fullmatch(label) for label in name.split(".")):
            return BadHost("This server answers to names, not to IP addresses.")
        return BadHost("This server does not answer for that host.")
    slug = name[: -len(domain) - 1]
    if "." in slug:
        return BadHost("A wiki's address has one name before the domain.")
    if not _LABEL.fullmatch(slug):
        return BadHost("That is not a wiki's address.")
    return WikiHost(slug, port or None)


def _is_port(text: str) -> bool:
    return text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535 and text[0] != "0"


def _same_authority(request_target: str | None, host: str) -> bool:
    """Whether an absolute-form target (RFC 9112, 3.2.2) names the Host header's authority."""
    if not request_target or request_target.startswith("/") or request_target == "*":
        return True
    scheme, separator, rest = request_target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return False
    return re.split(r"[/?#\\]", rest, maxsplit=1)[0].lower() == host


def host_url(scheme: str, domain: str, port: str | None, slug: str | None = None) -> str:
    """The origin of the root host, or of wiki `slug`, without a trailing slash."""
    name = domain if slug is None else f"{slug}.{domain}"
    return f"{scheme}://{name}" + (f":{port}" if port else "")


def sign_in_url(
    scheme: str,
    domain: str,
    port: str | None,
    next_url: str,
    query: Mapping[str, str] = _NOTHING_MORE,
) -> str:
    """Where a person signs in; they are brought back to `next_url` afterwards.

    `query` are further parameters for the sign-in page.
    """
    parameters = urlencode({"next": next_url, **query}, quote_via=quote, safe="")
    return f"{host_url(scheme, domain, port)}/auth/login?{parameters}"


def check_next(text: str | None, *, scheme: str, domain: str) -> str | None:
    """`text` if it is an address of this farm that a person may be sent to, else None.

    Takes a path of the root host (``/app/``) or a full URL of the root host or a wiki, and nothing
    a browser could read as another host: no ``//``, backslash, control character or user name
    (checklist A19).
    """
    if not text or len(text) > MAX_NEXT_CHARACTERS or not text.isascii():
        return None
    if any(character <= " " or character in "\\\x7f" for character in text):
        return None
    if text.startswith("/"):
        return None if text.startswith("//") else text
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme != scheme or not text.startswith(f"{scheme}://"):
        return None
    if isinstance(classify(parts.netloc, domain), BadHost):
        return None
    return text
