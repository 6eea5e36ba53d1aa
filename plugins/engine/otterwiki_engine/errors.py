"""Every way the engine says no. Each error carries what a person needs to act on it."""

from __future__ import annotations


class EngineError(Exception):
    """Base of all refusals of the engine."""


class BadPath(EngineError):
    """A path that must not be in a wiki's tree.

    ``path`` is the path as given, ``reason`` says which rule it breaks.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path!r} can't be used as a file name here: {reason}")
        self.path = path
        self.reason = reason


class BadText(EngineError):
    """An author or a commit message that git's commit format can't carry faithfully."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"The {field} can't be stored: {reason}")
        self.field = field
        self.reason = reason


class BadRevision(EngineError):
    """A revision that is not HEAD and not 4 to 64 hexadecimal digits (checklist F1)."""

    def __init__(self, revision: object) -> None:
        super().__init__(f"{str(revision)[:80]!r} is not a revision")
        self.revision = revision


class NotFound(EngineError):
    """A page, file, blob or revision that does not exist."""


class Conflict(EngineError):
    """The change can't be applied: what it is based on has changed meanwhile.

    ``paths`` are the paths in conflict, ``base`` the revision the change was made on, ``head`` the
    revision the branch stands at now (both full ids, or None where there is no commit).
    """

    def __init__(
        self, paths: tuple[str, ...], base: str | None, head: str | None, message: str = ""
    ) -> None:
        named = ", ".join(paths[:5]) + (" ..." if len(paths) > 5 else "")
        super().__init__(message or f"{named} changed since revision {(base or 'none')[:12]}")
        self.paths = paths
        self.base = base
        self.head = head


class UncommittedChanges(Conflict):
    """Somebody's uncommitted edit in the work tree would be overwritten."""


class QuotaExceeded(EngineError):
    """The change would go past a limit; nothing of it was written.

    ``what`` names the limit ("pages", "page_bytes", "attachment_bytes", "repository_bytes"),
    ``limit`` is its value and ``found`` what the change would have led to, both in the unit of
    ``what``. ``advice`` is a sentence that says what to do. ``is_size`` tells a limit of bytes from
    one of a number of things.
    """

    def __init__(self, message: str, *, what: str, limit: int, found: int, advice: str) -> None:
        super().__init__(f"{message} {advice}")
        self.message = message
        self.what = what
        self.limit = limit
        self.found = found
        self.advice = advice

    @property
    def is_size(self) -> bool:
        """Whether bytes are limited, not a number of things."""
        return self.what.endswith("_bytes")


class Forbidden(EngineError):
    """Whoever makes the change may not, or may not any more; nothing of it was written."""


class BadCredential(EngineError):
    """A credential that was sent and is good for nothing; it is not overlooked."""


class CheckFailed(EngineError):
    """Whether a change is allowed could not be found out, so it is not; worth another try."""


class RepositoryBusy(EngineError):
    """A lock that is not ours did not go away in time; the message names the file."""


class RepositoryGone(EngineError):
    """The wiki's folder was removed or replaced while this call waited for its lock."""


class RepositoryDamaged(EngineError):
    """The repository can't be read as one: wrong format, missing objects."""


class NoWikiActive(EngineError):
    """Code asked for "the current wiki" where none is active."""
