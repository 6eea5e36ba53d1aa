"""What an address in a page means: which page or attachment of the wiki it leads to, if any.

Addresses are resolved as a browser resolves them on the page's own URL (RFC 3986, section 5), and
the paths that come out as Otterwiki's routes read them.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from ..pagenames import PAGE_SUFFIX, shadowed_by
from .settings import PageSettings

Kind = Literal["page", "attachment", "external"]
_SOME_HOST = "http://wiki"
_FILE_ROUTES = frozenset({"a", "t", "attachment"})


class Target(NamedTuple):
    """Where an address leads.

    ``path`` is a page's ("notes/todo"), an attachment's with its page's before it
    ("notes/todo/plan.pdf"), or the address itself where it leads elsewhere. ``anchor`` is the
    fragment behind ``#``.
    """

    kind: Kind
    path: str
    anchor: str | None


def slugify(text: str) -> str:
    """`text` as Otterwiki writes it into anchors."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    plain = re.sub(r"[^\w\s\-]", "", plain.strip().lower())
    return re.sub(r"[-\s]+", "-", plain)


def page_url(page: str) -> str:
    """The path of a page's URL, percent-encoded, as Otterwiki writes it."""
    return "/" + quote(page, safe="!$&'()*+,/:;=@")


def wiki_link_url(link: str) -> str:
    """The address Otterwiki gives a wiki link to `link`."""
    if not link.startswith(("/", "#")):
        link = f"/{link}"
    if "#" in link:
        with suppress(ValueError):  # brackets that look like half an IPv6 address
            parts = urlsplit(link)
            if parts.fragment:
                link = parts._replace(fragment=slugify(parts.fragment)).geturl()
    return quote(unquote(link), safe="/#", errors="replace")


def file_name(path: str, settings: PageSettings) -> str:
    """Page path `path` in the case its file has."""
    return path if settings.retain_page_name_case else path.lower()


def target_of(url: str, page: str, settings: PageSettings) -> Target:
    """Where `url`, as it stands in the HTML of page `page`, leads."""
    url_path, fragment = _path_of(url.strip(), page)
    if url_path is None:
        return _elsewhere(url)
    anchor = unquote(fragment) or None
    # Otterwiki takes away the blanks around a page's name, and empty parts.
    segments = [unquote(segment) for segment in url_path.split("/") if segment]
    segments = [part for part in "/".join(segments).strip().split("/") if part]
    if not segments:
        home = settings.home_page
        return Target("page", file_name(home, settings), anchor) if home else _elsewhere(url)
    attachment = _attachment(segments, settings)
    if attachment:
        return Target("attachment", attachment, anchor)
    path = "/".join(segments)
    if path.endswith(PAGE_SUFFIX) and len(segments[-1]) > len(PAGE_SUFFIX):
        path = path[: -len(PAGE_SUFFIX)]
    if shadowed_by(path):
        return _elsewhere(url)
    return Target("page", file_name(path, settings), anchor)


def _path_of(url: str, page: str) -> tuple[str | None, str]:
    """The path on this host that `url` leads to from page `page`, None for another host's, and its
    fragment; both percent-encoded."""
    if url.startswith("/") and not url.startswith("//") and "/." not in url:
        before, _, fragment = url.partition("#")
        return before.partition("?")[0], fragment
    try:
        written = urlsplit(url)
        if written.scheme or written.netloc:
            return None, ""
        parts = urlsplit(urljoin(_SOME_HOST + page_url(page), url))
    except ValueError:
        return None, ""
    return parts.path, parts.fragment


def _elsewhere(url: str) -> Target:
    return Target("external", url, None)


def _attachment(segments: list[str], settings: PageSettings) -> str | None:
    """The attachment at a URL of these parts: ``/page/a/file`` or ``/page/file.png``."""
    for behind in (2, 3):
        if len(segments) > behind and segments[-behind] in _FILE_ROUTES:
            page, name = segments[:-behind], segments[1 - behind]
            return file_name("/".join(page), settings) + "/" + name
    *page, name = segments
    if not page or page[0] in ("-", "static") or not re.search(r"[^.]\.[A-Za-z0-9]{1,10}$", name):
        return None
    if name.lower().endswith(PAGE_SUFFIX):
        return None
    return file_name("/".join(page), settings) + "/" + name
