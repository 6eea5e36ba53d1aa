"""Who acts, on which wiki, and what they may do there."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Permission(enum.Enum):
    """What can be asked about a wiki; the names are those of Otterwiki's own questions."""

    READ = "READ"
    WRITE = "WRITE"
    UPLOAD = "UPLOAD"
    ADMIN = "ADMIN"


@dataclass(frozen=True)
class Actor:
    """One request's person and program.

    ``did`` and ``handle`` are None for somebody without an account; ``client`` names the program
    where it is not a browser; ``wiki`` is the slug or None on a stock Otterwiki; ``permissions``
    is all the actor may do, empty by default.
    """

    did: str | None = None
    handle: str | None = None
    client: str | None = None
    wiki: str | None = None
    permissions: frozenset[Permission] = frozenset()

    def may(self, permission: Permission) -> bool:
        """Whether the actor has `permission`."""
        return permission in self.permissions

    @property
    def is_signed_in(self) -> bool:
        """Whether a person is known behind the request."""
        return self.did is not None
