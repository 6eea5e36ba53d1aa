"""How much drafts may take: Otterwiki stores any text for any path, whether a page is there or not.

A draft may be as large as a page, and of one person and wiki there are so many at most. All drafts
of a wiki together may take some pages' worth of room: then new ones are refused, and at twice that
also what makes one of them longer. What a refused save keeps as a draft is not asked about: it is
the only copy of somebody's text.
"""

from __future__ import annotations

from typing import Any

from flask import abort, request

from otterwiki_engine.errors import QuotaExceeded
from otterwiki_tenant import current

ENDPOINT = "draft"
MOST_DRAFTS = 100  # of one author in one wiki
MOST_PAGES_WORTH = 20  # of the largest page, in one wiki
_FIELDS = ("revision", "cursor_line", "cursor_ch")
_FIELD_CHARACTERS = 64
_ADVICE = (
    "Save or discard drafts that are no longer needed: they are listed under Housekeeping. Pages"
    " can still be saved."
)


def refuse_draft() -> None:
    """Raise QuotaExceeded for a draft that goes past a limit; the engine words the answer."""
    if request.endpoint != ENDPOINT or request.method != "POST":
        return
    if any(len(request.form.get(name, "")) > _FIELD_CHARACTERS for name in _FIELDS):
        abort(400)
    page_bytes = current.active().farm.limits.page_bytes
    size = len(request.form.get("content", "").replace("\r\n", "\n").encode("utf-8", "replace"))
    if page_bytes is not None and size > page_bytes:
        raise QuotaExceeded(
            f"A draft may have {page_bytes:,} bytes, as a page may; this one has {size:,}.",
            what="page_bytes",
            limit=page_bytes,
            found=size,
            advice="Divide it into several pages that link to each other, or shorten it.",
        )
    _check_all(size, page_bytes)


def _check_all(size: int, page_bytes: int | None) -> None:
    from otterwiki.models import Drafts
    from otterwiki.server import db

    author = _author_email()
    mine: Any = Drafts.author_email == author
    this: Any = mine & (Drafts.pagepath == _pagepath())
    length = db.func.length(db.cast(Drafts.content, db.LargeBinary))
    before = db.session.query(length).filter(this).limit(1).scalar()
    if before is None:
        count = db.session.query(db.func.count(Drafts.id)).filter(mine).scalar()
        if count >= MOST_DRAFTS:
            raise QuotaExceeded(
                f"You have {count:,} drafts in this wiki; nobody may have more than"
                f" {MOST_DRAFTS:,}.",
                what="drafts",
                limit=MOST_DRAFTS,
                found=count + 1,
                advice=_ADVICE,
            )
    if page_bytes is None or (before is not None and size <= before):
        return
    limit = MOST_PAGES_WORTH * page_bytes * (1 if before is None else 2)
    found = (db.session.query(db.func.sum(length)).scalar() or 0) - (before or 0) + size
    if found > limit:
        raise QuotaExceeded(
            f"The drafts of this wiki may take {limit:,} bytes together; with this one it would be"
            f" {found:,}.",
            what="drafts_bytes",
            limit=limit,
            found=found,
            advice=_ADVICE,
        )


def _pagepath() -> str:
    """The path Otterwiki keeps the draft under."""
    from otterwiki.util import sanitize_pagename

    return sanitize_pagename((request.view_args or {}).get("path", ""), handle_md=True)


def _author_email() -> str:
    """Whose draft it is to Otterwiki."""
    from flask_login import current_user
    from otterwiki.auth import get_author

    if current_user.is_anonymous:
        return current_user.anonymous_uid()
    return get_author()[1]
