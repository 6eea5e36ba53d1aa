"""How the page service says no. Each error carries what a person or an agent needs to go on.

Besides these, methods of the service raise the engine's own: :class:`~..errors.BadRevision`,
:class:`~..errors.NotFound` (a revision), :class:`~..errors.BadText`,
:class:`~..errors.QuotaExceeded`, :class:`~..errors.Forbidden`, :class:`~..errors.CheckFailed`,
:class:`~..errors.RepositoryBusy`, :class:`~..errors.UncommittedChanges`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadPath, Conflict, EngineError, NotFound

if TYPE_CHECKING:
    from .records import SectionInfo


def _named(section: SectionInfo) -> str:
    """The section's path as a sentence may hold it; titles can be as long as pages."""
    return " > ".join(section.path)[:200]


class PageNotFound(NotFound):
    """There is no such page (at that revision).

    ``page`` is the path asked for, ``renamed_to`` the page it is called now where it was renamed,
    ``deleted_in`` the full id of the commit that deleted it, ``similar`` paths of pages with a
    name like it.
    """

    def __init__(
        self,
        page: str,
        *,
        revision: str | None = None,
        renamed_to: str | None = None,
        deleted_in: str | None = None,
        similar: tuple[str, ...] = (),
    ) -> None:
        text = f"There is no page {page!r}"
        text += f" in revision {revision[:12]}." if revision else "."
        if renamed_to:
            text += f" It was renamed to {renamed_to!r}."
        elif deleted_in:
            text += f" It was deleted in revision {deleted_in[:12]}."
        elif similar:
            text += " Did you mean " + " or ".join(repr(name) for name in similar) + "?"
        super().__init__(text)
        self.page = page
        self.revision = revision
        self.renamed_to = renamed_to
        self.deleted_in = deleted_in
        self.similar = similar

    @property
    def is_bare(self) -> bool:
        """Whether nobody has looked yet what became of the page."""
        return not (self.renamed_to or self.deleted_in or self.similar)


class AttachmentNotFound(NotFound):
    """The page has no such attachment (at that revision)."""

    def __init__(self, page: str, filename: str) -> None:
        super().__init__(f"The page {page!r} has no attachment {filename!r}.")
        self.page = page
        self.filename = filename


class BadPageName(BadPath):
    """A page can't have that name; ``path`` is the name as given, ``reason`` says why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.args = (f"{name!r} can't be the name of a page: {reason}",)


class PageConflict(Conflict):
    """The change can't be applied as what it is based on is not what is there now.

    ``page`` is the path of the page (or ``page/file`` of an attachment), ``current_revision`` the
    full id of the commit that last changed it, None where it does not exist (any more). ``diff`` is
    the unified diff from the base to what is there now, "" where there is no base to compare with;
    ``diff_truncated`` tells that it was cut.
    """

    def __init__(
        self,
        page: str,
        message: str,
        *,
        file: str,
        base: str | None,
        head: str | None,
        base_is_known: bool = True,
    ) -> None:
        super().__init__((file,), base, head, message)
        self.page = page
        self.file = file
        self.base_is_known = base_is_known
        # Found out by .revisions.explained before the error leaves the service.
        self.current_revision: str | None = None
        self.diff = ""
        self.diff_truncated = False


class StaleBase(PageConflict):
    """The page was changed, renamed or deleted after the revision the change was made on."""


class PageExists(PageConflict):
    """There is a page (or attachment) of that name already and no base was given to replace it."""


class BaseRequired(PageConflict):
    """The page exists, and this change has to say which revision of it was read."""


class SectionNotFound(NotFound):
    """The page has no such section; ``sections`` are those it has."""

    def __init__(self, page: str, section: str, sections: tuple[SectionInfo, ...]) -> None:
        known = ", ".join(repr(_named(found)) for found in sections[:20])
        text = f"The page {page!r} has no section {section!r}."
        super().__init__(text + (f" It has: {known}." if known else " It has no sections."))
        self.page = page
        self.section = section
        self.sections = sections


class SectionAmbiguous(EngineError):
    """More than one section is called so; ``candidates`` are they.

    Their ``number`` ("#3") or their ``path`` ("A > B") tells them apart.
    """

    def __init__(self, page: str, section: str, candidates: tuple[SectionInfo, ...]) -> None:
        places = ", ".join(
            f"#{found.number} ({_named(found)!r}, line {found.line})" for found in candidates[:20]
        )
        super().__init__(
            f"The page {page!r} has {len(candidates)} sections {section!r}: {places}."
            " Say which by its number (#...) or by a longer path (A > B)."
        )
        self.page = page
        self.section = section
        self.candidates = candidates


class NoOutline(EngineError):
    """The page is too long or too complex to be read as Markdown, so it has no sections."""

    def __init__(self, page: str, reason: str) -> None:
        super().__init__(f"The sections of {page!r} can't be told apart: {reason}.")
        self.page = page
        self.reason = reason


class SectionChanged(PageConflict):
    """The page changed since the base, in that very section or in how sections are cut."""


class EditNotFound(EngineError):
    """The text to be replaced does not occur in the page."""

    def __init__(self, page: str, hint: str = "") -> None:
        text = f"The text to replace does not occur in {page!r}. Nothing was changed."
        super().__init__(f"{text} {hint}".rstrip())
        self.page = page
        self.hint = hint


class EditAmbiguous(EngineError):
    """The text to be replaced occurs more than once: ``count`` times, first on ``lines``."""

    def __init__(self, page: str, count: int, lines: tuple[int, ...]) -> None:
        shown = ", ".join(map(str, lines))
        super().__init__(
            f"The text to replace occurs {count} times in {page!r} (lines {shown}), it has to be"
            " exactly once. Nothing was changed; take in more of the text around it."
        )
        self.page = page
        self.count = count
        self.lines = lines


class BadValue(EngineError):
    """A value that can't be what its field means; ``field`` names it, ``reason`` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"The {field} can't be used: {reason}")
        self.field = field
        self.reason = reason


class BadCursor(BadValue):
    """A cursor that this list never gave out, or that belongs to another query."""

    def __init__(self) -> None:
        super().__init__("cursor", "this list did not give it out. Start again without one.")


class NotText(EngineError):
    """What should be a page's text is not UTF-8 text; nothing was changed.

    ``page`` is its path.
    """

    def __init__(self, page: str, reason: str) -> None:
        super().__init__(f"The page {page!r} is not text: {reason}. Nothing was changed.")
        self.page = page
        self.reason = reason


class UnsuitableAttachment(EngineError):
    """A file that can't be attached: not what its name says, or a name that is not allowed."""

    def __init__(self, filename: str, reason: str) -> None:
        super().__init__(f"{filename!a} was not attached: {reason}.")
        self.filename = filename
        self.reason = reason


class BatchRefused(EngineError):
    """One change of a batch was refused, and so all of them; nothing was written.

    ``position`` counts from 0, ``error`` is what that change alone would have been refused with.
    """

    def __init__(self, position: int, error: EngineError) -> None:
        super().__init__(
            f"Change {position + 1} of the batch was refused, so none was made. {error}"
        )
        self.position = position
        self.error = error
