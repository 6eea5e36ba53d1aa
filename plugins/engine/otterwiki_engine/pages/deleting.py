"""Deleting pages and bringing back what they were. See :mod:`.changes`."""

from __future__ import annotations

from ..snapshot import Snapshot
from .changes import DeletePage, RestorePage
from .errors import PageNotFound
from .names import folder_of, page_of
from .places import attachment_problem, check_reachable
from .revisions import resolve
from .tools import Done, Tools
from .working_copy import WorkingCopy, owned_files


def delete_page(tools: Tools, copy: WorkingCopy, change: DeletePage) -> Done:
    """Delete a page and its attachments; its sub-pages stay, with theirs."""
    file = copy.get(change.page)
    tools.bases.check(copy, file, change.base)
    gone = (file, *copy.owned_files(file))
    kept = tuple(copy.sub_pages(file))
    for path in gone:
        copy.remove(path)
    page = page_of(file)
    return Done("delete", page, file, f"Delete {page}", files=gone, kept_pages=kept)


def restore_page(tools: Tools, copy: WorkingCopy, change: RestorePage) -> Done:
    """Give a page the text of a revision; the commit that deleted it means the one before.

    A page that is gone comes back with the attachments it had when it went (those of the revision
    where that can't be told), except where something else lies at their paths now.
    """
    copy.depend_on_head()  # on what the history says of renames and deletions
    revision = resolve(tools.wiki, change.revision)
    file = copy.find(change.page)
    if file is not None:
        tools.bases.check(copy, file, change.base)
        content, revision = _content_at(tools, copy, file, change, revision)
        copy.put(file, content)
        page = page_of(file)
        return Done("restore", page, file, f"Restore {page} of revision {revision[:12]}")
    old, then, revision = _page_at(tools, change, revision)
    tools.names.file_for_new(page_of(old))
    tools.bases.check_gone(copy, old, change.base)
    check_reachable(copy, old, change.page)
    copy.put(old, then.read(old))
    back = _restore_attachments(copy, old, _before_it_went(tools, copy, old) or then)
    page = page_of(old)
    message = f"Restore {page} of revision {revision[:12]}"
    return Done("restore", page, old, message, created=True, files=back)


def _restore_attachments(copy: WorkingCopy, file: str, before: Snapshot) -> tuple[str, ...]:
    """Attach to the page `file` again what it had in `before`; the paths of that."""
    folder = folder_of(file)
    back = []
    for path in owned_files(before.files(folder), folder):
        if not copy.exists(path) and attachment_problem(copy, path) is None:
            copy.put(path, before.read(path))
            back.append(path)
    return tuple(back)


def _before_it_went(tools: Tools, copy: WorkingCopy, file: str) -> Snapshot | None:
    """The files when the page `file` was there for the last time, None where that is unknown."""
    if copy.entry(file) is not None:
        return copy.head  # an earlier change of the same batch took it away
    record = tools.wiki.history.last_change(file, copy.head.revision)
    if record is None or not record.parents:
        return None
    before = tools.wiki.repository.snapshot(record.parents[0])
    return before if file in before.entries else None


def _revisions(tools: Tools, revision: str) -> list[tuple[str, Snapshot]]:
    """A commit and its first parent, where a page that the commit deleted is still there."""
    record = tools.wiki.history.records([revision]).get(revision)
    names = (revision, *(record.parents[:1] if record else ()))
    return [(name, tools.wiki.repository.snapshot(name)) for name in names]


def _page_at(tools: Tools, change: RestorePage, revision: str) -> tuple[str, Snapshot, str]:
    """The file of a page that is gone, and the revision that has it: `revision` or its parent."""
    for name, then in _revisions(tools, revision):
        old = tools.names.find(change.page, then)
        if old is not None:
            return old, then, name
    raise PageNotFound(change.page, revision=revision)


def _content_at(
    tools: Tools, copy: WorkingCopy, file: str, change: RestorePage, revision: str
) -> tuple[bytes, str]:
    """What the page that is `file` now was at `revision` or, where that deleted it, before; under
    the name it had then, and with the revision that has it."""
    origin = copy.origin(file)
    for name, then in _revisions(tools, revision):
        old = tools.wiki.history.path_at(origin, name) if origin else file
        for path in (old, file):
            if path in then.entries:
                return then.read(path), name
    raise PageNotFound(change.page, revision=revision)
