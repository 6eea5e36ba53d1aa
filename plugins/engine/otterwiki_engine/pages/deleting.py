"""Deleting pages and bringing back what they were. See :mod:`.changes`."""

from __future__ import annotations

from ..errors import NotFound
from ..snapshot import Snapshot
from .changes import DeletePage, RestorePage
from .errors import PageNotFound
from .names import folder_of, page_of
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
    """Give a page the content of a revision; a deleted one comes back with its attachments."""
    revision = resolve(tools.wiki, change.revision)
    then = tools.wiki.repository.snapshot(revision)
    file = copy.find(change.page)
    if file is not None:
        tools.bases.check(copy, file, change.base)
        content = _content_at(tools, copy, file, change, revision, then)
        copy.put(file, content)
        page = page_of(file)
        return Done("restore", page, file, f"Restore {page} of revision {revision[:12]}")
    old = tools.names.find(change.page, then)
    if old is None:
        raise PageNotFound(change.page, revision=revision)
    tools.names.file_for_new(page_of(old))
    tools.bases.check_absent(copy, old, change.base)
    folder = folder_of(old)
    copy.put(old, then.read(old))
    back = [path for path in owned_files(then.files(folder), folder) if not copy.exists(path)]
    for path in back:
        copy.put(path, then.read(path))
    page = page_of(old)
    message = f"Restore {page} of revision {revision[:12]}"
    return Done("restore", page, old, message, created=True, files=tuple(back))


def _content_at(
    tools: Tools, copy: WorkingCopy, file: str, change: RestorePage, revision: str, then: Snapshot
) -> bytes:
    """What the page that is `file` now was at `revision`, under the name it had then."""
    origin = copy.origin(file)
    name = tools.wiki.history.path_at(origin, revision) if origin else file
    try:
        return then.read(name if name in then.entries else file)
    except NotFound:
        raise PageNotFound(change.page, revision=revision) from None
