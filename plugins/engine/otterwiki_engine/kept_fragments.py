"""Pieces of HTML that Otterwiki's templates make of something large that is kept, made once.

A template rule (:data:`.template_rules.RULES`) puts a template's source between two questions: was
this made before, and if not, keep it. What it is made of names itself by ``kept_key``; a value
without one is rendered each time.
"""

from __future__ import annotations

import sys
from typing import Any

from flask import Flask
from markupsafe import Markup

from .sized_cache import SizedCache

KeptKey = tuple[Any, ...]
SIZE_BYTES = 24 * 1024 * 1024

kept: SizedCache[KeptKey, Markup] = SizedCache(SIZE_BYTES)


def kept_fragment(source: Any, *variant: Any) -> Markup | None:
    """The HTML made of `source` before, in the form that `variant` names; else None."""
    key = getattr(source, "kept_key", ())
    return kept.get((key, variant)) if key else None


def keep_fragment(source: Any, html: Markup, *variant: Any) -> Markup:
    """Keep `html`, and return it."""
    key = getattr(source, "kept_key", ())
    if key:
        kept.put((key, variant), html, sys.getsizeof(html))
    return html


def install(app: Flask) -> None:
    """Let templates ask."""
    app.jinja_env.globals.update(kept_fragment=kept_fragment, keep_fragment=keep_fragment)
