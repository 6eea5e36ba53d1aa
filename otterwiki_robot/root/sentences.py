"""The audit trail in sentences, and other things of the registry in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from otterwiki_tenant.audit import Action, AuditEntry

_OF_A_WIKI: Mapping[Action, str] = MappingProxyType(
    {
        Action.WIKI_CREATED: "{who} made the wiki{detail}.",
        Action.WIKI_DELETED: "{who} deleted the wiki.",
        Action.WIKI_IMPORTED: "{who} imported notes into the wiki{detail}.",
        Action.WIKI_EXPORTED: "{who} exported the wiki{detail}.",
        Action.WIKI_DESCRIBED: "{who} changed the wiki's name or description.",
        Action.MADE_PUBLIC: "{who} made the wiki public.",
        Action.MADE_PRIVATE: "{who} made the wiki private.",
        Action.LISTED: "{who} listed the wiki on the front page.",
        Action.UNLISTED: "{who} took the wiki off the front page.",
        Action.GRANTED: "{who} gave {whom} access{detail}.",
        Action.ROLE_CHANGED: "{who} changed the role of {whom}{detail}.",
        Action.REVOKED: "{who} removed {whom}{detail}.",
        Action.LEFT: "{who} left the wiki{detail}.",
        Action.TOKEN_MADE: "{who} made a token{detail}.",
        Action.TOKEN_REVOKED: "{who} revoked a token{detail}.",
        Action.WIKI_SUSPENDED: "{who} suspended the wiki{detail}.",
        Action.WIKI_RESUMED: "{who} ended the suspension of the wiki{detail}.",
        Action.LIMIT_CHANGED: "{who} changed the wiki's page limit{detail}.",
    }
)
_OF_A_PERSON: Mapping[Action, str] = MappingProxyType(
    {
        Action.SIGNED_IN: "{who} signed in{detail}.",
        Action.SIGN_IN_REFUSED: "A sign-in was refused{detail}.",
        Action.SIGNED_OUT: "{who} signed out.",
        Action.SIGNED_OUT_EVERYWHERE: "{who} signed out everywhere.",
        Action.SESSION_ENDED: "{who} ended a session{detail}.",
        Action.USER_ADDED: "The account was made{detail}.",
        Action.USER_SUSPENDED: "{who} suspended the account{detail}.",
        Action.USER_RESUMED: "{who} ended the suspension of the account{detail}.",
        Action.HANDLE_CHANGED: "The handle changed{detail}.",
        Action.ACCOUNT_DELETED: "{who} deleted the account.",
    }
)
#: How an action is told; every action has a sentence.
SENTENCES: Mapping[Action, str] = MappingProxyType({**_OF_A_WIKI, **_OF_A_PERSON})
#: What /app/account shows of one's own trail.
ABOUT_SIGNING_IN = frozenset(_OF_A_PERSON)
_MAX_BROWSER_CHARACTERS = 200
_BROWSERS = (  # in this order: each also claims to be those that follow it
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Line:
    """One line of a trail: when (ISO 8601 UTC text), what, and the address it came from."""

    at: str
    text: str
    address: str | None


def told(entry: AuditEntry, reader_did: str) -> Line:
    """One entry as its reader may read it."""
    text = SENTENCES[entry.action].format(
        who=_who(entry, reader_did),
        whom=_whom(entry, reader_did),
        detail=f" ({entry.detail})" if entry.detail else "",
    )
    return Line(entry.at, text, entry.address)


def _who(entry: AuditEntry, reader_did: str) -> str:
    if entry.actor_did is None:
        return "The operator"
    return "You" if entry.actor_did == reader_did else _name(entry.actor_handle, entry.actor_did)


def _whom(entry: AuditEntry, reader_did: str) -> str:
    if entry.subject_did is None:
        return "somebody"
    return (
        "you" if entry.subject_did == reader_did else _name(entry.subject_handle, entry.subject_did)
    )


def _name(handle: str | None, did: str) -> str:
    return handle or f"a person without a handle today ({did})"


def browser_in_words(user_agent: str | None) -> str:
    """What a User-Agent header says of itself: "Firefox on Linux".

    Only fixed words: the header is whatever a client sends. Enough to know one's own browsers
    again; a library with its hundreds of patterns would say little more.
    """
    text = (user_agent or "")[:_MAX_BROWSER_CHARACTERS]
    browser = next((name for mark, name in _BROWSERS if mark in text), "Unknown browser")
    system = next((name for mark, name in _SYSTEMS if mark in text), None)
    return f"{browser} on {system}" if system else browser


def moment(at: str) -> str:
    """ISO 8601 UTC text for people: "2026-03-14 09:26 UTC"."""
    return f"{at[:10]} {at[11:16]} UTC"


def sentence(error: Exception) -> str:
    """An error's text as a sentence."""
    text = str(error)
    return text if text.endswith((".", "!", "?")) else f"{text}."
