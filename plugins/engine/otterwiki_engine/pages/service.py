"""The page service: everything a door does with a wiki's pages, in one object.

REST, MCP and git's neighbours call it; who may do what is decided before (and by
``check_commit`` plugins under the lock). It knows no request. A page is named by its path
("notes/todo"; case only matters where two pages differ in nothing else), a revision by 4 to 64
hexadecimal digits or HEAD. Revisions that come out are full commit ids.

Every change is worked out and checked against its `base` under the wiki's lock, on the head it is
committed to. A base is good while the page has the content it had then; if not,
:class:`~.errors.StaleBase` carries the current revision and the diff since. `message` None stands
for one that says what happened. The methods' errors are those of :mod:`.errors` and the engine's
(see there); nothing is written where one is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import EngineError
from ..repository import CommitResult
from ..snapshot import Snapshot
from . import batches, committing, results
from .changes import (
    AppendText,
    Change,
    DeleteAttachment,
    DeletePage,
    EditPage,
    InsertAfterSection,
    InsertBeforeSection,
    PrependText,
    PutAttachment,
    RenamePage,
    ReplaceSection,
    RestorePage,
    WritePage,
)
from .records import AttachmentWritten, BatchWritten, Deleted, Renamed, Writer, Written
from .revisions import explained
from .service_reading import DEFAULT_LIMIT, ReadablePages
from .tools import Done, Tools
from .working_copy import WorkingCopy

__all__ = ["DEFAULT_LIMIT", "PageService"]


class PageService(ReadablePages):
    """The pages of a wiki, to read and to change. Safe for threads; cheap to make."""

    # ------------------------------------------------------------------ writing one page

    def write(
        self,
        page: str,
        content: str,
        *,
        by: Writer,
        base: str | None = None,
        message: str | None = None,
    ) -> Written:
        """Create a page, or replace all of one whose revision `base` was read.

        Raises PageExists for an existing page without `base`, StaleBase (a missing page with one
        too), BadPageName, NotText (a NUL character, text that is no Unicode), QuotaExceeded.
        """
        return self._written(WritePage(page, content, base), by, message)

    def edit(
        self,
        page: str,
        old: str,
        new: str,
        *,
        by: Writer,
        base: str | None = None,
        message: str | None = None,
    ) -> Written:
        """Replace `old` by `new`, where it occurs exactly once; `base` None takes HEAD.

        A line feed in `old` also matches a CRLF of the page, and `new` then gets the page's line
        ends. Raises PageNotFound, EditNotFound, EditAmbiguous, StaleBase, NotText.
        """
        return self._written(EditPage(page, old, new, base), by, message)

    def append(
        self,
        page: str,
        text: str,
        *,
        by: Writer,
        base: str | None = None,
        section: str | None = None,
        create: bool = True,
        message: str | None = None,
    ) -> Written:
        """Put `text` at the end of the page or of its section; on its own line, after what others
        appended meanwhile. With `base` that has to be current.

        With `create` a missing page is made of `text`. Raises PageNotFound, SectionNotFound,
        SectionAmbiguous, StaleBase, NotText.
        """
        change = AppendText(page, text, base, section, create)
        return self._written(change, by, message)

    def prepend(
        self,
        page: str,
        text: str,
        *,
        by: Writer,
        base: str | None = None,
        create: bool = True,
        message: str | None = None,
    ) -> Written:
        """Put `text` at the top of the page, after its front matter. Errors as :meth:`append`."""
        return self._written(PrependText(page, text, base, create), by, message)

    def insert_before(
        self,
        page: str,
        section: str,
        text: str,
        *,
        by: Writer,
        base: str | None = None,
        merge: bool = False,
        message: str | None = None,
    ) -> Written:
        """Put `text` before a section's heading. As :meth:`replace_section`; needs no base."""
        change = InsertBeforeSection(page, section, text, base, merge)
        return self._written(change, by, message)

    def insert_after(
        self,
        page: str,
        section: str,
        text: str,
        *,
        by: Writer,
        base: str | None = None,
        merge: bool = False,
        message: str | None = None,
    ) -> Written:
        """Put `text` behind a section. As :meth:`replace_section`; needs no base."""
        change = InsertAfterSection(page, section, text, base, merge)
        return self._written(change, by, message)

    def replace_section(
        self,
        page: str,
        section: str,
        text: str,
        *,
        by: Writer,
        base: str | None,
        keep_heading: bool | None = None,
        merge: bool = False,
        message: str | None = None,
    ) -> Written:
        """Put `text` in the place of a section: of its heading too, or only of what is below.

        `keep_heading` None keeps the heading unless `text` begins with one of the same level or a
        higher one. Blank lines at the section's end stay where `text` has none. Nothing outside
        the section changes, in bytes or in meaning: BadValue where it would.

        With `merge` a page that changed since `base` is edited all the same where this very section
        did not change. Raises PageNotFound, SectionNotFound, SectionAmbiguous, BaseRequired,
        StaleBase, SectionChanged (with `merge`, where that can't be shown), NotText.
        """
        change = ReplaceSection(page, section, text, base, keep_heading, merge)
        return self._written(change, by, message)

    def rename(
        self,
        page: str,
        new_page: str,
        *,
        by: Writer,
        base: str | None = None,
        update_links: bool = True,
        message: str | None = None,
    ) -> Renamed:
        """Rename a page with everything in its folder (attachments, sub-pages) in one commit, in
        which every link to any of it is rewritten as well.

        Raises PageNotFound, PageExists (something lies there already; another case of the same
        name is fine), BadPageName, StaleBase.
        """
        change = RenamePage(page, new_page, base, update_links)
        done, result = self._make(change, by, message)
        return results.renamed(self._tools(), done, result)

    def delete(
        self, page: str, *, by: Writer, base: str | None = None, message: str | None = None
    ) -> Deleted:
        """Delete a page and its attachments; its sub-pages, with their attachments, stay.

        Raises PageNotFound, StaleBase.
        """
        done, result = self._make(DeletePage(page, base), by, message)
        return results.deleted(done, result)

    def restore(
        self,
        page: str,
        revision: str,
        *,
        by: Writer,
        base: str | None = None,
        message: str | None = None,
    ) -> Written:
        """Give a page the text it had at `revision`, as a new commit.

        The commit that deleted it stands for the one before. A page that is deleted now comes back
        with the attachments it had when it was deleted (those of `revision` where that is unknown),
        but what lies at their paths now stays; so do those of a page that exists. With `base` that
        has to be current. Raises PageNotFound (it did not exist then), StaleBase, BadRevision,
        NotFound.
        """
        return self._written(RestorePage(page, revision, base), by, message)

    def batch(
        self, changes: Sequence[Change], *, by: Writer, message: str | None = None
    ) -> BatchWritten:
        """Make all `changes`, one after the other, in one commit, or none of them.

        Raises BatchRefused, BadValue for none or more than :data:`.batches.MOST_CHANGES`;
        changes that take too much work together (:mod:`.work_budgets`) are refused as well.
        """
        batches.check_batch(changes)
        done, result = self._commit(
            lambda tools, copy: batches.make_all(tools, copy, changes), by, message
        )
        return results.batch_written(self.wiki, done, result)

    # ------------------------------------------------------------------ attachments

    def write_attachment(
        self,
        page: str,
        filename: str,
        content: bytes,
        *,
        by: Writer,
        base: str | None = None,
        overwrite: bool = False,
        declared_type: str | None = None,
        message: str | None = None,
    ) -> AttachmentWritten:
        """Attach a file to a page; an existing one needs `base` (its revision) or `overwrite`.

        `declared_type` is the MIME type the sender named. Raises PageNotFound, PageExists,
        StaleBase, UnsuitableAttachment, BadPath, QuotaExceeded.
        """
        change = PutAttachment(page, filename, content, base, overwrite, declared_type)
        return self._attachment_written(change, by, message)

    def delete_attachment(
        self,
        page: str,
        filename: str,
        *,
        by: Writer,
        base: str | None = None,
        message: str | None = None,
    ) -> AttachmentWritten:
        """Delete an attachment. Raises AttachmentNotFound, StaleBase, BadPath."""
        return self._attachment_written(DeleteAttachment(page, filename, base), by, message)

    # ------------------------------------------------------------------ inside

    def _commit(
        self,
        make: Callable[[Tools, WorkingCopy], tuple[Done, ...]],
        by: Writer,
        message: str | None,
    ) -> tuple[tuple[Done, ...], CommitResult]:
        """Make changes on the head they are committed to, in one commit."""
        tools = self._tools()

        def plan(head: Snapshot) -> committing.Plan[tuple[Done, ...]]:
            copy = WorkingCopy(head, self.names)
            done = make(tools, copy)
            return committing.Plan(copy, done, batches.message_of(done))

        try:
            made = committing.commit(self.wiki.repository, plan, by=by, message=message)
        except EngineError as error:
            raise explained(self.wiki, self.names, error) from error
        return made.plan.outcome, made.result

    def _make(self, change: Change, by: Writer, message: str | None) -> tuple[Done, CommitResult]:
        done, result = self._commit(
            lambda tools, copy: (batches.make(tools, copy, change),), by, message
        )
        return done[0], result

    def _written(self, change: Change, by: Writer, message: str | None) -> Written:
        done, result = self._make(change, by, message)
        return results.written(self._tools(), done, result)

    def _attachment_written(
        self, change: PutAttachment | DeleteAttachment, by: Writer, message: str | None
    ) -> AttachmentWritten:
        done, result = self._make(change, by, message)
        return results.attachment_written(self.wiki, done, result)
