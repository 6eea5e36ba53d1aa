"""Addresses of the API in Flask's notation.

A page's path has slashes, and what is asked about the page may follow it: no page can be called
like those last parts (:mod:`otterwiki_engine.pagenames`). Where one is all the same, from an import
say, ".md" behind its path names it.
"""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import PathConverter

from .routes import PREFIX

_PAGE, _FILE = "page", "file"  # names of the converters below
#: The blueprint, and its endpoint for addresses and methods that there are not.
BLUEPRINT, NOWHERE = "rest_api", "nowhere"
#: Whatever lies below the API's prefix.
ANYTHING = f"{PREFIX}/<{_PAGE}:rest>"


class PageConverter(PathConverter):
    """A page's path, slashes included, whatever characters it has: the page service judges it."""

    regex = r"[^/](?s:.*?)"


class FileConverter(PathConverter):
    """An attachment's name. What ends in .md is a page's path instead: no attachment's does."""

    regex = r"[^/]+(?<!\.md)"
    part_isolating = True


def install(app: Flask) -> None:
    """Let the application know the notation."""
    app.url_map.converters[_PAGE] = PageConverter
    app.url_map.converters[_FILE] = FileConverter


def rule_of(path: str) -> str:
    """The rule of a route's path, which is below the prefix."""
    return PREFIX + path.replace("{page}", f"<{_PAGE}:page>").replace(
        "{filename}", f"<{_FILE}:filename>"
    )
