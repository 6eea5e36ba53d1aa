"""Every object of Otterwiki that this plugin replaces or adds to, in one place, with its reason.

==============================================  ====================================================
object                                          why
==============================================  ====================================================
templates                                       inline scripts and handlers (:mod:`.markup`,
                                                :mod:`.template_rules`)
``renderer._pre_copy_to_clipboard_tag``         writes an onclick attribute into every code block
``renderer_plugins`` spoiler block              writes an onclick attribute
page index embedding                            writes an onchange attribute
``after_request``                               sets the policy (:mod:`.responses`)
==============================================  ====================================================

What is made in Python is changed where it is made. The fragment each function puts around a page's
text is tried out at the start; :class:`UpstreamChanged` is raised when it is not the expected one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask

from otterwiki_engine import template_rewrite

from . import responses
from .markup import MarkupTransform
from .settings import read_settings
from .template_rules import RULES

_COPY = ' onclick="otterwiki.copy_to_clipboard(this);"'
_COPY_ACTION = ' data-wiki-click="copy-code"'
_SPOILER = ' onclick="otterwiki.toggle_spoiler(this)"'
_SPOILER_ACTION = ' data-wiki-click="toggle-spoiler"'
_HEADINGS = " onchange=\"otterwiki.toggleClass(event.target.checked,'pagetoc')\""
_HEADINGS_ACTION = ' data-wiki-change="toggle-page-headings"'
_HEADINGS_START = '<div class="d-inline-block custom-switch'
_URL_PREFIX = "/-/content-security"


class UpstreamChanged(RuntimeError):
    """Otterwiki is not what the stand-ins were made for; nothing was replaced."""


def install(app: Flask) -> None:
    """Put the policy and all that it needs in place. Called once, from the ``setup`` hook."""
    settings = read_settings(app.config)
    static = Path(__file__).parent / "static"
    version = hashlib.sha256((static / "actions.js").read_bytes()).hexdigest()[:12]
    app.jinja_env.globals["content_security_version"] = version
    app.register_blueprint(
        Blueprint("content_security", __name__, static_folder=static, static_url_path=_URL_PREFIX)
    )
    responses.install(app, settings)
    _replace_copy_button()
    _replace_spoiler()
    _replace_page_index_switch()
    template_rewrite.install(app, RULES, transforms=(MarkupTransform(),))


def _replace_copy_button() -> None:
    import otterwiki.renderer

    original = otterwiki.renderer._pre_copy_to_clipboard_tag
    tag = _exchanged(original(), _COPY, _COPY_ACTION)
    otterwiki.renderer._pre_copy_to_clipboard_tag = lambda: tag


def _replace_spoiler() -> None:
    import otterwiki.renderer_plugins

    plugin: Any = next(
        value
        for value in vars(otterwiki.renderer_plugins).values()
        if hasattr(type(value), "render_html_spoiler_block")
    )
    owner: Any = next(c for c in type(plugin).__mro__ if "render_html_spoiler_block" in vars(c))
    original = owner.render_html_spoiler_block
    before, mark, _ = original(plugin, "text").partition(_SPOILER)
    if not mark or "text" in before:
        raise UpstreamChanged("a spoiler block no longer begins with its button")

    def render_html_spoiler_block(self: Any, text: str) -> str:
        """As Otterwiki does, with an action instead of the button's handler."""
        html: str = original(self, text)
        return html.replace(_SPOILER, _SPOILER_ACTION, 1)  # the button comes before the text

    owner.render_html_spoiler_block = render_html_spoiler_block


def _replace_page_index_switch() -> None:
    from otterwiki.plugins import plugin_manager
    from otterwiki.renderer_embeddings import PageIndexEmbedding

    (implementation,) = [
        found
        for found in plugin_manager.hook.embedding_render.get_hookimpls()
        if isinstance(found.plugin, PageIndexEmbedding)
    ]
    original = implementation.function

    def embedding_render(embedding: str, args: Any) -> str | None:
        """As Otterwiki does, with an action instead of the handler of the switch."""
        html: str | None = original(embedding=embedding, args=args)
        if html is None or not html.startswith(_HEADINGS_START):
            return html  # another embedding, or asked for without the switch
        # The switch comes first, before any page's title.
        return html.replace(_HEADINGS, _HEADINGS_ACTION, 1)

    # Otterwiki's call_hook asks each implementation for this attribute.
    implementation.function = embedding_render


def _exchanged(fragment: str, old: str, new: str) -> str:
    """`fragment` with `old`, which must be there once, exchanged for `new`."""
    if fragment.count(old) != 1:
        raise UpstreamChanged(f"expected once {old!r} in {fragment!r}")
    return fragment.replace(old, new)
