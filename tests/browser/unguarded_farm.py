"""A farm without its guards, only to show that a hostile text does run where nothing stops it.

`python tests/browser/unguarded_farm.py` serves the farm of the ROBOT_ settings in one process, like
`robot web`, but with escaping and sanitising taken out of Otterwiki, mistune, Pygments and Jinja,
and with the engine's own guards undone. No setting of the product can do any of this.
"""

from __future__ import annotations

import sys
from typing import Any

import markupsafe
from jinja2 import Environment
from werkzeug.serving import make_server

from otterwiki_robot.settings import Settings, read_settings
from otterwiki_robot.wsgi import create_application


def as_it_is(text: Any, *_: Any, **__: Any) -> Any:
    """Stands where something was escaped, cleaned or checked."""
    return text


def as_markup(text: Any, *_: Any, **__: Any) -> Any:
    return markupsafe.Markup(text)


def take_guards_away() -> None:
    """Undo what stops hostile texts; Otterwiki has to be loaded."""
    import mistune
    import mistune.plugins.abbr
    import mistune.renderers.html
    import otterwiki.renderer
    import otterwiki.server
    import pygments.formatters.html
    from otterwiki.renderer_embeddings import VideoEmbedding

    from otterwiki_engine import render_budget, render_guards

    render_budget.LAYOUT_VERSION = 0  # what the real farm keeps in the same files is not ours
    renderer = otterwiki.renderer
    _everywhere(renderer.clean_html, as_it_is)
    _everywhere(markupsafe.escape, as_markup)
    _everywhere(render_guards.style_attribute, _style_attribute)
    renderer.mistune_striptags = as_it_is
    mistune.escape = mistune.escape_url = as_it_is
    mistune.renderers.html.safe_entity = as_it_is
    mistune.renderers.html.escape_text = mistune.plugins.abbr.escape = as_it_is
    mistune.HTMLRenderer.safe_url = lambda _self, url: url
    pygments.formatters.html._escape_html_table.clear()
    renderer.OtterwikiMdRenderer.block_code = render_guards._upstream_block_code
    VideoEmbedding._get_youtube_id = staticmethod(render_guards._upstream_youtube_id)
    render_guards.CURSOR_MARK = ' <span id="otterwiki_cursor"></span> '
    render_guards.place_cursor = as_it_is
    render_guards.mistune = mistune
    _take_out_of_templates(otterwiki.server.app.jinja_env)


def _everywhere(original: Any, replacement: Any) -> None:
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("otterwiki", "otterwiki_engine"):
            for key, value in list(vars(module).items()):
                if value is original:
                    setattr(module, key, replacement)


def _style_attribute(styles: list[str]) -> str:
    return f' style="{";".join(style for style in styles if style)}"'


def _take_out_of_templates(environment: Environment) -> None:
    environment.autoescape = False
    for name in ("e", "escape", "forceescape"):
        environment.filters[name] = as_it_is
    loader: Any = environment.loader
    for name in [name for name in loader._rules if name != "search.html"]:
        del loader._rules[name]  # that one only shows what the engine has found
    loader._transforms.clear()
    if environment.cache is not None:
        environment.cache.clear()


def main(settings: Settings) -> None:
    application = create_application(settings)
    take_guards_away()
    server = make_server("127.0.0.1", settings.web_port, application, threaded=True)
    server.serve_forever()


if __name__ == "__main__":
    main(read_settings())
