"""Changes of a part of a page, and several changes in one commit."""

from __future__ import annotations

from typing import Any

from otterwiki_engine.actor import Permission
from otterwiki_engine.pages import changes

from .. import answers, bodies, queries
from ..calls import Answer, Call
from .pages import base_of, done, revision_is_missing


def edit_page(call: Call[queries.NoQuery, Any]) -> Answer:
    """Append, prepend, insert, or replace a text or a section."""
    service, page, body = call.service, call.page, call.body
    given: dict[str, Any] = {
        "by": call.by,
        "base": base_of(call, body.revision, makes=getattr(body, "create", False)),
        "message": body.commit_message,
    }
    match body:
        case bodies.ReplaceEdit():
            if given["base"] is None:
                raise revision_is_missing()
            return done(service.edit(page, body.old_string, body.new_string, **given))
        case bodies.AppendEdit():
            section, create = body.section, body.create
            return done(service.append(page, body.text, section=section, create=create, **given))
        case bodies.PrependEdit():
            return done(service.prepend(page, body.text, create=body.create, **given))
        case bodies.InsertBeforeEdit():
            given["merge"] = body.merge
            return done(service.insert_before(page, body.section, body.text, **given))
        case bodies.InsertAfterEdit():
            given["merge"] = body.merge
            return done(service.insert_after(page, body.section, body.text, **given))
        case bodies.ReplaceSectionEdit():
            given |= {"merge": body.merge, "keep_heading": body.keep_heading}
            return done(service.replace_section(page, body.section, body.text, **given))
    raise TypeError(f"no edit: {type(body).__name__}")


def restore_page(call: Call[queries.NoQuery, bodies.RestorePage]) -> Answer:
    """Give a page the text it had at a revision; a deleted one comes back."""
    return done(
        call.service.restore(
            call.page,
            call.body.from_revision,
            by=call.by,
            base=base_of(call, call.body.revision, makes=True),
            message=call.body.commit_message,
        )
    )


def batch(call: Call[queries.NoQuery, bodies.Batch]) -> Answer:
    """Make all changes in one commit, or none of them."""
    made = [_change(change) for change in call.body.changes]
    if any(isinstance(change, changes.PutAttachment | changes.DeleteAttachment) for change in made):
        call.require(Permission.UPLOAD)
    written = call.service.batch(made, by=call.by, message=call.body.commit_message)
    return Answer(
        answers.BatchWritten(
            revision=written.revision,
            parent=written.parent,
            changed=written.changed,
            results=[
                answers.ChangeResult(
                    action=asked.action,
                    path=result.path,
                    created=result.created,
                    changed=result.changed,
                    **{
                        name: value
                        for name, value in result.details.items()
                        if name not in answers.ChangeResult.model_fields
                    },
                )
                for asked, result in zip(call.body.changes, written.results, strict=True)
            ],
            diff=written.diff,
            diff_truncated=written.diff_truncated,
        )
    )


def _change(asked: bodies.BatchChange) -> changes.Change:
    """The service's change for one of a batch."""
    page, base = asked.path, asked.revision
    match asked:
        case bodies.WriteChange():
            return changes.WritePage(page, asked.content, base)
        case bodies.ReplaceChange():
            return changes.EditPage(page, asked.old_string, asked.new_string, base)
        case bodies.AppendChange():
            return changes.AppendText(page, asked.text, base, asked.section, asked.create)
        case bodies.PrependChange():
            return changes.PrependText(page, asked.text, base, asked.create)
        case bodies.InsertBeforeChange():
            return changes.InsertBeforeSection(page, asked.section, asked.text, base, asked.merge)
        case bodies.InsertAfterChange():
            return changes.InsertAfterSection(page, asked.section, asked.text, base, asked.merge)
        case bodies.ReplaceSectionChange():
            return changes.ReplaceSection(
                page, asked.section, asked.text, base, asked.keep_heading, asked.merge
            )
        case bodies.RenameChange():
            return changes.RenamePage(page, asked.new_path, base, asked.update_links)
        case bodies.DeleteChange():
            return changes.DeletePage(page, base)
        case bodies.RestoreChange():
            return changes.RestorePage(page, asked.from_revision, base)
        case bodies.PutAttachmentChange():
            return changes.PutAttachment(page, asked.filename, asked.content, base, asked.overwrite)
        case bodies.DeleteAttachmentChange():
            return changes.DeleteAttachment(page, asked.filename, base)
