"""Pages: listing, reading, writing, renaming, deleting."""

from __future__ import annotations

from typing import Any

from otterwiki_engine.pages.errors import PageNotFound
from otterwiki_engine.pages.records import Written

from .. import answers, bodies, queries
from ..calls import Answer, Call, page_etag
from ..preconditions import ANY_REVISION
from ..refusals import Refused
from . import shapes

_DEFAULT_LINES = 200


def list_pages(call: Call[queries.ListQuery, None]) -> Answer:
    """Pages by path, a part at a time."""
    asked = call.query
    found = call.service.list(
        prefix=asked.prefix,
        category=asked.category,
        tag=asked.tag,
        updated_since=asked.updated_since,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return Answer(
        answers.Pages(
            pages=[shapes.summary(page) for page in found.pages],
            total=found.total,
            next_cursor=found.next_cursor,
        )
    )


def read_page(call: Call[queries.PageQuery, None]) -> Answer:
    """A page, one of its sections, or some of its lines."""
    if call.query.section is not None:
        return _read_section(call, call.query.section)
    if call.query.asks_for_lines:
        return _read_lines(call)
    page = call.service.read(call.page, call.query.revision)
    return Answer(
        answers.Page(
            name=page.name,
            path=page.path,
            title=page.title,
            content=page.content,
            frontmatter=dict(page.front_matter),
            frontmatter_problem=page.front_matter_problem,
            category=page.category,
            tags=list(page.tags),
            links_to=list(page.links_to),
            linked_from=list(page.linked_from),
            revision=page.revision,
            last_commit=shapes.commit(page.last_commit),
            size_bytes=page.size_bytes,
            line_count=page.line_count,
            is_utf8=page.is_utf8,
        ),
        etag=page_etag(page.revision, page.links_to, page.linked_from),
    )


def _read_section(call: Call[queries.PageQuery, None], section: str) -> Answer:
    found = call.service.read_section(call.page, section, call.query.revision)
    return Answer(
        answers.PageSection(
            name=found.name,
            path=found.path,
            revision=found.revision,
            section=shapes.section(found.section),
            content=found.content,
        ),
        etag=page_etag(found.revision),
    )


def _read_lines(call: Call[queries.PageQuery, None]) -> Answer:
    found = call.service.read_lines(
        call.page,
        call.query.start_line or 1,
        call.query.line_count or _DEFAULT_LINES,
        call.query.revision,
    )
    return Answer(
        answers.PageLines(
            name=found.name,
            path=found.path,
            revision=found.revision,
            start_line=found.start_line,
            line_count=found.line_count,
            total_lines=found.total_lines,
            next_line=found.next_line,
            content=found.content,
        ),
        etag=page_etag(found.revision),
    )


def page_outline(call: Call[queries.PageOutlineQuery, None]) -> Answer:
    """The headings of a page, a part at a time; a part goes on in the revision it is of."""
    found = call.service.outline(call.page, call.query.revision)
    shown, next_cursor = shapes.part(
        found.sections,
        key=lambda info: info.number,
        name=f"outline {found.revision} {found.path}",
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    return Answer(
        answers.PageOutline(
            name=found.name,
            path=found.path,
            title=found.title,
            revision=found.revision,
            frontmatter=dict(found.front_matter),
            size_bytes=found.size_bytes,
            line_count=found.line_count,
            sections=[shapes.section(info) for info in shown],
            total=len(found.sections),
            next_cursor=next_cursor,
        ),
        etag=page_etag(found.revision),
    )


# ---------------------------------------------------------------------- writing


def base_of(
    call: Call[Any, Any], named: str | None, *, makes: bool = False, may_be_new: bool = False
) -> str | None:
    """What a change of the call's page is based on: the body's revision `named`, or If-Match.

    `makes` tells that the change makes a page that is missing, so that If-Match has to refuse it
    (412); another change is refused as its page is not found. `may_be_new` tells that
    ``If-None-Match: *`` has a meaning.
    """

    def current() -> str | None:
        return _current(call, may_be_missing=makes)

    base = call.preconditions.base(named, current, may_be_new=may_be_new)
    if not (makes and base.revision == ANY_REVISION):
        return base.revision
    found = current()
    if found is None:
        raise Refused(
            412,
            "precondition_failed",
            f"Nothing was changed: there is no page {call.page!r}, and If-Match asks for one.",
        )
    return found


def _current(call: Call[Any, Any], *, may_be_missing: bool) -> str | None:
    """The revision of the call's page; None or PageNotFound where there is none."""
    try:
        return call.service.read_lines(call.page, 1, 1).revision
    except PageNotFound:
        if not may_be_missing:
            raise
        return None


def done(written: Written) -> Answer:
    """The answer to a change of a page: 201 where it was made."""
    return Answer(
        shapes.written(written),
        status=201 if written.created else 200,
        etag=page_etag(written.revision),
    )


def put_page(call: Call[queries.NoQuery, bodies.PutPage]) -> Answer:
    """Create a page, or replace all of one that was read."""
    return done(
        call.service.write(
            call.page,
            call.body.content,
            by=call.by,
            base=base_of(call, call.body.revision, makes=True, may_be_new=True),
            message=call.body.commit_message,
        )
    )


def patch_page(call: Call[queries.NoQuery, bodies.PatchPage]) -> Answer:
    """Replace a text that occurs exactly once."""
    revision = base_of(call, call.body.revision)
    if revision is None:
        raise revision_is_missing()
    return done(
        call.service.edit(
            call.page,
            call.body.old_string,
            call.body.new_string,
            by=call.by,
            base=revision,
            message=call.body.commit_message,
        )
    )


def revision_is_missing() -> Refused:
    """422: a change that has to say what it is based on and does not."""
    message = "it is missing: send the revision you have read, here or as If-Match"
    return Refused(
        422,
        "bad_value",
        f"Nothing was done. revision: {message}.",
        errors=[{"in": "body", "field": "revision", "message": message}],
    )


def delete_page(call: Call[queries.NoQuery, bodies.DeletePage | None]) -> Answer:
    """Delete a page and its attachments; its sub-pages stay."""
    body = call.body or bodies.DeletePage()
    gone = call.service.delete(
        call.page,
        by=call.by,
        base=base_of(call, body.revision),
        message=body.commit_message,
    )
    return Answer(
        answers.Deleted(
            deleted=True,
            path=gone.path,
            revision=gone.revision,
            parent=gone.parent,
            deleted_files=list(gone.deleted_files),
            kept_pages=list(gone.kept_pages),
        )
    )


def rename_page(call: Call[queries.NoQuery, bodies.RenamePage]) -> Answer:
    """Rename a page with everything in its folder, and rewrite the links to it."""
    renamed = call.service.rename(
        call.page,
        call.body.new_path,
        by=call.by,
        base=base_of(call, call.body.revision),
        update_links=call.body.update_links,
        message=call.body.commit_message,
    )
    return Answer(
        answers.Renamed(
            old_path=renamed.old_path,
            new_path=renamed.new_path,
            name=renamed.name,
            revision=renamed.revision,
            parent=renamed.parent,
            moved=shapes.moves(renamed.moved),
            moved_attachments=shapes.moves(renamed.moved_attachments),
            updated_pages=list(renamed.updated_pages),
            diff=renamed.diff,
            diff_truncated=renamed.diff_truncated,
        ),
        etag=page_etag(renamed.revision),
    )
