"""Every way the tenant layer says no, in words a person can act on."""

from __future__ import annotations


class TenantError(Exception):
    """Base of all refusals of the tenant layer; its text may be shown to a person."""


class NameRefused(TenantError):
    """A slug, username, handle or DID that can't be used; ``reason`` is the rule it breaks."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name[:80]!r} can't be used: {reason}")
        self.name = name
        self.reason = reason


class NameTaken(NameRefused):
    """The name belongs to somebody else: usernames and wiki addresses are one namespace."""


class UserExists(TenantError):
    """The DID or the handle is already registered."""


class NoSuchUser(TenantError):
    """No user with that DID or handle."""


class NoSuchWiki(TenantError):
    """No wiki of that slug."""


class WikiExists(TenantError):
    """A wiki of that slug exists already."""


class LimitReached(TenantError):
    """The owner has as many wikis as one person may have."""


class StrayFolder(TenantError):
    """A wiki's folder exists that the registry does not know; it is never removed by itself."""


class LinkRefused(TenantError):
    """A sign-in link that is unknown, used or too old."""


class KeyRefused(TenantError):
    """A key file that is missing, exists already or can't be read as a key."""


class Unavailable(TenantError):
    """A database can't answer (locked, unreadable, damaged). What was asked is answered no."""


class RegistryConflict(TenantError):
    """Another process wrote the same thing first; nothing was changed."""


class RegistryBehind(TenantError):
    """The registry's tables are missing or older than this program: run ``robot upgrade``."""


class FarmBusy(TenantError):
    """Another process is creating or deleting a wiki and did not finish in time."""


class StartupRefused(TenantError):
    """Otterwiki can't be started as a farm in this process."""
