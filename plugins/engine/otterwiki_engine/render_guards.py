"""Holes of Otterwiki 2.26.1's renderer, closed at the node that writes the HTML.

* A ``math`` code block is written out unescaped (fixed upstream in 2.26.2).
* The id of a YouTube video is written into an attribute unescaped
  (``https://youtu.be/x" onload="...``).
* A tag that is not finished counts as text where HTML is checked, but what is written after it
  finishes it: ``<p onmouseover=...`` and an empty line run a script.
* The word that marks the cursor in a preview is known, and taken out after links were checked:
  ``java`` + the word + ``script:`` becomes a script's address.
* The address of a video is checked before its entities are read.
* The style of an embedding is not checked as the style of an element is.
* The preview puts the cursor's element into finished HTML as text, also into a quoted attribute,
  and so ends the attribute.

What MathJax may do with a formula is set in the page that loads it (:mod:`.template_rules`).
Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Any

import mistune
import otterwiki.renderer
import otterwiki.renderer_embeddings
import otterwiki.util
from bs4 import BeautifulSoup, ParserRejectedMarkup  # type: ignore[import-untyped]
from bs4.element import PreformattedString  # type: ignore[import-untyped]
from markupsafe import escape
from otterwiki.renderer import OtterwikiMdRenderer, is_dangerous_style
from otterwiki.renderer_embeddings import VideoEmbedding
from pygments.filter import Filter  # type: ignore[import-untyped]

from . import render_budget, render_facts
from .rebinding import rebind

#: Stands for the cursor in HTML that is not finished; nobody can write it into a page.
CURSOR_MARK = f"cursor{secrets.token_hex(12)}"
#: Otterwiki's own mark in the Markdown of a preview; a word, as its patterns want one.
CURSOR_WORD = f"CuRsoR{secrets.token_hex(12)}"
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_upstream_clean_html = otterwiki.renderer.clean_html
_upstream_block_code = OtterwikiMdRenderer.block_code
_upstream_get_lexer_by_name = otterwiki.renderer.get_lexer_by_name
_upstream_attribute_url = otterwiki.renderer_embeddings._safe_attr_url
_upstream_style_attribute = otterwiki.renderer_embeddings._style_attr
_upstream_youtube_id = VideoEmbedding._get_youtube_id


def clean_html(html: str, *args: Any, **kwargs: Any) -> str:
    """`html` if it holds nothing but what is allowed and is complete, else escaped."""
    reader = HTMLParser(convert_charrefs=False)
    try:
        reader.feed(html)
        if "<" in reader.rawdata:  # it begins something and does not end it
            return escape(html)
        cleaned: str = _upstream_clean_html(html, *args, **kwargs)
    except (
        AssertionError,
        ParserRejectedMarkup,
    ):  # declarations the parser knows nothing of
        return escape(html)
    return cleaned


def block_code(self: Any, code: str, info: str | None = None) -> Any:
    """A code block as Otterwiki writes it, formulas escaped as in all its other math nodes."""
    language = (info or "").replace(CURSOR_WORD, "").removesuffix("=").strip()
    if language == "mermaid":
        return _upstream_block_code(self, code, info)
    if language != "math":
        most = render_budget.MOST_HIGHLIGHTED_IN.get(
            language.lower(), render_budget.MOST_HIGHLIGHTED
        )
        dense = language != "json" and render_budget.DENSE_CODE.search(code[:most])
        if language and len(code) <= most and not dense:
            try:
                return _upstream_block_code(self, code, info)
            except render_budget.HighlightingTooSlow:
                render_facts.note_lack_of_time()
        # Upstream can't take an info string that is nothing but the cursor.
        cursor = CURSOR_WORD if CURSOR_WORD in (info or "") else ""
        return cursor + _upstream_block_code(self, code, None)
    cursor = CURSOR_WORD if CURSOR_WORD in f"{info}{code}" else ""
    # Upstream looks for the cursor's line in the result, which has fewer (an error in the preview).
    code = mistune.escape(code.replace(CURSOR_WORD, ""), quote=False)
    return cursor + _upstream_block_code(self, code, "math")


def get_lexer_by_name(alias: str, **options: Any) -> Any:
    """Pygments' lexer, which counts against the page's time only once it is loaded."""
    with render_budget.not_charged():
        lexer = _upstream_get_lexer_by_name(alias, **options)
    lexer.add_filter(_ChargedTokens())
    return lexer


class _ChargedTokens(Filter):
    def filter(self, _lexer: Any, stream: Iterable[Any]) -> Iterator[Any]:
        for token in stream:
            render_budget.charge_highlighting()
            yield token


def youtube_id(url: str) -> str | None:
    """The id of the video at `url`; None where there is none, or none that YouTube would give."""
    found: str | None = _upstream_youtube_id(url)
    return found if found and _VIDEO_ID.fullmatch(found) else None


def attribute_url(url: str) -> str:
    """An embedding's URL, safe in an attribute: checked as it is written, with entities read."""
    safe: str = _upstream_attribute_url(unescape(url))
    return safe


def style_attribute(styles: Iterable[str]) -> str:
    """A ``style`` attribute of these declarations; none where one of them is refused elsewhere."""
    styles = list(styles)
    if is_dangerous_style(";".join(style for style in styles if style)):
        return ""
    attribute: str = _upstream_style_attribute(styles)
    return attribute


def place_cursor(html: str) -> str:
    """Put the preview's cursor element where `html` (finished) has its mark in a text.

    A mark that ended up inside an attribute or a comment is dropped, and so is a second one.
    """
    soup = BeautifulSoup(html, "html.parser")
    for text in soup.find_all(string=lambda string: string and CURSOR_MARK in string):
        before, _, after = text.partition(CURSOR_MARK)
        if isinstance(text, PreformattedString) or soup.find(id="otterwiki_cursor"):
            continue
        cursor = soup.new_tag("span", id="otterwiki_cursor")
        text.replace_with(before + " ", cursor, " " + after)
    return str(soup).replace(CURSOR_MARK, "")


def install() -> None:
    """Close the holes in Otterwiki's classes, so also in renderers it makes by itself."""
    rebind(otterwiki.util.cursormagicword, CURSOR_WORD)
    rebind(_upstream_clean_html, clean_html)
    OtterwikiMdRenderer.block_code = block_code
    otterwiki.renderer.get_lexer_by_name = get_lexer_by_name
    VideoEmbedding._get_youtube_id = staticmethod(youtube_id)
    rebind(_upstream_attribute_url, attribute_url)
    rebind(_upstream_style_attribute, style_attribute)
