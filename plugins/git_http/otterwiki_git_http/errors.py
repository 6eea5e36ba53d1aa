"""Every way this plugin says no. The texts are for whoever runs git."""

from __future__ import annotations


class GitHttpError(Exception):
    """Base of all refusals; its text may be shown to a person."""


class BadRequest(GitHttpError):
    """What was sent is not a request of git's, or larger than one may be."""


class NotOurs(GitHttpError):
    """An object was asked for that is not offered here."""


class NotServed(GitHttpError):
    """A request that git may send, but that would cost too much here."""


class Busy(GitHttpError):
    """As many packs are being sent as may be; another try in `retry_after_seconds` may succeed."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TooSlow(GitHttpError):
    """The pack was not through when its time was up."""


class PackDamaged(GitHttpError):
    """A kept pack is not what was written; it is removed."""
