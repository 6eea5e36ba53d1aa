"""Pages made to be slow: they are read in time, or taken as plain text (checklist G6)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile_payloads import BODIES
from page_dumps import dump, dump_from_scratch
from small_wikis import ALICE, make_bare
from test_hostile_time import HOSTILE

from otterwiki_engine.pages.link_rewriting import rewrite_links
from otterwiki_engine.pages.page_contents import read_contents
from otterwiki_engine.pages.search_query import SearchQuery
from otterwiki_engine.pages.settings import PageSettings
from otterwiki_engine.pages.structure import parse_structure
from otterwiki_engine.wiki import Wiki

SETTINGS = PageSettings(retain_page_name_case=True)
SIZE = 30_000
# Of processor time. An ordinary page of this size takes a hundredth of it, a quadratic step over it
# a multiple.
MOST_SECONDS = 3.0

MORE: dict[str, Callable[[int], str]] = {
    "definitions": lambda n: "[a]: b\n" * (n // 7),
    "definition_titles": lambda n: '[a]: b "x\n' * (n // 10),
    "tables_broken_at_the_end": lambda n: "a|b\n-|-\n" * (n // 8) + "a|b|c\n",
    "barred_tables_broken_at_the_end": lambda n: "|a|\n|-|\n" * (n // 8) + "|a|b|\n",
    "quotes": lambda n: (">" * 30 + " a\n") * (n // 33),
    "lists_on_a_line": lambda n: ("- " * 30 + "a\n") * (n // 62),
    "images_in_images": lambda n: "![" * (n // 6) + "](b)" * (n // 6),
    "references_in_references": lambda n: "[" * (n // 2) + "a" + "]" * (n // 2) + "\n\n[a]: b\n",
    "references": lambda n: "[a" * (n // 4) + "][b]" * (n // 8) + "\n\n[b]: c\n",
    "struck": lambda n: "~~a " * (n // 4),
    "struck_and_marked": lambda n: "~~a ==b " * (n // 16) + "c== d~~" * (n // 16),
    "code_in_labels": lambda n: "[`a](b) " * (n // 8),
    "options": lambda n: "{{Info\n" + "|a\\=b=c" * (n // 8) + "|x\n}}\n",
    "underlines": lambda n: "a\n=" * (n // 3),
    "folds_in_folds": lambda n: ">|" * (n // 2) + "\n",
    "alerts": lambda n: "> [!NOTE]\n> a\n" * (n // 14),
    "front_matter": lambda n: "---\n" + "a: [" * (n // 4) + "\n---\n",
    "front_matter_keys": lambda n: "---\n" + "? " * 7_000 + "\n---\n",
    "notes": lambda n: "".join(f"[^{i}]: b\n" for i in range(n // 24)) + "[^1] " * (n // 10),
    "emphasis_in_a_heading": lambda n: "# " + "*a_ " * (n // 4) + "\n",
    "lazy_quote": lambda n: "> a\n" + "b\n" * (n // 2),
    "lazy_list": lambda n: "- a\n" + "b\n" * (n // 2),
    "tabs": lambda n: "\t" * n,
    "blank_lines": lambda n: "\n" * n,
    "returns": lambda n: "\r" * n,
}
ALL = {**HOSTILE, **MORE}


@pytest.mark.parametrize("name", sorted(ALL))
def test_g6_pages_made_to_be_slow(name: str) -> None:
    text = ALL[name](SIZE)
    began = time.thread_time()
    contents = read_contents("a/b", "0" * 40, text.encode(), SETTINGS)
    structure = parse_structure(text)
    assert rewrite_links(text, "a/b", {"x": "y"}, SETTINGS).text == text
    assert time.thread_time() - began < MOST_SECONDS
    assert "".join(structure.lines) == text
    assert contents.body.count("\n") == len(structure.lines) - 1
    assert structure.problem == contents.problem or not structure.sections


def test_what_takes_too_much_work_is_plain_text_and_says_so() -> None:
    text = "# Head\n\nword [[Home]]\n\n" + "[a](" * 50_000
    contents = read_contents("a", "0" * 40, text.encode(), SETTINGS)
    assert contents.problem == "the page is too complex to be read as Markdown"
    assert (contents.headings, contents.links, contents.title) == ((), (), None)
    assert "word" in contents.body


@pytest.fixture
def wiki(tmp_path: Path) -> Iterator[Wiki]:
    made = Wiki(make_bare(tmp_path / "wiki"))
    yield made
    made.close()


def test_a_wiki_of_nothing_but_hostile_pages_is_indexed(wiki: Wiki) -> None:
    pages = {f"slow/{name}.md": make(2_000).encode() for name, make in ALL.items()}
    pages |= {f"script/{body.name}.md": body.markdown.encode() for body in BODIES}
    pages["complex.md"] = b"needle " + b"[a](" * 50_000
    pages["long.md"] = b"needle\n" * 60_000
    wiki.repository.commit(pages, base=None, author=ALICE, message="x")
    index = wiki.pages_index(SETTINGS)
    found = {page.path: page.problem for page in index.pages().pages}
    assert len(found) == len(pages)
    assert {path for path, problem in found.items() if problem} == {"complex", "long"}
    assert {hit.path for hit in index.search(SearchQuery("needle")).hits} == {"complex", "long"}
    assert dump(wiki, SETTINGS) == dump_from_scratch(wiki, SETTINGS)
