"""Keeps the file by which a sidecar learns Otterwiki's page-name rules (:mod:`.pages.settings`).

Written when Otterwiki starts and whenever its preferences change in this process. What another
process has changed stays: a worker that started before it knows nothing newer.
"""

from __future__ import annotations

import logging

from flask import Flask

from .current import current_wiki
from .errors import NoWikiActive
from .pages.settings import PageSettings, page_settings_of, write_page_settings
from .wiki import Wiki

_log = logging.getLogger(__name__)


def install(app: Flask) -> None:
    """Write the settings of `app` into its wiki's state folder, now and after each change.

    Only for a stock Otterwiki's one wiki: on a farm settings belong to wikis, and tenancy hands
    them on. To be called once the engine's storage is in place.
    """
    try:
        stock_wiki = current_wiki()
    except NoWikiActive:
        return
    written: PageSettings | None = None

    def keep(_error: BaseException | None = None) -> None:
        nonlocal written
        if not _is_current(stock_wiki):
            return
        settings = page_settings_of(app.config)
        if settings == written:
            return
        try:
            write_page_settings(stock_wiki.repository.state_dir, settings)
        except OSError:  # tried again after the next request; the answer to this one stands
            _log.exception("page settings not written: a sidecar may name pages by old rules")
            return
        written = settings

    keep()
    # Otterwiki applies changed preferences in an application context of its own.
    app.teardown_appcontext(keep)


def _is_current(wiki: Wiki) -> bool:
    try:
        return current_wiki() is wiki
    except NoWikiActive:
        return False
