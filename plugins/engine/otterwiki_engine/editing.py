"""Saving a page: on the revision it was edited on, never over somebody else's change.

Otterwiki's editor does not say which revision a text was made on, so the later of two saves wins
silently. The editor's form gets that revision as a hidden field (:mod:`.template_rules`), saving
checks it in the same step as it writes, and what can't be merged is shown (:mod:`.conflict_page`).

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

import otterwiki.wiki
from flask import Flask, abort, g, make_response, redirect, request
from otterwiki.auth import has_permission
from otterwiki.helper import get_filename, toast, url_for
from otterwiki.models import Drafts
from otterwiki.plugins import plugin_manager
from otterwiki.server import app, db, storage
from otterwiki.util import empty
from sqlalchemy.exc import SQLAlchemyError

from . import template_rewrite
from .conflict_page import conflict_answer, refused_answer, unfinished_answer
from .errors import BadPath, BadText, Conflict, EngineError, Forbidden, QuotaExceeded
from .limit_pages import json_answer, status_of, wants_json
from .merge import has_markers
from .pagenames import check_page_file
from .paths import NO_COMMIT
from .repository import CommitResult
from .template_rules import RULES

_log = logging.getLogger(__name__)
_FULL_REVISION = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ATTEMPTS = 3  # where somebody else moved the branch between our look at it and our write

_upstream_create = otterwiki.wiki.Page.create
_upstream_handle_rename = otterwiki.wiki.Page.handle_rename
_upstream_rename = otterwiki.wiki.Page.rename
_upstream_discard_draft = otterwiki.wiki.Page.discard_draft
_REFUSAL = "_otterwiki_engine_refused_rename"

#: What Otterwiki says when a draft is continued whose page changed, and what is true now.
OVERWRITES = "Saving the draft overwrites these changes."
MERGES = "Saving merges the draft with these changes; where they overlap, you will see both."


def edit_base(revision: str | None, pagepath: str) -> str:
    """The revision that the text in the editor of `pagepath` is based on, for the form's `base`.

    A full id. `revision` is what Otterwiki hands to the template; it counts only where a draft is
    continued (empty: the page did not exist when the draft was begun). An old revision that is
    opened in the editor is meant to replace the current one.
    """
    pinned: str = storage.pinned_revision()
    if request.form.get("draft") != "edit":
        return pinned
    if not revision:
        return NO_COMMIT
    found: str | None = storage.wiki.history.find(revision, get_filename(pagepath))
    return found or pinned


def _posted_base() -> str | None:
    """The form's base revision; None where the post has none and so takes HEAD."""
    base = request.form.get("base")
    if base is not None and not _FULL_REVISION.fullmatch(base):
        abort(
            400,
            description="The form's base revision is not a full commit id. Go back, copy your"
            " text, open the editor again and paste it there.",
        )
    return base


def save(self: Any, content: str, commit: str, author: Any) -> Any:
    """Commit `content` as page `self`, merged with what was changed elsewhere in it meanwhile.

    Redirects to the page. A change that overlaps with somebody else's is answered with the conflict
    page (409); a name or message that is not allowed with 403 or 400; what goes past a limit with
    413 or 429, and what went wrong on this side with 503, both with the text in hand.
    """
    if not has_permission("WRITE"):
        abort(403)
    base = _posted_base()
    if (
        request.form.get("resolving")
        and has_markers(content)
        and not has_markers(self.content or "")
    ):
        return unfinished_answer(self, content, commit, author)
    message = commit
    if app.config["COMMIT_MESSAGE"].upper() == "DISABLED":
        message = _default_message(self.pagename)
    try:
        if not self.exists:
            check_page_file(self.filename)
        result = _store(self.filename, content, base, message, author)
    except BadPath as error:
        abort(403, description=str(error))
    except BadText as error:
        abort(400, description=str(error))
    except QuotaExceeded as error:
        return refused_answer(self, content, commit, author, error)
    except Forbidden:
        raise  # answered by .limit_pages
    except (EngineError, OSError) as error:
        if not isinstance(error, Conflict):
            _log.exception("save failed: page=%s", self.filename)
        return conflict_answer(self, content, commit, author, error)
    _tell(self, result, content, message, author)
    try:
        self.discard_draft(author)
    except SQLAlchemyError:  # the page is saved, and that is what the answer says
        db.session.rollback()
        _log.exception("draft not discarded: page=%s", self.filename)
    return redirect(url_for("view", path=self.pagepath))


def _store(
    filename: str, content: str, base: str | None, message: str, author: Any
) -> CommitResult:
    for attempts_left in reversed(range(_ATTEMPTS)):
        try:
            result: CommitResult = storage.store_with_base(
                filename, content, base=base, message=message, author=author
            )
            break
        except Conflict as conflict:
            # No path in conflict: only the branch moved, and the next look will see where to.
            if conflict.paths or not attempts_left:
                raise
    return result


def _tell(page: Any, result: CommitResult, content: str, message: str, author: Any) -> None:
    """Say what became of the save, to the user and to Otterwiki's plugins."""
    if not result.changed:
        toast("Nothing changed.", "warning")
        return
    if result.merged:
        toast(f"{page.pagename_full} saved, and merged with a change made meanwhile.")
        content = storage.load(page.filename, revision=result.revision)
    else:
        toast(f"{page.pagename_full} saved.")
    plugin_manager.hook.page_saved(
        pagepath=page.pagepath, content=content, author=author, message=message
    )


def _default_message(pagename: str) -> str:
    """The configured message: "%P" is the page, the rest as in strftime."""
    return time.strftime(app.config["DEFAULT_COMMIT_MESSAGE"].replace("%P", pagename))


def create(self: Any) -> Any:
    """As Otterwiki does, but a new page whose address means something else is refused."""
    problem = None if self.exists else _name_problem(self.filename)
    if problem and has_permission("WRITE"):
        toast(problem, "error")
        return redirect(url_for("create"))
    return _upstream_create(self)


def handle_rename(
    self: Any, new_pagename: str | None, message: str, author: Any, update_backlinks: Any
) -> Any:
    """As Otterwiki does, but a new name whose address means something else is refused.

    Where a limit refuses the rename (413 or 429), the form says so.
    """
    problem = _name_problem(get_filename(new_pagename)) if not empty(new_pagename) else None
    if problem and has_permission("WRITE"):
        toast(problem, "error")
        return self.rename_form(new_pagename, message)
    answer = _upstream_handle_rename(self, new_pagename, message, author, update_backlinks)
    refusal: QuotaExceeded | None = g.pop(_REFUSAL, None)
    if refusal is None:
        return answer
    return json_answer(refusal) if wants_json() else make_response(answer, status_of(refusal))


def rename(self: Any, new_pagename: str, message: str, author: Any, update_backlinks: Any) -> Any:
    """As Otterwiki does; what a limit refuses is told, where Otterwiki only says "failed"."""
    try:
        return _upstream_rename(self, new_pagename, message, author, update_backlinks)
    except QuotaExceeded as error:
        toast(str(error), "error")
        setattr(g, _REFUSAL, error)
        raise


def _name_problem(filename: str) -> str | None:
    try:
        check_page_file(filename)
    except BadPath as error:
        return str(error)
    return None


def discard_draft(self: Any, author: Any) -> None:
    """As Otterwiki does; where nobody has a draft of the page, which is seen by reading, nothing is
    written."""
    drafts = db.session.query(Drafts.id).filter_by(pagepath=self.pagepath)
    if drafts.first() is not None:
        _upstream_discard_draft(self, author)


def truthful_toast(message: str, category: str = "") -> Any:
    """Otterwiki's toast, but without the warning that continuing a draft overwrites changes."""
    return toast(message.replace(OVERWRITES, MERGES), category)


def install(flask_app: Flask) -> None:
    """Replace saving and the editor's form; the storage has to be the engine's already.

    Raises :class:`.template_rewrite.TemplateChanged` where Otterwiki's templates have changed.
    """
    template_rewrite.install(flask_app, RULES)
    flask_app.jinja_env.globals["edit_base"] = edit_base
    otterwiki.wiki.toast = truthful_toast
    page = otterwiki.wiki.Page
    page.save, page.create = save, create
    page.handle_rename, page.rename = handle_rename, rename
    page.discard_draft = discard_draft
