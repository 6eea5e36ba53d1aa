"""A link is what Otterwiki's renderer makes one of: its pages and ours, compared."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, example, given, settings
from link_texts import BLOCKS, documents, paragraphs
from served_wikis import otterwiki_app  # noqa: F401  a fixture

from otterwiki_engine.pages.link_syntax import is_shown
from otterwiki_engine.pages.link_targets import page_url
from otterwiki_engine.pages.links import find_links
from otterwiki_engine.pages.settings import PageSettings, page_settings_of
from otterwiki_engine.pages.structure import parse_structure

PAGE = "Notes/Some Page"
STYLES = ("", "LINK_TITLE", "PAGENAMETITLE")
compared = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Rendered:
    """What Otterwiki's own renderer makes of a page."""

    def __init__(self, app: Any, text: str, style: str) -> None:
        from otterwiki.server import app_renderer

        before = app.config["WIKILINK_STYLE"]
        app.config["WIKILINK_STYLE"] = style
        try:
            with app.test_request_context("/"):
                html, toc, _ = app_renderer.markdown(text, page_url=page_url(PAGE))
        finally:
            app.config["WIKILINK_STYLE"] = before
        self.anchors = [anchor for _, _, _, _, anchor in toc]
        self.titles = [raw for _, _, _, raw, _ in toc]
        self.addresses = sorted(
            # Otterwiki leaves a character of its own where a bar was in a bare address.
            (tag.get("href") or tag.get("src") or "").replace("%EF%BB%BF", "%7C")
            for tag in BeautifulSoup(html, "html.parser").find_all(["a", "img"])
            if not _is_own(tag) and (tag.has_attr("href") or tag.has_attr("src"))
        )


def _is_own(tag: Any) -> bool:
    """Whether the renderer made up the link: to a heading, to a note and back."""
    classes = {*(tag.get("class") or ()), *(tag.parent.get("class") or ())}
    return bool(classes & {"anchor", "footnote", "footnote-ref"})


def addresses(text: str, style: str) -> list[str]:
    """The addresses that our links have in the HTML."""
    page_settings = PageSettings(
        retain_page_name_case=True,
        wikilink_link_first=page_settings_of({"WIKILINK_STYLE": style}).wikilink_link_first,
    )
    return sorted(
        link.url if link.syntax == "html" or is_shown(link.url) else "#harmful-link"
        for link in find_links(text, PAGE, page_settings)
    )


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("text", BLOCKS)
def test_links_of_single_blocks(otterwiki_app: Any, text: str, style: str) -> None:  # noqa: F811
    found = addresses(text, style)
    assert found == Rendered(otterwiki_app, text, style).addresses
    assert not any(address.removeprefix("/").startswith("no") for address in found)


@compared
@given(text=documents())
@example(text="[ref]: /x\n\n" + "\n\n".join(BLOCKS))
def test_links_and_headings_of_documents(otterwiki_app: Any, text: str) -> None:  # noqa: F811
    rendered = Rendered(otterwiki_app, text, "")
    assert addresses(text, "") == rendered.addresses
    headings = [section.heading for section in parse_structure(text).sections]
    assert [heading.anchor for heading in headings if heading.anchor not in rendered.anchors] == []
    shown = {" ".join(title.split()) for title in rendered.titles}
    assert [heading.text for heading in headings if heading.text not in shown] == []


@compared
@given(text=paragraphs())
@example(text="q [[[a](b)|c]] [x [[y]] z](w)")
@example(text="q ![a [b](c) d](e) [![f](g)](h)")
@example(text="q [a `b](c) d` [e <b f](g) h>")
def test_links_of_paragraphs_of_anything(otterwiki_app: Any, text: str) -> None:  # noqa: F811
    for style in STYLES[:2]:
        assert addresses(text, style) == Rendered(otterwiki_app, text, style).addresses
