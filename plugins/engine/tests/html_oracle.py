"""What in a piece of HTML could run a script, as an HTML5 parser (html5lib) sees it.

This is the judge of the render tests: it knows nothing of how the HTML was made. The few handlers
Otterwiki's own renderer writes are let through by their exact value, and nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import html5lib

_HTML = "{http://www.w3.org/1999/xhtml}"
#: Elements that run, load or redirect something, or change how what follows is read.
ACTIVE_ELEMENTS = frozenset(
    "script iframe frame frameset object embed applet base meta link form style template noscript"
    " noembed noframes xmp plaintext textarea title select marquee portal dialog slot".split()
)
#: What Otterwiki's renderer writes itself: (attribute, exact value).
OWN_HANDLERS = frozenset(
    {
        ("onclick", "otterwiki.copy_to_clipboard(this);"),
        ("onclick", "otterwiki.toggle_spoiler(this)"),
        ("onchange", "otterwiki.toggleClass(event.target.checked,'pagetoc')"),
    }
)
_URL_ATTRIBUTES = frozenset(
    "href src action formaction poster data background cite longdesc ping manifest srcset"
    " profile classid codebase usemap dynsrc lowsrc".split()
)
_ACTIVE_SCHEMES = ("javascript:", "vbscript:", "data:", "livescript:", "file:", "blob:", "about:")
_IGNORED_IN_URLS = re.compile(r"[\x00-\x20\x7f]")
_CSS_BLANKS = re.compile(r"[ \t\n\f\r]")
_CSS_COMMENT = re.compile(r"/\*.*?(\*/|$)", re.S)
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.S)
_ACTIVE_CSS = re.compile(
    r"expression\(|behavior:|-moz-binding:|@import|url\([\"']?(?:javascript|vbscript|data|file):"
)
_VIDEO_URL = re.compile(r"https://www\.youtube\.com/embed/[A-Za-z0-9_-]{1,64}(\?[\w=&%.-]*)?")
_VIDEO_ATTRIBUTES = frozenset(
    "allow allowfullscreen frameborder height width src title referrerpolicy".split()
)


def _active_url(value: str) -> bool:
    bare = _IGNORED_IN_URLS.sub("", value).lower()
    return bare.startswith(_ACTIVE_SCHEMES)


def _css_character(match: re.Match[str]) -> str:
    if match.group(2) is not None:
        return match.group(2)
    code = int(match.group(1), 16)
    return chr(code) if 0 < code < 0x110000 else "\ufffd"


def _active_style(value: str) -> bool:
    css = _CSS_ESCAPE.sub(_css_character, _CSS_COMMENT.sub("", value))
    bare = _CSS_BLANKS.sub("", _CSS_COMMENT.sub("", css)).lower()
    return _ACTIVE_CSS.search(bare) is not None


def _is_video_frame(element: Any) -> bool:
    return (
        element.tag == _HTML + "iframe"
        and set(element.attrib) <= _VIDEO_ATTRIBUTES
        and _VIDEO_URL.fullmatch(element.get("src", "")) is not None
        and not (element.text or "").strip()
    )


def script_capable(html: str) -> list[str]:
    """A line for each thing in `html` (a fragment of a body) that could run a script."""
    return list(_findings(html5lib.parseFragment(html, treebuilder="etree")))


def _findings(tree: Any) -> Iterator[str]:
    for element in tree.iter():
        if not isinstance(element.tag, str):  # a comment
            continue
        if element.tag == "DOCUMENT_FRAGMENT" or _is_video_frame(element):
            continue
        name = element.tag.removeprefix(_HTML)
        if not element.tag.startswith(_HTML):
            yield f"element of another namespace: {name}"
        elif name.lower() in ACTIVE_ELEMENTS:
            yield f"element {name}"
        for key, value in element.attrib.items():
            found = _attribute(name, str(key).lower(), value)
            if found:
                yield f"<{name} {key}={value!r}>: {found}"


def _attribute(element: str, key: str, value: str) -> str | None:
    local = key.rsplit("}", 1)[-1].rsplit(":", 1)[-1]
    if local.startswith("on") and (key, value) not in OWN_HANDLERS:
        return "event handler"
    if local in {"srcdoc", "formaction", "action", "is", "http-equiv", "popovertarget"}:
        return "attribute that acts"
    if local.startswith(("hx-", "data-hx-", "x-", "v-")):
        return "attribute a script library acts on"
    if local in _URL_ATTRIBUTES and _active_url(value):
        return "script URL"
    if local == "style" and _active_style(value):
        return "script in a style"
    return None
