"""What the preview says will not work, tried with the renderer itself: nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otterwiki_engine.authorship import Author
from otterwiki_robot.transfer.differences import RULES, differences
from otterwiki_tenant.testing import SmallFarm, Visitor

from .zips import PNG

VAULT = {
    "Start.md": (
        "---\ntags: [garden]\n---\n# Start\n\n"
        "[[Potatoes]] [[Potatoes#Beds]] [[beds/Deep|the deep one]] [[Deep]]\n\n"
        "![[pictures/spade.png]] ![[Potatoes]]\n\n"
        "![one](pictures/spade.png) ![two](top.png)\n\n"
        "%%a private thought%%\n\n```dataview\nLIST\n```\n\n> [!note] Mind\n> the gap\n\n"
        "[as a file](beds/Deep.md)\n"
    ),
    "Potatoes.md": "# Potatoes\n\n## Beds\n",
    "beds/Deep.md": "# Deep\n\n![three](pictures/spade.png) ![four](/pictures/spade.png)\n",
}
FILES = {"pictures/spade.png": PNG, "top.png": PNG}
PATHS = [*VAULT, *FILES]


@pytest.fixture(scope="module")
def alice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """Alice, whose wiki holds the vault."""
    small = SmallFarm(tmp_path_factory.mktemp("vault") / "home")
    repository = small.farm.opened(small.private).wiki.repository
    content = {**{path: text.encode() for path, text in VAULT.items()}, **FILES}
    repository.commit(content, base=None, author=Author("A", "a@x"), message="vault")
    yield small.visitor(small.alice)
    small.close()


def page(alice: Visitor, path: str) -> str:
    """The rendered page without what surrounds it."""
    text = alice.get("alice", path).get_data(as_text=True)
    return text[text.index('<article class="page">') : text.index("</article>")]


def status(alice: Visitor, path: str) -> int:
    return alice.get("alice", path).status_code


def told(number: int) -> str:
    """The sentence of a rule for the vault."""
    expected = RULES[number].sentence.partition("(")[0]
    (found,) = [text for text in differences(VAULT, PATHS) if text.startswith(expected)]
    return found


def test_everything_is_told_once_with_number_and_place() -> None:
    assert len(differences(VAULT, PATHS)) == len(RULES)
    assert "(2, first in Start)" in told(0)
    assert "(1, first in beds/Deep)" in told(3)


def test_embeds_are_links_behind_an_exclamation_mark(alice: Visitor) -> None:
    told(0)
    shown = page(alice, "/Start")
    assert '!<a href="/pictures/spade.png">' in shown
    assert '!<a href="/Potatoes">' in shown


def test_links_with_a_text_lead_to_the_text_unless_the_wiki_is_set_otherwise(
    alice: Visitor,
) -> None:
    assert "(1, first in Start)" in told(1)
    assert '<a href="/the%20deep%20one">beds/Deep</a>' in page(alice, "/Start")
    assert status(alice, "/the%20deep%20one") == 404
    assert not any("[[Page|text]]" in text for text in differences(VAULT, PATHS, link_first=True))
    settings = page_text(alice, "/-/admin/content_and_editing")
    assert "WikiLink Style" in settings
    assert "compatibility mode" in settings
    assert "Content and Editing" in page_text(alice, "/-/settings")


def page_text(alice: Visitor, path: str) -> str:
    answer = alice.get("alice", path, follow_redirects=True)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_link_to_a_page_in_a_folder_needs_the_path(alice: Visitor) -> None:
    assert "(1, first in Start)" in told(2)
    assert '<a href="/Deep">Deep</a>' in page(alice, "/Start")
    assert status(alice, "/Deep") == 404
    assert status(alice, "/beds/Deep") == 200


def test_pictures_are_looked_for_beside_the_page(alice: Visitor) -> None:
    told(3)
    shown = page(alice, "/beds/Deep")
    assert 'src="pictures/spade.png"' in shown  # which is /beds/pictures/spade.png
    assert status(alice, "/beds/pictures/spade.png") == 404
    assert 'src="/pictures/spade.png"' in shown
    assert status(alice, "/pictures/spade.png") == 200


def test_files_in_the_top_folder_are_not_shown(alice: Visitor) -> None:
    assert "(1, first in Start)" in told(4)
    assert 'src="top.png"' in page(alice, "/Start")
    assert status(alice, "/top.png") == 404


def test_comments_are_readable_and_queries_code(alice: Visitor) -> None:
    told(5)
    told(6)
    shown = page(alice, "/Start")
    assert "%%a private thought%%" in shown
    assert "LIST\n</pre>" in shown


def test_what_is_not_named_works(alice: Visitor) -> None:
    """Plain links, links to sections, front matter, callouts, pictures and files beside a page."""
    shown = page(alice, "/Start")
    assert '<a href="/Potatoes">Potatoes</a>' in shown
    assert '<a href="/Potatoes#beds">' in shown
    assert 'id="beds"' in page(alice, "/Potatoes")
    assert "Properties" in shown and "tags: [garden]" in shown
    assert 'class="quote-alert quote-alert-note"' in shown
    assert 'src="pictures/spade.png"' in shown
    assert status(alice, "/beds/Deep.md") == 200


@pytest.mark.parametrize(
    "text",
    [
        "[[the text|Potatoes]]", "`[[Potatoes|x]]`", "```\n![[x.png]] %%no%%\n```", "50 %% off",
        "![x](https://a.example/top.png)", "[[Nowhere|x]]", "![y](pictures/spade.png)",
    ],
)  # fmt: skip
def test_what_is_fine_is_not_told(text: str) -> None:
    assert differences({"A.md": text, "Potatoes.md": ""}, ["A.md", "Potatoes.md", *FILES]) == ()
