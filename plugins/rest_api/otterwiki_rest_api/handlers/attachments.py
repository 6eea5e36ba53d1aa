"""Files attached to pages: as JSON with base64, or as they are."""

from __future__ import annotations

import base64
from typing import Any

from otterwiki_engine.pages import records

from .. import answers, bodies, queries
from ..calls import Answer, Call, FileAnswer, Upload
from ..preconditions import ANY_REVISION, ChangeBase
from ..refusals import Refused
from . import shapes


def list_attachments(call: Call[queries.AttachmentsQuery, None]) -> Answer:
    """The files of a page."""
    files = call.service.attachments(call.page, call.query.revision)
    page = call.service.read_lines(call.page, 1, 1, call.query.revision).path
    found = sorted(files, key=lambda info: info.filename)
    shown, next_cursor = shapes.part(
        found,
        key=lambda info: info.filename,
        name=f"attachments\0{page}",
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    return Answer(
        answers.Attachments(
            path=page,
            attachments=[
                answers.AttachmentInfo(
                    filename=info.filename,
                    size=info.size_bytes,
                    mime_type=info.mime_type,
                    last_modified=info.last_commit.datetime,
                    revision=info.revision,
                )
                for info in shown
            ],
            total=len(found),
            next_cursor=next_cursor,
        )
    )


def read_attachment(call: Call[queries.AtQuery, None]) -> Answer:
    """A file, its bytes as base64."""
    found = call.service.read_attachment(call.page, call.filename, call.query.revision)
    info = found.info
    return Answer(
        answers.Attachment(
            filename=info.filename,
            path=info.page,
            size=info.size_bytes,
            mime_type=info.mime_type,
            last_modified=info.last_commit.datetime,
            revision=info.revision,
            content=base64.b64encode(found.content).decode("ascii"),
        ),
        etag=info.revision,
    )


def read_raw(call: Call[queries.AtQuery, None]) -> FileAnswer:
    """A file as it is."""
    found = call.service.read_attachment(call.page, call.filename, call.query.revision)
    return FileAnswer(
        content=found.content,
        filename=found.info.filename,
        mime_type=found.info.mime_type,
        etag=found.info.revision,
    )


def _current(call: Call[Any, Any], filename: str) -> str | None:
    """The revision of an attachment that is there, None where there is none."""
    files = call.service.attachments(call.page)
    return next((info.revision for info in files if info.filename == filename), None)


def _base(
    call: Call[Any, Any], filename: str, named: str | None, *, may_be_new: bool = False
) -> ChangeBase:
    base = call.preconditions.base(named, lambda: _current(call, filename), may_be_new=may_be_new)
    if base.revision != ANY_REVISION:
        return base
    found = _current(call, filename)
    if found is None:
        raise Refused(
            412,
            "precondition_failed",
            f"Nothing was changed: there is no attachment {filename!r}, and If-Match asks for one.",
        )
    return ChangeBase(found)


def upload_attachment(call: Call[queries.NoQuery, bodies.UploadAttachment]) -> Answer:
    """Attach a file that was sent as base64."""
    body = call.body
    base = _base(call, body.filename, body.revision, may_be_new=True)
    done = call.service.write_attachment(
        call.page,
        body.filename,
        body.content,
        by=call.by,
        base=base.revision,
        overwrite=body.overwrite and not base.must_be_new,
        message=body.commit_message,
    )
    return _written(done, len(body.content))


def put_attachment(call: Call[queries.PutAttachmentQuery, Upload]) -> Answer:
    """Attach a file that was sent as it is."""
    base = _base(call, call.filename, call.query.revision, may_be_new=True)
    done = call.service.write_attachment(
        call.page,
        call.filename,
        call.body.content,
        by=call.by,
        base=base.revision,
        overwrite=call.query.overwrite and not base.must_be_new,
        declared_type=call.body.content_type,
        message=call.query.commit_message,
    )
    return _written(done, len(call.body.content))


def _written(done: records.AttachmentWritten, size_bytes: int) -> Answer:
    return Answer(
        answers.AttachmentWritten(
            filename=done.filename,
            path=done.page,
            size=size_bytes,
            mime_type=done.info.mime_type if done.info else "application/octet-stream",
            revision=done.revision,
            parent=done.parent,
            created=done.created,
            changed=done.changed,
        ),
        status=201 if done.created else 200,
        etag=done.info.revision if done.info else done.revision,
    )


def delete_attachment(
    call: Call[queries.NoQuery, bodies.DeleteAttachment | None],
) -> Answer:
    """Delete a file of a page."""
    body = call.body or bodies.DeleteAttachment()
    done = call.service.delete_attachment(
        call.page,
        call.filename,
        by=call.by,
        base=_base(call, call.filename, body.revision).revision,
        message=body.commit_message,
    )
    return Answer(
        answers.AttachmentDeleted(
            deleted=True,
            filename=done.filename,
            path=done.page,
            revision=done.revision,
            parent=done.parent,
        )
    )
