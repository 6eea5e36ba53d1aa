"""What a zygote can be asked to do with a stock Otterwiki that has the engine, by its web pages.

Otterwiki reads REPOSITORY when it is imported: all calls must be about that folder. Each call opens
the wiki anew, because the caller replaces the folder between calls.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from otterwiki.server import app

from otterwiki_engine import current
from otterwiki_engine.storage import open_stock_wiki

from .engine_calls import commit, create, history
from .web_calls import Visitor

__all__ = ["change", "commit", "create", "history"]


def change(
    folder: str, path: str, form: dict[str, Any], author: list[str]
) -> Generator[None, None, str]:
    """POST a form to one of Otterwiki's pages as `author`; returns where that redirects to.

    A generator: steps are counted from its first `yield` on.
    """
    wiki = open_stock_wiki(Path(folder))
    current.use_resolver(lambda: wiki)
    name, email = author
    headers = {
        "x-otterwiki-name": name,
        "x-otterwiki-email": email,
        "x-otterwiki-permissions": "READ,WRITE,UPLOAD",
    }
    visitor = Visitor(app.wsgi_app, "http://wiki.localhost", headers)
    yield
    return visitor.change(path, form)
