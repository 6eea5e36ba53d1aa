"""Links in HTML that is part of a page: ``<a href>``, ``<img src>`` and the like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

#: Attributes with addresses that Otterwiki lets through, by tag.
_ADDRESSES = {
    "a": ("href",),
    "img": ("src",),
    "audio": ("src",),
    "source": ("src",),
    "video": ("poster",),
}
#: Tags that Otterwiki lets through; any other makes it show the HTML around it as it is written.
_LET_THROUGH = frozenset(
    "a abbr address audio b blockquote br caption cite code col colgroup dd del details div dl dt"
    " em h1 h2 h3 h4 h5 h6 hr i img input ins kbd label li mark ol p pre q s samp small source span"
    " strike strong sub summary sup table tbody td tfoot th thead time tr u ul var video".split()
)
_ANY_TAG = re.compile(r"</?([A-Za-z][^\s/>]*)")
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<name>[A-Za-z][A-Za-z0-9-]*)"
    r"(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"(?:^|(?<=[\s\"'/]))([A-Za-z_:][A-Za-z0-9_.:-]*+)\s*=\s*"
    r"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s\"'=<>`]+))"
)


class HtmlLink(NamedTuple):
    """An address in ``text[start:end]``; ``is_image`` where it is shown in place."""

    start: int
    end: int
    is_image: bool


def html_links(text: str, start: int = 0, end: int | None = None) -> Iterator[HtmlLink]:
    """The addresses in the tags of ``text[start:end]``; none where that is shown as it is."""
    part = text[start:end]
    if any("<" in found[1] or ">" in found[1] for found in _COMMENT.finditer(part)):
        return
    part = _COMMENT.sub("", part)
    if "<!--" in part or any(name.lower() not in _LET_THROUGH for name in _ANY_TAG.findall(part)):
        return
    for tag in _TAG.finditer(text, start, len(text) if end is None else end):
        wanted = _ADDRESSES.get((tag["name"] or "").lower())
        if not wanted:
            continue
        for attribute in _ATTRIBUTE.finditer(text, *tag.span("attributes")):
            if attribute[1].lower() in wanted:
                kind = attribute.lastgroup or "bare"
                yield HtmlLink(*attribute.span(kind), tag["name"].lower() != "a")
                break
