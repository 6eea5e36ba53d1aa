"""Which pages link to the one that is shown, below its text.

The list comes from the page index and is never wrong: it stands at the very commit that is shown,
or it is not there. An index that a few pages are missing from is brought up first; one that has
never been built, or is far behind, is brought up after the answer, and the page says so.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from functools import partial

from flask import Flask, render_template, request
from markupsafe import Markup
from otterwiki.auth import has_permission
from otterwiki.helper import get_filename, get_pagename, get_pagename_for_title, url_for
from otterwiki.server import app, storage

from .after_answers import after_answers
from .errors import BadRevision, EngineError, NotFound
from .kept_fragments import KeptKey, keep_fragment, kept_fragment
from .pages.settings import PageSettings, page_settings_of
from .repository import Repository
from .wiki import Wiki

SHOWN = 20
_MOST_SHOWN = 5000  # where all of them are asked for
_FEW_CHANGES = 10  # pages that may be read while somebody waits
_ALL = "all"
_NAME = "linked-from"  # the element, and the argument of an address that asks for all
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Linking:
    """The pages that link to a page: (address, name), and how many more there are."""

    shown: tuple[tuple[str, str], ...]
    more: int
    all_url: str


@dataclass(frozen=True)
class _Source:
    """Names the block among the fragments that are kept."""

    kept_key: KeptKey


def linked_from(pagepath: str, revision: str | None) -> Markup:
    """The block below the page at `pagepath`; empty for an old `revision`, or without a link."""
    filename = get_filename(pagepath)
    if revision or not has_permission("READ") or storage.blob_id(filename) is None:
        return Markup("")
    wiki: Wiki = storage.wiki
    settings = page_settings_of(app.config)
    head = storage.pinned_revision()
    wants_all = request.args.get(_NAME) == _ALL
    source = _Source((str(wiki.repository.state_dir), settings, head))
    variant = (_NAME, request.script_root, pagepath, wants_all)
    kept = kept_fragment(source, *variant)
    if kept is not None:
        return kept
    paths = _pages_with_links_to(wiki, settings, head, filename.removesuffix(".md"))
    if paths is None:
        return _rendered(None)
    most = _MOST_SHOWN if wants_all else SHOWN
    linking = Linking(
        shown=tuple((_url(path), get_pagename_for_title(path, full=True)) for path in paths[:most]),
        more=max(0, len(paths) - most),
        all_url=f"{url_for('view', path=pagepath)}?{_NAME}={_ALL}#{_NAME}",
    )
    return keep_fragment(source, _rendered(linking) if paths else Markup(""), *variant)


def _url(path: str) -> str:
    url: str = url_for("view", path=get_pagename(path, full=True))
    return url


def _rendered(linking: Linking | None) -> Markup:
    return Markup(  # noqa: S704 - a template's output
        render_template("otterwiki_engine/linked_from.html", linking=linking, name=_NAME)
    )


def _pages_with_links_to(
    wiki: Wiki, settings: PageSettings, head: str, page: str
) -> list[str] | None:
    """Paths of the pages that link to `page` at commit `head`; None where that takes too long."""
    index = wiki.pages_index(settings)
    try:
        standing = index.standing()
        if standing != head and not _is_near(wiki.repository, standing, head):
            work = partial(_bring_up, wiki.repository, settings)
            after_answers.submit((str(wiki.repository.state_dir), settings), work)
            return None
        links = index.links_to(page)
        if index.standing() != head:  # somebody has committed just now: that is another page's list
            return None
    except (EngineError, sqlite3.Error):
        _log.exception("links to a page can't be told: page=%s", page)
        return None
    return list(dict.fromkeys(link.page for link in links))


def _is_near(repository: Repository, standing: str | None, head: str) -> bool:
    """Whether only a few pages changed between the commits `standing` and `head`."""
    if standing is None:
        return False
    try:
        before, after = repository.snapshot(standing), repository.snapshot(head)
    except (NotFound, BadRevision):  # the history was replaced
        return False
    changed = sum(
        path.endswith(".md") and before.get(path) != entry for path, entry in after.entries.items()
    )
    return changed <= _FEW_CHANGES


def _bring_up(repository: Repository, settings: PageSettings) -> None:
    """Bring the page index to HEAD: in files opened for that, since those of a request are closed
    whenever nobody uses them any more."""
    work_tree = repository.work_tree.root if repository.work_tree else None
    try:
        wiki = Wiki(
            Repository(repository.git_dir, work_tree=work_tree, state_dir=repository.state_dir)
        )
        try:
            wiki.pages_index(settings).catch_up()
        finally:
            wiki.close()
    except EngineError as error:  # deleted meanwhile, or others are at it
        _log.warning("page index not brought up: wiki=%s error=%s", repository.state_dir, error)


def install(flask_app: Flask) -> None:
    """Let the template ask (:data:`.template_rules.RULES`)."""
    flask_app.jinja_env.globals["linked_from"] = linked_from
