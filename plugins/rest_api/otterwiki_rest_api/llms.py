"""`/llms.txt`: what the wiki is about and where its pages are, for language models (llmstxt.org).

Pages are listed by their first part, with links to their Markdown; the home page first. The list is
bounded, and says so where it was cut.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from flask import Response, current_app, request

from otterwiki_engine.pages.records import PageSummary
from otterwiki_engine.pages.service import PageService

MOST_PAGES = 1000
_BREAKS = re.compile(r"\s+")
_MARKUP = re.compile(r"([\\\[\]])")
_OTHERS = "Pages"


def answer(service: PageService) -> Response:
    """The file for this wiki."""
    config = current_app.config
    text = llms_text(
        service,
        title=str(config.get("SITE_NAME") or "Wiki"),
        description=str(config.get("SITE_DESCRIPTION") or ""),
        origin=request.root_url,
    )
    response = Response(text.encode("utf-8"), mimetype="text/plain")
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(("Authorization", "Cookie"))
    return response


def llms_text(service: PageService, *, title: str, description: str, origin: str) -> str:
    """The text; `origin` is the wiki's address with a slash at its end."""
    found = service.list(limit=MOST_PAGES)
    home = service.settings.home_page
    lines = [f"# {_line(title)}", ""]
    if description.strip():
        lines += [f"> {_line(description)}", ""]
    lines += [
        f"{found.total} pages. Every page is Markdown at its address with .md at the end."
        f" The API is described at {origin}api/v1/openapi.json.",
        "",
    ]
    for heading, pages in _sections(list(found.pages), home):
        lines += [f"## {heading}", "", *(_entry(page, origin) for page in pages), ""]
    left_out = found.total - len(found.pages)
    if left_out:
        lines += [f"{left_out} more pages: {origin}api/v1/pages", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _sections(pages: list[PageSummary], home: str) -> list[tuple[str, list[PageSummary]]]:
    """Pages by the first part of their path, those at the top first, the home page before all."""
    top: list[PageSummary] = []
    below: dict[str, list[PageSummary]] = {}
    with_pages = {page.path.partition("/")[0] for page in pages if "/" in page.path}
    for page in pages:
        first = page.path.partition("/")[0]
        if first in with_pages and page.path.casefold() != home.casefold():
            below.setdefault(first, []).append(page)
        else:
            top.append(page)
    top.sort(key=lambda page: (page.path.casefold() != home.casefold(), page.path))
    sections = [(_OTHERS, top)] if top else []
    return sections + [(_line(name), found) for name, found in sorted(below.items())]


def _entry(page: PageSummary, origin: str) -> str:
    address = f"{origin}{quote(page.path)}.md"
    about = f": {_line(page.title)}" if page.title != page.name else ""
    return f"- [{_line(page.path)}]({address}){about}"


def _line(text: str) -> str:
    """`text` on one line, with nothing that ends a link's text."""
    return _MARKUP.sub(r"\\\1", _BREAKS.sub(" ", text).strip())
