"""Attachments: which files may be attached, and changing them. See :mod:`.changes`.

A page's attachments are the files in its folder that are no pages: "notes/todo/plan.png" belongs
to the page "notes/todo".
"""

from __future__ import annotations

import mimetypes
import unicodedata
from collections.abc import Collection
from io import BytesIO

from ..attachment_types import UnsuitableFile, check_upload, name_problem
from ..errors import QuotaExceeded
from ..pagenames import PAGE_SUFFIX
from ..paths import component_problem
from .changes import DeleteAttachment, PutAttachment
from .errors import AttachmentNotFound, BadValue, UnsuitableAttachment
from .names import folder_of, page_of
from .places import attachment_problem
from .tools import Done, Tools
from .working_copy import WorkingCopy

#: Largest file that is taken here; wikis may have a lower limit (`check_commit`).
MOST_ATTACHMENT_BYTES = 64 * 1024 * 1024


def mime_type_of(filename: str) -> str:
    """The type that a file's name says."""
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"


def attachment_file(page_file: str, filename: str) -> str:
    """The path of the attachment of a page that is called `filename`."""
    return f"{folder_of(page_file)}/{filename}"


def find_attachment(owned: Collection[str], page_file: str, filename: str) -> str | None:
    """The path of the attachment that is meant by `filename`, None where there is none.

    `owned` are the paths of the page's attachments. That very name, else its composed form (NFC),
    under which files are attached here.
    """
    for name in (filename, unicodedata.normalize("NFC", filename)):
        path = attachment_file(page_file, name)
        if path in owned:
            return path
    return None


def checked_name(filename: str) -> str:
    """`filename` in Unicode's composed form, where a file may be attached under it.

    Raises :class:`UnsuitableAttachment` with the reason.
    """
    if not isinstance(filename, str):
        raise BadValue("file name", "it is not text")
    name = unicodedata.normalize("NFC", filename)
    problem = name_problem(name) or component_problem(name)
    if not problem and name != name.strip():
        problem = "it begins or ends with a space"
    if not problem and name.lower().endswith(PAGE_SUFFIX):
        problem = "a file whose name ends in '.md' is a page; write it as one"
    if problem:
        raise UnsuitableAttachment(filename, problem)
    return name


def put_attachment(tools: Tools, copy: WorkingCopy, change: PutAttachment) -> Done:
    """Attach a file to a page, or replace one."""
    page_file = copy.get(change.page)
    page = page_of(page_file)
    name = checked_name(change.filename)
    _check_content(name, change)
    known = find_attachment(copy.owned_files(page_file), page_file, change.filename)
    path = known or attachment_file(page_file, name)
    shown = f"{page}/{name}"
    there = known is not None
    if not there:
        tools.bases.check_absent(copy, path, change.base, shown)
        problem = attachment_problem(copy, path)
        if problem:
            raise UnsuitableAttachment(change.filename, problem)
    elif change.base is not None:
        tools.bases.check(copy, path, change.base, shown)
    elif not change.overwrite:
        raise tools.bases.exists(copy, path, shown)
    copy.put(path, change.content)
    message = f"{'Replace' if there else 'Attach'} {name} {'of' if there else 'to'} {page}"
    return Done("put_attachment", page, path, message, created=not there)


def delete_attachment(tools: Tools, copy: WorkingCopy, change: DeleteAttachment) -> Done:
    """Delete an attachment of a page."""
    page_file = copy.get(change.page)
    page = page_of(page_file)
    path = find_attachment(copy.owned_files(page_file), page_file, change.filename)
    if path is None:
        raise AttachmentNotFound(page, change.filename)
    tools.bases.check(copy, path, change.base, f"{page}/{change.filename}")
    copy.remove(path)
    return Done("delete_attachment", page, path, f"Delete attachment {change.filename} of {page}")


def _check_content(name: str, change: PutAttachment) -> None:
    if not isinstance(change.content, bytes):
        raise BadValue("content", "it is not bytes")
    size = len(change.content)
    if size > MOST_ATTACHMENT_BYTES:
        raise QuotaExceeded(
            f"The file {name!r} has {size:,} bytes, {MOST_ATTACHMENT_BYTES:,} are allowed.",
            what="attachment_bytes",
            limit=MOST_ATTACHMENT_BYTES,
            found=size,
            advice="Attach a smaller one.",
        )
    try:
        check_upload(BytesIO(change.content), mime_type_of(name), change.declared_type)
    except UnsuitableFile as error:
        raise UnsuitableAttachment(name, str(error)) from error
