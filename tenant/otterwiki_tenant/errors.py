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
    """Something is there as often as it may be; what exists can still be changed."""


class CollaboratorLimit(LimitReached):
    """The wiki has as many collaborators as a wiki may have."""


class TokenLimit(LimitReached):
    """The wiki has as many usable tokens as a wiki may have."""


class TokenRate(TokenLimit):
    """The person makes tokens faster than anybody may; the text says when to go on."""


class NoSuchToken(TenantError):
    """The wiki has no token of that id that is not revoked yet."""


class LifetimeRefused(TenantError):
    """A token can't live that long, or that short."""


class Forbidden(TenantError):
    """Whoever asks may not do this, by the rows as they are now."""


class Suspended(Forbidden):
    """The operator has suspended the person or the wiki; the text says whom to ask."""


class RoleRefused(TenantError):
    """A role that can't be given to, or taken from, that person."""


class NoSuchCollaborator(TenantError):
    """The person is no collaborator of the wiki."""


class NotPublic(TenantError):
    """Only a public wiki can be listed on the front page."""


class TextRefused(TenantError):
    """A name or description that can't be shown as it is; the text says why."""


class SignupRefused(TenantError):
    """The farm takes no new people, or not this one; the text says what to do."""


class DeletionUnfinished(TenantError):
    """An account is still being deleted; it can come back when its wikis are gone."""


class StrayFolder(TenantError):
    """A wiki's folder exists that the registry does not know; it is never removed by itself."""


class LinkRefused(TenantError):
    """A sign-in link that is unknown, used or too old."""


class SignInRefused(TenantError):
    """Somebody who may not sign in; the text says why and whom to ask."""


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
