"""What the service answers with, from what was done and the commit it became."""

from __future__ import annotations

from collections.abc import Sequence

from ..pagenames import PAGE_SUFFIX
from ..repository import CommitResult
from ..wiki import Wiki
from .attachments import info_of
from .differences import NO_DIFF, Diff, diff_of
from .names import is_page, page_of
from .records import (
    AttachmentWritten,
    BatchWritten,
    ChangeResult,
    Deleted,
    Renamed,
    Written,
)
from .texts import decode
from .tools import Done, Tools


def _diff(wiki: Wiki, result: CommitResult, files: Sequence[str] | None = None) -> Diff:
    """What the commit changed, in `files` (None: in all it touched)."""
    if not result.changed:
        return NO_DIFF
    wanted = result.changed if files is None else files
    return diff_of(wiki.repository, result.parent, result.revision, wanted)


def _revision(wiki: Wiki, file: str, result: CommitResult) -> str:
    """The revision of a file after the commit: the commit itself, if it changed it."""
    if file in result.changed:
        return result.revision
    record = wiki.history.last_change(file, result.revision)
    return record.revision if record else result.revision


def _name(tools: Tools, done: Done, result: CommitResult) -> str:
    """What Otterwiki calls the page; where file names are lower case its heading has a say."""
    if tools.settings.retain_page_name_case:
        return tools.names.name_of(done.page)
    content = tools.wiki.repository.snapshot(result.revision).read(done.file)
    return tools.names.name_of(done.page, tools.structure(decode(content)).title)


def written(tools: Tools, done: Done, result: CommitResult) -> Written:
    """The answer to a change of one page."""
    diff = _diff(tools.wiki, result, [done.file])
    return Written(
        path=done.page,
        name=_name(tools, done, result),
        file=done.file,
        revision=_revision(tools.wiki, done.file, result),
        parent=result.parent,
        created=done.created,
        changed=bool(result.changed),
        merged=done.merged,
        diff=diff.text,
        diff_truncated=diff.truncated,
        with_files=done.files,
    )


def renamed(tools: Tools, done: Done, result: CommitResult) -> Renamed:
    """The answer to a rename."""
    diff = _diff(tools.wiki, result)
    pages = {old: new for old, new in done.moved.items() if is_page(old)}
    return Renamed(
        old_path=done.old_page,
        new_path=done.page,
        name=tools.names.name_of(done.page),
        file=done.file,
        revision=result.revision,
        parent=result.parent,
        moved=tuple((page_of(old), page_of(new)) for old, new in sorted(pages.items())),
        moved_attachments=tuple(
            (old, new) for old, new in sorted(done.moved.items()) if old not in pages
        ),
        updated_pages=done.updated_pages,
        diff=diff.text,
        diff_truncated=diff.truncated,
    )


def deleted(done: Done, result: CommitResult) -> Deleted:
    """The answer to a deletion."""
    return Deleted(
        path=done.page,
        revision=result.revision,
        parent=result.parent,
        deleted_files=done.files,
        kept_pages=done.kept_pages,
    )


def attachment_written(wiki: Wiki, done: Done, result: CommitResult) -> AttachmentWritten:
    """The answer to a change of an attachment."""
    there = done.action == "put_attachment"
    return AttachmentWritten(
        page=done.page,
        filename=done.file[len(done.page) + 1 :],
        file=done.file,
        revision=_revision(wiki, done.file, result),
        parent=result.parent,
        created=done.created,
        changed=bool(result.changed),
        info=info_of(wiki, done.page + PAGE_SUFFIX, done.file, result.revision) if there else None,
    )


def batch_written(wiki: Wiki, done: Sequence[Done], result: CommitResult) -> BatchWritten:
    """The answer to a batch."""
    diff = _diff(wiki, result)
    return BatchWritten(
        revision=result.revision,
        parent=result.parent,
        changed=bool(result.changed),
        results=tuple(map(_change_result, done)),
        diff=diff.text,
        diff_truncated=diff.truncated,
    )


def _change_result(done: Done) -> ChangeResult:
    details: dict[str, object] = {}
    if done.old_page:
        details["old_path"] = done.old_page
        details["updated_pages"] = list(done.updated_pages)
    if done.files:
        details["files"] = list(done.files)
    if done.kept_pages:
        details["kept_pages"] = list(done.kept_pages)
    if done.merged:
        details["merged"] = True
    return ChangeResult(
        action=done.action,
        path=done.page,
        created=done.created,
        changed=done.changed,
        details=details,
    )
