"""What a change is based on, compared with the head it is made on."""

from __future__ import annotations

from ..errors import NotFound
from ..paths import check_revision
from ..wiki import Wiki
from .errors import BaseRequired, PageExists, StaleBase
from .names import page_of
from .revisions import resolve
from .working_copy import WorkingCopy


class Bases:
    """The bases of one call of the service. What they name is looked up once.

    A base is good where the file has the content it had then (under the name it had then). HEAD
    always is.
    """

    def __init__(self, wiki: Wiki) -> None:
        self._wiki = wiki
        self._resolved: dict[str, str | None] = {}

    def _resolve(self, base: str) -> str | None:
        """Full id of the commit; None where it is not in the history. Raises BadRevision."""
        if base not in self._resolved:
            try:
                self._resolved[base] = resolve(self._wiki, base)
            except NotFound:
                self._resolved[base] = None
        return self._resolved[base]

    def content_at(self, copy: WorkingCopy, base: str, file: str) -> bytes | None:
        """Content that head's `file` had at `base`, None where it was not there, or is unknown."""
        found = self._find(copy, base, file)
        return self._wiki.repository.blob(found) if found else None

    def _find(self, copy: WorkingCopy, base: str, file: str) -> str | None:
        """Blob id that head's `file` had at `base`."""
        full = self._resolve(base)
        if full is None:
            return None
        then = self._wiki.repository.snapshot(full)
        entry = then.get(file)
        if entry is None:
            copy.depend_on_head()  # on the renames since
            entry = then.get(self._wiki.history.path_at(file, full))
        return entry.blob_id if entry else None

    def is_stale(self, copy: WorkingCopy, file: str, base: str | None) -> bool:
        """Whether the head's content of what is `file` in `copy` is not that of `base`."""
        origin = copy.origin(file)
        if base is None or check_revision(base) == "HEAD" or origin is None:
            return False
        entry = copy.entry(origin)
        return entry is None or self._find(copy, base, origin) != entry.blob_id

    def check(self, copy: WorkingCopy, file: str, base: str | None, page: str = "") -> None:
        """Raise :class:`StaleBase` where `base` is not good for `file` (None always is).

        `page` is what the file is called in the message.
        """
        if base is not None and self.is_stale(copy, file, base):
            raise self.stale(copy, copy.origin(file) or file, base, page or page_of(file))

    def required(self, copy: WorkingCopy, file: str) -> BaseRequired:
        """The refusal of a change of `file` that has to say what it is based on."""
        page = page_of(file)
        return BaseRequired(
            page,
            f"Say which revision of {page!r} this change was made on.",
            file=copy.origin(file) or file,
            base=None,
            head=copy.head.revision,
        )

    def check_absent(self, copy: WorkingCopy, file: str, base: str | None, page: str = "") -> None:
        """Raise :class:`StaleBase` for any base of `file`, which is not there: nobody can have
        read what is to be replaced. A file that only an earlier change of the batch took away is
        compared with the head as ever.
        """
        if base is None:
            return
        if copy.origin(file) is not None:
            self.check(copy, file, base, page)
            return
        check_revision(base)
        raise self.stale(copy, file, base, page or page_of(file))

    def check_gone(self, copy: WorkingCopy, file: str, base: str | None) -> None:
        """Raise :class:`StaleBase` where the page `file`, which is to come back, was there at
        `base`, in whatever spelling; who read that does not know that it is gone.
        """
        if base is None or check_revision(base) == "HEAD":
            return
        if copy.origin(file) is not None:
            self.check(copy, file, base)
            return
        full = self._resolve(base)
        page = page_of(file)
        if full is None or copy.names.candidates(page, self._wiki.repository.snapshot(full)):
            raise self.stale(copy, file, base, page)

    def exists(self, copy: WorkingCopy, file: str, page: str = "") -> PageExists:
        """The refusal to make `file` anew, which is there."""
        name = page or page_of(file)
        return PageExists(
            name,
            f"{name!r} exists already. To replace it, say which revision of it you have read.",
            file=file,
            base=None,
            head=copy.head.revision,
        )

    def stale(self, copy: WorkingCopy, file: str, base: str, page: str) -> StaleBase:
        """The refusal of a change of `file`, as the head calls it, that was made on `base`."""
        full = self._resolve(base)
        if copy.entry(file) is None:
            message = f"{page!r} does not exist (any more). To make it anew, give no base."
        elif full is None:
            message = f"Revision {base[:12]} is not in this wiki's history. Read {page!r} again."
        else:
            message = f"{page!r} has changed since revision {full[:12]}. Read it again."
        return StaleBase(
            page,
            message,
            file=file,
            base=full or base,
            head=copy.head.revision,
            base_is_known=full is not None,
        )
