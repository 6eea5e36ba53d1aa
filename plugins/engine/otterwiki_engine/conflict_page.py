"""The page shown when a save can't be applied as it is: nothing anybody wrote is lost.

It shows what differs, who changed the page meanwhile, and a text in which everything that does not
overlap is merged already. The user's own text stays at hand there and as a draft.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from typing import Any

from flask import Response, make_response, render_template, request
from otterwiki.renderer import pygments_render_lines
from otterwiki.server import db, storage
from otterwiki.sidebar import SidebarMenu, SidebarPageIndex
from otterwiki.util import diff_content, diff_side_by_side_html, normalize_content
from sqlalchemy.exc import SQLAlchemyError

from .errors import (
    BadRevision,
    Conflict,
    EngineError,
    NotFound,
    QuotaExceeded,
    UncommittedChanges,
)
from .limit_pages import json_answer, status_of, wants_json
from .matching import BoundedMatcher
from .merge import merge_text
from .paths import NO_COMMIT

_log = logging.getLogger(__name__)
TEMPLATE = "otterwiki_engine/conflict.html"
_NO_HISTORY = (EngineError, OSError, sqlite3.Error)  # the disk is full, say
_SHOWN_CHANGES = 10
_MIN_ROWS, _MAX_ROWS = 8, 30  # of the text areas


@dataclass(frozen=True)
class Texts:
    """What has to be brought together. `current` None: there is no such page now."""

    own: str
    current: str | None
    merged: str
    overlaps: int


def conflict_answer(page: Any, own: str, message: str, author: Any, error: Exception) -> Response:
    """The answer to a save of `own` that `error` refused: 409, or 503 where it is worth a retry.

    `page` is Otterwiki's Page, `message` the commit message as typed; the base revision is the
    posted one. The text is kept as the author's draft as well, where that can be done.
    """
    base = request.form.get("base")
    current = storage.wiki.repository.snapshot()
    texts = merged_texts(page.filename, own, base, current)
    is_kept = _keep_as_draft(page, own, author, base)
    if not isinstance(error, Conflict) or not error.paths:
        kind = "failed"
    elif isinstance(error, UncommittedChanges):
        kind = "uncommitted"
    elif texts.current is None:
        kind = "deleted"
    elif base and _text_at(page.filename, base) is None:
        kind = "created"
    else:
        kind = "edited"
    return _answer(
        page,
        texts,
        message,
        kind=kind,
        reason=str(error),
        old_base=base,
        new_base=current.revision or NO_COMMIT,
        status=503 if kind == "failed" else 409,
        is_kept=is_kept,
    )


def unfinished_answer(page: Any, content: str, message: str, author: Any) -> Response:
    """The answer to a save of `content` in which conflict markers were left standing."""
    draft = page.load_draft(author)
    base = request.form.get("base") or storage.pinned_revision()
    texts = Texts(
        own=content if draft is None else draft.content,
        current=_text_at(page.filename, storage.pinned_revision()),
        merged=content,
        overlaps=0,
    )
    # The revision this text was made on stays its base: what came since is not in it.
    return _answer(
        page,
        texts,
        message,
        kind="unfinished",
        reason="",
        old_base=base,
        new_base=base,
        status=409,
    )


def refused_answer(
    page: Any, own: str, message: str, author: Any, error: QuotaExceeded
) -> Response:
    """The answer to a save of `own` that a limit refused: 413 or 429, with the text in hand.

    The posted base revision stays the text's base. JSON where a program asks, which has its text.
    """
    if wants_json():
        return json_answer(error)
    base = request.form.get("base")
    is_kept = _keep_as_draft(page, own, author, base)
    return _answer(
        page,
        Texts(own=own, current=None, merged=own, overlaps=0),
        message,
        kind="limit",
        reason=str(error),
        old_base=base,
        new_base=base or storage.pinned_revision(),
        status=status_of(error),
        is_kept=is_kept,
    )


def merged_texts(filename: str, own: str, base: str | None, current: Any) -> Texts:
    """`own` (made on revision `base`) and the page's text in snapshot `current`, merged."""
    now = _text_at(filename, current.revision or NO_COMMIT)
    before = _text_at(filename, base) if base else now
    if now is None:
        return Texts(own=own, current=None, merged=own, overlaps=0)
    if before is None:  # two new pages, or a base that is unknown here
        before = _common_lines(own, now)
    result = merge_text(before, own, now)
    return Texts(own=own, current=now, merged=result.text, overlaps=result.conflicts)


def _text_at(filename: str, revision: str) -> str | None:
    """Text of the page at `revision`, with LF line ends; None where it (or the revision) is not."""
    try:
        content = storage.wiki.repository.snapshot(revision).read(filename)
    except (BadRevision, NotFound):
        return None
    text = content.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _common_lines(left: str, right: str) -> str:
    """The lines two texts share in the same order: the nearest thing to a common ancestor."""
    a, b = left.splitlines(keepends=True), right.splitlines(keepends=True)
    blocks = BoundedMatcher(None, a, b).get_matching_blocks()
    return "".join("".join(a[block.a : block.a + block.size]) for block in blocks)


def _keep_as_draft(page: Any, own: str, author: Any, base: str | None) -> bool:
    """Store `own` as the author's draft, so that closing the window loses nothing either.

    False where that fails too (the disk is full): then the answer is all there is of the text.
    """
    based_on = ""
    if record := _last_change(page.filename, base):
        based_on = storage.wiki.history.abbreviations([record.revision])[record.revision]
    elif base is None and page.metadata:
        based_on = page.metadata["revision"]
    try:
        page.save_draft(
            author,
            own,
            revision=based_on,
            cursor_line=request.form.get("cursor_line") or 0,
            cursor_ch=request.form.get("cursor_ch") or 0,
        )
    except SQLAlchemyError:
        db.session.rollback()
        _log.exception("draft not kept: page=%s", page.filename)
        return False
    return True


def _last_change(filename: str, base: str | None) -> Any:
    """The commit that last changed the page at or before `base`, None where that can't be told."""
    if base in (None, NO_COMMIT):
        return None
    try:
        return storage.wiki.history.last_change(filename, base)
    except _NO_HISTORY:
        return None


def _changes_since(filename: str, base: str | None) -> list[Any]:
    """The commits that changed the page since `base`, newest first; at most ten."""
    known = _last_change(filename, base)
    changes: list[Any] = []
    try:
        newest = storage.wiki.history.log(filename, limit=_SHOWN_CHANGES)
    except _NO_HISTORY:
        return changes  # the text is what counts here
    for record in newest:
        if known is not None and record.revision == known.revision:
            break
        changes.append(record)
    return changes


def _diff_rows(texts: Texts) -> list[dict[str, Any]]:
    current = texts.current or ""
    rows: list[dict[str, Any]] = diff_side_by_side_html(
        diff_content(current, texts.own),
        html_a=pygments_render_lines(normalize_content(current), "markdown"),
        html_b=pygments_render_lines(normalize_content(texts.own), "markdown"),
    )
    return rows


def _answer(
    page: Any,
    texts: Texts,
    message: str,
    *,
    kind: str,
    reason: str,
    old_base: str | None,
    new_base: str,
    status: int,
    is_kept: bool = True,
) -> Response:
    """Render the page: what came since `old_base` is listed, the form's text has `new_base`."""
    lines = texts.merged.count("\n") + 2
    html = render_template(
        TEMPLATE,
        title=f"{page.pagename} - not saved",
        kind=kind,
        reason=reason,
        is_kept=is_kept,
        pagename=page.pagename,
        pagepath=page.pagepath,
        texts=texts,
        rows=max(_MIN_ROWS, min(lines, _MAX_ROWS)),
        changes=[] if kind == "limit" else _changes_since(page.filename, old_base),
        diff=[] if kind == "limit" else _diff_rows(texts),
        base=new_base,
        message=message,
        breadcrumbs=page.breadcrumbs(),
        menutree=SidebarPageIndex(page.pagepath).query(),
        custom_menu=SidebarMenu().query(),
    )
    response = make_response(html, status)
    response.cache_control.no_store = True
    return response
