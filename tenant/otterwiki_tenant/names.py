"""Which words may be a username or a wiki's address, and what an ATProto handle and DID look like.

A slug becomes a host name under the farm's domain, so besides the specification's reserved words
it must not be a name that browsers, mail clients or certificate authorities trust by convention
(checklist D11).
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode

from .errors import NameRefused, TextRefused

MIN_SLUG_CHARACTERS = 3
MAX_SLUG_CHARACTERS = 30
MAX_DID_CHARACTERS = 200
MAX_DISPLAY_NAME_CHARACTERS = 80
MAX_DESCRIPTION_CHARACTERS = 300
MAX_TOKEN_NAME_CHARACTERS = 60

_SPECIFICATION = (
    "api auth app www admin mcp docs status blog help support static assets null undefined wiki"
    " robot"
)
_PLATFORM = "account accounts dashboard login logout oauth signin signup sso users root system"
_TRUSTED_BY_CLIENTS = (
    "autoconfig autodiscover broadcasthost email ftp git imap imap4 isatap localdomain localhost"
    " mail mta-sts mx ntp pop pop3 smtp ssh ssl tls webmail wpad dns ns"
)
_TRUSTED_BY_PEOPLE = (
    "abuse administrator hostmaster info noc no-reply noreply postmaster security"
    " ssladmin ssladministrator sslwebmaster sysadmin usenet uucp webmaster"
)
#: Names nobody can have.
RESERVED = frozenset(
    f"{_SPECIFICATION} {_PLATFORM} {_TRUSTED_BY_CLIENTS} {_TRUSTED_BY_PEOPLE}".split()
)

_ALLOWED = re.compile(r"[a-z0-9-]+")
_NUMBERED_SERVER = re.compile(r"(?:dns|imap|mail|mx|ns|pop|smtp|www)\d+")
_HANDLE_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HANDLE = re.compile(rf"(?:{_HANDLE_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_DID = re.compile(
    rf"did:plc:[a-z0-9]{{1,64}}|did:web:(?:{_HANDLE_LABEL}\.)*{_HANDLE_LABEL}"
    r"(?:%3A[0-9]{1,5})?"
)
#: Line breaks, control characters, surrogates, and marks that turn the direction of text around.
_NOT_ON_ONE_LINE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def check_slug(text: str) -> str:
    """Return `text` if it may be a wiki's address or a username.

    Raises :class:`NameRefused`, whose reason says the rule that is broken. Whether somebody has
    the name already is the registry's question.
    """

    def refuse(reason: str) -> NameRefused:
        return NameRefused(text, reason)

    if not _ALLOWED.fullmatch(text):
        raise refuse("only the lower-case letters a-z, digits and hyphens are allowed")
    if not MIN_SLUG_CHARACTERS <= len(text) <= MAX_SLUG_CHARACTERS:
        raise refuse(f"it must have {MIN_SLUG_CHARACTERS} to {MAX_SLUG_CHARACTERS} characters")
    if text.startswith("-") or text.endswith("-"):
        raise refuse("it must not begin or end with a hyphen")
    if text[2:4] == "--":
        raise refuse("two hyphens in third and fourth place (as in xn--) mark encoded names")
    if text in RESERVED or _NUMBERED_SERVER.fullmatch(text):
        raise refuse("this name is reserved")
    return text


def check_handle(text: str) -> str:
    """Return the ATProto handle `text` (``alice.example.com``) in lower case, without a leading @.

    Raises :class:`NameRefused`. Source: the ATProto handle specification's syntax section.
    """
    handle = text.strip().removeprefix("@").lower()
    if len(handle) > 253 or not _HANDLE.fullmatch(handle):
        raise NameRefused(text, "a handle looks like alice.example.com")
    return handle


def check_did(text: str) -> str:
    """Return the DID `text`; raises :class:`NameRefused` unless it is a did:plc or did:web.

    As in ATProto, a did:web names a host (with an encoded port at most), never a path: the e-mail
    address made of a DID is unambiguous because of that.
    """
    if len(text) > MAX_DID_CHARACTERS or not _DID.fullmatch(text):
        raise NameRefused(text, "a DID looks like did:plc:abc234 or did:web:example.com")
    return text


def check_display_name(text: str) -> str:
    """Return a wiki's name without surrounding space: one line of 1 to 80 characters.

    Raises :class:`TextRefused`.
    """
    name = _one_line(text, "name", MAX_DISPLAY_NAME_CHARACTERS)
    if not name:
        raise TextRefused("The name is empty: give the wiki a name of at least one character")
    return name


def check_description(text: str) -> str:
    """Return a wiki's description without surrounding space: one line of up to 300 characters.

    Raises :class:`TextRefused`.
    """
    return _one_line(text, "description", MAX_DESCRIPTION_CHARACTERS)


def check_token_name(text: str) -> str:
    """Return a token's name without surrounding space: one line of 1 to 60 characters.

    It stands in commits as the program that made them, so it has none of the characters that git
    does not carry in names. Raises :class:`TextRefused`.
    """
    name = _one_line(text, "name", MAX_TOKEN_NAME_CHARACTERS)
    if not name:
        raise TextRefused("The name is empty: say which program or machine the token is for")
    if "<" in name or ">" in name:
        raise TextRefused("The name must not contain < or >")
    return name


def _one_line(text: str, what: str, most_characters: int) -> str:
    line = text.strip()
    if _NOT_ON_ONE_LINE.search(line):
        raise TextRefused(f"The {what} must be one line without control characters")
    if len(line) > most_characters:
        raise TextRefused(
            f"The {what} has {len(line)} characters; at most {most_characters} are possible"
        )
    return line


def username_from_handle(handle: str) -> str:
    """The username a new user gets by default: the first part of the handle.

    Raises :class:`NameRefused` where that can't be a username; another one must then be chosen.
    """
    return check_slug(check_handle(handle).partition(".")[0])


def development_did(handle: str) -> str:
    """A stable did:plc for `handle`, for development without a network; it exists nowhere."""
    digest = hashlib.sha256(check_handle(handle).encode("ascii")).digest()
    return "did:plc:" + b32encode(digest).decode("ascii").lower()[:24]


def author_email(did: str, domain: str) -> str:
    """The e-mail address that stands for `did` in commits and drafts: a fixed function of it."""
    return f"{check_did(did).replace(':', '.')}@users.{domain}"
