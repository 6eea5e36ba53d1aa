"""Revisions as they come in: which commit is meant, and what a page was called there.

Only commits of the wiki's history are ever meant. What else lies in the object store (commits that
were taken out of the history because of what they held) is not found, see security checklist F7.
"""

from __future__ import annotations

from ..errors import EngineError, NotFound
from ..history_records import CommitRecord
from ..paths import check_revision
from ..snapshot import Snapshot
from ..wiki import Wiki
from .differences import diff_of
from .errors import BatchRefused, PageConflict, PageNotFound
from .names import PageNames, is_page, may_be_page, page_of

_MOST_RENAMES = 20  # of a page that is gone, followed to what it is called now
_MOST_CANDIDATES = 50  # new pages of one commit that are looked at for it


def resolve(wiki: Wiki, revision: str) -> str:
    """Full id of the commit in the wiki's history that `revision` names.

    Raises :class:`BadRevision` for what is not HEAD and not 4 to 64 hexadecimal digits,
    :class:`NotFound` for what is no commit there, or more than one.
    """
    checked = check_revision(revision)
    found = wiki.repository.head() if checked == "HEAD" else wiki.history.find(checked)
    if found is None:
        raise NotFound(f"Revision {checked} is not in this wiki's history.")
    return found


def file_at(wiki: Wiki, names: PageNames, page: str, revision: str) -> tuple[str, Snapshot]:
    """The file that page `page` was at `revision` (a full id), and the files of that revision.

    The page of that name at HEAD under the name it had then, else the one called so then. Raises
    :class:`PageNotFound`.
    """
    then = wiki.repository.snapshot(revision)
    current = names.find(page, wiki.repository.snapshot())
    if current is not None:
        name = wiki.history.path_at(current, revision)
        if name in then.entries:
            return name, then
    found = names.find(page, then)
    if found is None:
        raise explained(wiki, names, PageNotFound(page, revision=revision))
    return found, then


def last_file_of(wiki: Wiki, names: PageNames, page: str) -> str | None:
    """The file that page `page` has or had when it was last there; None where it never was."""
    current = names.find(page, wiki.repository.snapshot())
    if current is not None:
        return current
    file = names.file_of(page)
    if not may_be_page(file) or wiki.history.last_change(file) is None:
        return None
    return file


def explained(wiki: Wiki, names: PageNames, error: EngineError) -> EngineError:
    """`error` with what it takes time to find out: what happened to a page that is missing, what
    changed since a stale base. Not to be called under the wiki's lock.
    """
    if isinstance(error, BatchRefused):
        return BatchRefused(error.position, explained(wiki, names, error.error))
    if isinstance(error, PageConflict):
        _complete(wiki, error)
    elif isinstance(error, PageNotFound) and error.is_bare:
        return _with_fate(wiki, names, error)
    return error


def _complete(wiki: Wiki, error: PageConflict) -> None:
    """Add the page's current revision and the diff since the base to `error`."""
    if error.head is None:
        return
    if error.file in wiki.repository.snapshot(error.head).entries:
        last = wiki.history.last_change(error.file, error.head)
        error.current_revision = last.revision if last else None
    if error.base is not None and error.base_is_known:
        files = {error.file, wiki.history.path_at(error.file, error.base)}
        found = diff_of(wiki.repository, error.base, error.head, files)
        error.diff, error.diff_truncated = found.text, found.truncated


def _with_fate(wiki: Wiki, names: PageNames, error: PageNotFound) -> PageNotFound:
    head = wiki.repository.snapshot()
    file = names.file_of(error.page)
    renamed_to = deleted_in = None
    if may_be_page(file) and error.revision is None:
        renamed_to, deleted_in = _fate(wiki, file, head)
    return PageNotFound(
        error.page,
        revision=error.revision,
        renamed_to=renamed_to,
        deleted_in=deleted_in,
        similar=names.similar(error.page, head),
    )


def _fate(wiki: Wiki, file: str, head: Snapshot) -> tuple[str | None, str | None]:
    """What became of a page's file that is not there: the page it is now, the commit it went in."""
    deleted_in = None
    for _ in range(_MOST_RENAMES):
        record = wiki.history.last_change(file)
        if record is None:
            break
        deleted_in = record.revision
        renamed = _renamed_by(wiki, file, record)
        if renamed is None:
            break
        if renamed in head.entries:
            return page_of(renamed), None
        file = renamed
    return None, deleted_in


def _renamed_by(wiki: Wiki, file: str, record: CommitRecord) -> str | None:
    """What commit `record` made of `file`, where it renamed it."""
    if not record.parents:
        return None
    name = file.rpartition("/")[2]
    before = wiki.repository.snapshot(record.parents[0])
    new = [path for path in record.files if is_page(path) and path not in before.entries]
    new.sort(key=lambda path: path.rpartition("/")[2] != name)  # moved to another folder
    for candidate in new[:_MOST_CANDIDATES]:
        if wiki.history.path_at(candidate, record.parents[0]) == file:
            return candidate
    return None
