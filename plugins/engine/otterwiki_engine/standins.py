"""Every object of Otterwiki that the engine replaces, in one place, each with its reason.

``setup`` is called while ``otterwiki.server`` is still importing, before the modules that bind its
globals exist, and plugins are set up in no particular order. Hence two techniques: an object that
others may hold already is converted in place (its class is changed), and a function or class is
rebound in every loaded ``otterwiki`` module that holds it.

========================================  ==========================================================
what                                      why
========================================  ==========================================================
``server.storage``                        not safe for threads or processes, never fsyncs, serves
                                          uncommitted files (:mod:`.storage`)
``server.app_renderer``,                  one mutable object for all threads: tables of contents and
``renderer.render``                       URLs of two pages mix (:mod:`.rendering`)
state of built-in rendering plugins       the same (:mod:`.render_state`)
``renderer.clean_html``, ``_style_attr``,  let scripts through: unfinished tags, math blocks, video
``VideoEmbedding``, ``block_code``,       addresses, styles of embeddings, links in a preview
``util.cursormagicword``                  (:mod:`.render_guards`)
parsers and patterns of the renderer,     no limit of time; some texts of 100 characters take for
``OtterwikiMdRenderer.render_token``      ever (:mod:`.render_patterns`, :mod:`.render_budget`)
``snippets/renderer_js.html``             MathJax follows script links (:mod:`.template_rules`)
``layout.html``                           runs HTML in the name of a file that somebody chooses
                                          (:mod:`.template_rules`)
``helper.get_ftoc``, ``update_ftoc_cache``  keyed by a one-second time, written on each view
                                          (:mod:`.headings`)
``app_renderer.markdown`` again           renders the same text at each view
                                          (:mod:`.rendered_pages`)
``sidebar.SidebarPageIndex``              reads every page at each view (:mod:`.sidebar_cache`)
``pageindex.PageIndex``                   compares every page with every other one, also where
                                          the editor opens (:mod:`.az_index`)
``snippets/menutree.html``,               are written out at each view (:mod:`.kept_fragments`)
``snippets/pageindex.html``
``wiki.Changelog.get``                    describes every commit to show a hundred
                                          (:mod:`.changelog`)
``helper.url_for``                        works out forty addresses a page (:mod:`.addresses`)
``wiki.BeautifulSoup``, ``get_header``,   parse, search and list again what did not change
attachments of ``page_render_context``    (:mod:`.page_views`)
``wiki.Search.render``, ``search.html``   reads all pages for each search, and counts letters
                                          instead of ranking (:mod:`.search_page`)
``page.html``                             does not say which pages link here
                                          (:mod:`.linked_from`)
``wiki.Page.discard_draft``               writes to the database where there is no draft
                                          (:mod:`.editing`)
``wiki.Attachment``,                      files of the work tree are served before they are
``wiki.Page.upload_attachments``          committed (:mod:`.attachments`); types are not looked at,
                                          thumbnails have no limit (:mod:`.thumbnails`)
``wiki.Page.save``, ``editor.html``       the editor posts no base revision: the later of two saves
                                          wins silently (:mod:`.editing`)
``util.difflib``                          takes cubic time: a page or a line of some KB that
                                          repeats itself stops a worker (:mod:`.matching`)
``wiki.Page.create``, ``handle_rename``   accept names whose URL means something else
                                          (:mod:`.editing`)
``wiki.Page.rename``                      hides why a limit refused (:mod:`.editing`)
``util.sanitize_pagename``                finds no page with a dot, ``#``, ``?`` and the like in its
                                          name (:mod:`.exact_names`)
``wiki.toast``, ``draft.html``            warn that saving a draft overwrites, which is not so here
                                          (:mod:`.editing`)
========================================  ==========================================================
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from flask import Flask
from otterwiki.gitstorage import GitStorage

from . import current, hooks, request_state
from .matching import bounded_difflib
from .otterwiki_bridge import OtterwikiBridge
from .rebinding import rebind
from .storage import WikiStorage, open_stock_wiki


class UpstreamChanged(RuntimeError):
    """Otterwiki is not what the stand-ins were made for; nothing was replaced."""


def install(app: Flask, storage: Any) -> None:
    """Put the engine's stand-ins in place of Otterwiki's own objects."""
    if type(storage) is not GitStorage:
        raise UpstreamChanged(f"otterwiki.server.storage is a {type(storage)!r}, not a GitStorage")
    wiki = open_stock_wiki(Path(storage.path))
    wiki.repository.repair()
    current.use_stock_wiki(wiki)
    storage.__dict__.clear()
    storage.__class__ = WikiStorage

    # These bind names of otterwiki.server, so they can be imported only from here on.
    from . import (
        addresses,
        attachments,
        az_index,
        changelog,
        editing,
        exact_names,
        headings,
        kept_fragments,
        limit_pages,
        linked_from,
        page_views,
        render_state,
        rendered_pages,
        rendering,
        search_page,
        sidebar_cache,
    )

    request_state.install(app)
    addresses.install()
    rendering.install()
    rendered_pages.install(app)
    headings.install(app)
    sidebar_cache.install()
    az_index.install()
    changelog.install()
    page_views.install()
    search_page.install()
    attachments.install()
    rebind(difflib, bounded_difflib())
    kept_fragments.install(app)
    linked_from.install(app)
    editing.install(app)
    exact_names.install()
    limit_pages.install(app)
    app.teardown_appcontext(lambda _error: render_state.forget_render_state())
    if not hooks.manager.has_plugin(OtterwikiBridge.NAME):
        hooks.manager.register(OtterwikiBridge(), OtterwikiBridge.NAME)
