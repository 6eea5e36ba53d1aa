"""Which credential and which role may do what. The only place where that is decided.

Nothing is remembered here: callers bring the rows as they are now, on every request. What is not
in a table is not allowed.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from otterwiki_engine.actor import Permission


class Role(enum.StrEnum):
    """What a person is on a wiki. Somebody without a row there has no role (None)."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Credential(enum.Enum):
    """What a request was admitted by."""

    NONE = "none"  # a reader without an account
    SESSION = "session"  # the platform cookie of a browser
    WIKI_TOKEN = "wiki token"  # rbt_..., made for one wiki  # noqa: S105
    ACCESS_TOKEN = "access token"  # an OAuth client, for one wiki  # noqa: S105


NOTHING: frozenset[Permission] = frozenset()
READING = frozenset({Permission.READ})
WRITING = READING | {Permission.WRITE, Permission.UPLOAD}
EVERYTHING = frozenset(Permission)

#: What each role may do on its wiki.
OF_ROLE: Mapping[Role | None, frozenset[Permission]] = MappingProxyType(
    {None: NOTHING, Role.VIEWER: READING, Role.EDITOR: WRITING, Role.OWNER: EVERYTHING}
)
#: The most that a request with such a credential may do, whatever the role behind it: settings,
#: members and tokens are changed by a person in a browser.
OF_CREDENTIAL: Mapping[Credential, frozenset[Permission]] = MappingProxyType(
    {
        Credential.NONE: READING,
        Credential.SESSION: EVERYTHING,
        Credential.WIKI_TOKEN: WRITING,
        Credential.ACCESS_TOKEN: WRITING,
    }
)


def permissions_of(
    role: Role | None, *, is_public: bool, is_suspended: bool, credential: Credential
) -> frozenset[Permission]:
    """What a request may do on one wiki.

    `role` is the person's role there today, None for nobody or somebody without one; a token
    passes the lesser of its own role and its maker's (:func:`lesser`). A public wiki is read by
    anyone; a suspended one by nobody.
    """
    if is_suspended:
        return NOTHING
    granted = OF_ROLE.get(role, NOTHING) | (READING if is_public else NOTHING)
    return granted & OF_CREDENTIAL.get(credential, NOTHING)


def lesser(one: Role | None, other: Role | None) -> Role | None:
    """The role that allows less; None where either is none."""
    if one is None or other is None:
        return None
    return one if OF_ROLE[one] <= OF_ROLE[other] else other
