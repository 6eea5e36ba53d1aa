"""What a page says after something was done: ``?done=CODE`` chooses one of these sentences.

Nothing of the address is ever shown, so a link made by somebody else can say nothing of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import urlencode

PARAMETER = "done"


class Done(StrEnum):
    """What was done."""

    DESCRIBED = "described"
    MADE_PUBLIC = "made-public"
    MADE_PRIVATE = "made-private"
    LISTED = "listed"
    UNLISTED = "unlisted"
    WIKI_DELETED = "wiki-deleted"
    WIKI_IMPORTED = "wiki-imported"
    IMPORT_DISCARDED = "import-discarded"
    GRANTED = "granted"
    ROLE_CHANGED = "role-changed"
    REVOKED = "revoked"
    LEFT = "left"
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 - a code, not a secret
    SESSION_ENDED = "session-ended"
    SIGNED_OUT_EVERYWHERE = "signed-out-everywhere"
    ACCOUNT_DELETED = "account-deleted"


SENTENCES: Mapping[Done, str] = MappingProxyType(
    {
        Done.DESCRIBED: "Name and description are saved.",
        Done.MADE_PUBLIC: "The wiki is public now: anyone may read it, with its whole history.",
        Done.MADE_PRIVATE: "The wiki is private now: only you and its collaborators may read it.",
        Done.LISTED: "The wiki is listed on the front page now.",
        Done.UNLISTED: "The wiki is no longer listed on the front page.",
        Done.WIKI_DELETED: "The wiki is deleted. Its name stays yours.",
        Done.WIKI_IMPORTED: "The import is done: the wiki holds what you brought.",
        Done.IMPORT_DISCARDED: "The import is thrown away. The wiki is as it was.",
        Done.GRANTED: "The collaborator is added and has access from now on.",
        Done.ROLE_CHANGED: "The role is changed and holds from now on.",
        Done.REVOKED: "The collaborator is removed and has no more access.",
        Done.LEFT: "You have left the wiki.",
        Done.TOKEN_REVOKED: "The token is revoked and opens nothing any more.",
        Done.SESSION_ENDED: "That browser is signed out.",
        Done.SIGNED_OUT_EVERYWHERE: "You are signed out in every browser.",
        Done.ACCOUNT_DELETED: "Your account is deleted.",
    }
)


def notice(code: str | None) -> str | None:
    """The sentence of a code from an address, None where it has none."""
    try:
        return SENTENCES[Done(code)] if code else None
    except ValueError:
        return None


def with_notice(path: str, done: Done, **parameters: str) -> str:
    """The address of `path` with the notice, and with further query `parameters`."""
    return f"{path}?{urlencode({**parameters, PARAMETER: done.value})}"
