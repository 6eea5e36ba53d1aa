"""Full-text search: what is found, in which order, and that no query is ever an expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from page_texts import same_examples
from small_wikis import ALICE, make_bare

from otterwiki_engine import hooks
from otterwiki_engine.errors import EngineError
from otterwiki_engine.pages import search as searching
from otterwiki_engine.pages import text_search
from otterwiki_engine.pages.page_records import RelatedPage, SearchHit, SearchHits
from otterwiki_engine.pages.search_query import (
    MAX_COMPLETIONS,
    MAX_TERMS,
    SearchQuery,
    expression,
    parse_terms,
)
from otterwiki_engine.pages.settings import PageSettings
from otterwiki_engine.pages.snippets import as_html, as_markdown, plain, snippet_of
from otterwiki_engine.pages.words import HIT_BEGIN, HIT_END, indexable, readable
from otterwiki_engine.wiki import Wiki

SETTINGS = PageSettings(retain_page_name_case=True)
FILLER = "Some ordinary text that goes on for a while and says nothing. " * 5
PAGES = {
    "Otters.md": "# Otters\n\nOtters are swimming mammals.\n\n## Diet\n\n"
    "They eat fish and crabs.\n",
    "Fish.md": f"# Fish\n\n{FILLER}\n\nEaten by an otter. {FILLER}\n",
    "Animals/River.md": f"# Rivers\n\n## Otter habitats\n\n{FILLER}\n",
    "Animals/Crab.md": "---\ntitle: Crabs\ntags: [shellfish]\ncategory: Food\nnote: boiled\n---\n"
    "Universal universities. Happiness and the authentication of crabs.\n",
    "Japan.md": "# 日本\n\n東京は日本の首都です。カワウソは魚を食べる。\n\n"
    "ทะเลสาบสงขลา 수달은 강에 산다\n",
    "Accents.md": "Café Übermut naïve Ångström Straße\n",
    "Code.md": "Call `foo_bar()` of C++ at https://example.org/deep/path?x=1.\n\n[doc](/Otters)\n",
    "Words.md": "to be or not to be, that is the question\n",
}


@pytest.fixture(scope="module")
def wikis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Wiki, Wiki]]:
    """The wiki under test, and another one with the same names."""
    folder = tmp_path_factory.mktemp("search")
    made = []
    for name, pages in (("wiki", PAGES), ("other", dict.fromkeys(PAGES, "canary otter\n"))):
        wiki = Wiki(make_bare(folder / name))
        changes = {path: text.encode() for path, text in pages.items()}
        wiki.repository.commit(changes, base=None, author=ALICE, message="x")
        made.append(wiki)
    yield made[0], made[1]
    for wiki in made:
        wiki.close()


@pytest.fixture(scope="module")
def wiki(wikis: tuple[Wiki, Wiki]) -> Wiki:
    return wikis[0]


def search(wiki: Wiki, text: str, **conditions: Any) -> SearchHits:
    return wiki.pages_index(SETTINGS).search(SearchQuery(text, **conditions))


def found(wiki: Wiki, text: str, **conditions: Any) -> list[str]:
    return [hit.path for hit in search(wiki, text, **conditions).hits]


# ---------------------------------------------------------------------- what is found


def test_titles_come_before_headings_and_headings_before_text(wiki: Wiki) -> None:
    assert found(wiki, "otter")[:3] == ["Otters", "Animals/River", "Fish"]
    assert found(wiki, "Otters' SWIM")[0] == "Otters"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("swimming mammals", {"Otters"}),
        ("swimming zebra", {"Otters"}),
        ("mammals crabs", {"Otters", "Animals/Crab"}),
        ('"swimming mammals"', {"Otters"}),
        ('"mammals swimming"', set()),
        ('"mammals swimming" crabs', {"Otters", "Animals/Crab"}),
        ('"not closed', set()),
        ('"swimming mammals', {"Otters"}),
        ("„swimming mammals“", {"Otters"}),
        ("happine*", {"Animals/Crab"}),
        ("authenti*", {"Animals/Crab"}),
        ("universit*", {"Animals/Crab"}),
        ("caf*", {"Accents"}),
        ("CAFÉ*", {"Accents"}),
        ("zebra*", set()),
        ("*", set()),
        ("crabs -fish", {"Animals/Crab"}),
        ('crabs -"eat fish"', {"Animals/Crab"}),
        ("-fish", set()),
        ("cafe", {"Accents"}),
        ("CAFÉ", {"Accents"}),
        ("ubermut", {"Accents"}),
        ("angstrom", {"Accents"}),
        ("cafe\u0301", {"Accents"}),
        ("foo_bar", {"Code"}),
        ("foo bar", {"Code"}),
        ("C++", {"Code"}),
        ("example.org/deep", {"Code"}),
        ("shellfish", {"Animals/Crab"}),
        ("boiled", {"Animals/Crab"}),
        ("river", {"Animals/River"}),
        ("animals", {"Animals/River", "Animals/Crab"}),
        ("zebra", set()),
        ("", set()),
        ("  \t\n", set()),
        ("!?.,;", set()),
        ('""', set()),
        ("\x00", set()),
        ("\ud800", set()),
    ],
)
def test_what_a_query_finds(wiki: Wiki, query: str, expected: set[str]) -> None:
    assert set(found(wiki, query)) == expected


def test_stop_words_are_looked_for_only_when_there_is_nothing_else(wiki: Wiki) -> None:
    assert set(found(wiki, "the otter is not")) == set(found(wiki, "otter"))
    assert found(wiki, "to be or not to be")[0] == "Words"
    assert found(wiki, '"to be"') == ["Words"]


@pytest.mark.parametrize(
    "query",
    [
        "日本",
        "東京",
        "首都",
        "日",
        "カワウソ",
        "東京 カワウソ",
        '"日本の首都"',
        "京は日",
        "สงขลา",
        "수달",
        "산다",
    ],
)
def test_words_of_scripts_without_spaces_are_found(wiki: Wiki, query: str) -> None:
    assert found(wiki, query) == ["Japan"]


def test_of_several_characters_all_side_by_side_are_best(wiki: Wiki) -> None:
    assert found(wiki, "日本語") == ["Japan"]
    assert found(wiki, '"日本語"') == []
    assert found(wiki, "北海道") == []
    (hit,) = search(wiki, "カワウソ").hits
    assert "**カワウソ**は魚" in as_markdown(hit.snippet)


def test_conditions_limit_and_offset(wiki: Wiki) -> None:
    everything = search(wiki, "otter fish crabs", limit=100)
    assert everything.total == len(everything.hits) == 5
    assert found(wiki, "otter fish crabs", prefix="animals/") == [
        hit.path for hit in everything.hits if hit.path.startswith("Animals/")
    ]
    assert found(wiki, "otter fish crabs", category="food") == ["Animals/Crab"]
    assert found(wiki, "otter fish crabs", tag="Shellfish") == ["Animals/Crab"]
    assert found(wiki, "otter fish crabs", tag="x") == []
    parts = [search(wiki, "otter fish crabs", limit=2, offset=n) for n in (0, 2, 4, 6)]
    assert [hit for part in parts for hit in part.hits] == list(everything.hits)
    assert {part.total for part in parts} == {5}
    assert search(wiki, "otter", limit=0).hits == ()
    assert search(wiki, "otter", limit=-1, offset=-5).hits == ()


def test_scores_are_relative_to_the_best(wiki: Wiki) -> None:
    scores = [hit.score for hit in search(wiki, "otter fish crabs").hits]
    assert scores[0] == 1.0
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    second = search(wiki, "otter fish crabs", offset=1, limit=1).hits
    assert second[0].score == scores[1] < 1


# ---------------------------------------------------------------------- snippets


def test_a_snippet_is_the_place_with_the_most_words(wiki: Wiki) -> None:
    hit = search(wiki, "fish crabs").hits[0]
    assert hit.path == "Otters"
    assert as_markdown(hit.snippet).endswith("They eat **fish** and **crabs**.")
    assert (hit.section, hit.anchor, hit.line) == (("Otters", "Diet"), "diet", 6)
    hit = next(hit for hit in search(wiki, "otter").hits if hit.path == "Fish")
    assert as_markdown(hit.snippet).startswith("… ")
    assert "Eaten by an **otter**. Some" in as_markdown(hit.snippet)


def test_what_is_found_elsewhere_is_shown_too(wiki: Wiki) -> None:
    assert "**boiled**" in as_markdown(search(wiki, "boiled").hits[0].snippet)
    assert plain(search(wiki, "example.org").hits[0].snippet).startswith("Call foo_bar() of C++")


def test_g1_no_page_text_becomes_html(tmp_path: Path) -> None:
    wiki = Wiki(make_bare(tmp_path / "hostile"))
    text = (
        "word <script>alert(1)</script> <img src=x onerror=alert(1)> &lt;b&gt; \"'"
        f" {HIT_BEGIN}<b>{HIT_END} <mark>x</mark> word\n"
    )
    changes: dict[str, bytes | None] = {
        "<b>x</b>.md": f"# <i>word</i>\n\n```\n{text}```\n".encode()
    }
    wiki.repository.commit(changes, base=None, author=ALICE, message="x")
    (hit,) = search(wiki, "word").hits
    shown = as_html(hit.snippet)
    assert re.sub(r"</?mark>", "", shown).count("<") == 0
    assert shown.count("<mark>") == shown.count("</mark>") == 3
    assert "&lt;script&gt;" in shown
    assert "&amp;lt;b" in shown
    wiki.close()


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("a \x02b\x03 c", "a **b** c"),
        ("# \x02head\x03 #\n\n- [ ] item\n> quote", "**head** # item quote"),
        ("| a | \x02b\x03 |\n|---|---|\n| c | d |", "a | **b** c | d"),
        ("```py\n\x02x\x03 = 1\n```", "**x** = 1"),
        ("no hit at all", "no hit at all"),
        ("", ""),
        ("\x02" + "long " * 200 + "\x03", None),
    ],
)
def test_snippets_read_well(marked: str, expected: str | None) -> None:
    text = as_markdown(snippet_of(marked).text)
    if expected is None:
        assert text.startswith("**long")
        assert text.count("**") == 2
    else:
        assert text == expected


@same_examples
@given(st.text(alphabet="ab\n .#|-*`\u200b日\x02\x03", max_size=400))
def test_snippets_have_whole_marks(text: str) -> None:
    """Whatever SQLite marks, each begin has its end, and lines are those of the text."""
    parts = re.split("[\x02\x03]", text)
    marked = "".join(
        f"{HIT_BEGIN}{part}{HIT_END}" if number % 2 and part else part
        for number, part in enumerate(parts)
    )
    snippet = snippet_of(marked)
    assert re.fullmatch("(?:[^\x02\x03]*\x02[^\x02\x03]*\x03)*[^\x02\x03]*", snippet.text)
    assert "\n" not in snippet.text
    assert 0 <= snippet.line <= marked.count("\n")


@same_examples
@given(st.text())
def test_what_goes_into_the_index_comes_out_readable(text: str) -> None:
    assert indexable(text).count("\n") == text.count("\n")
    assert not set("\x00\x02\x03") & set(indexable(text))
    if text.isascii() and text.isprintable():
        assert readable(indexable(text)) == text


# ---------------------------------------------------------------------- queries as text

HOSTILE_QUERIES = (
    "otter AND",
    "AND OR NOT",
    "NOT otter",
    "NEAR(otter fish, 1)",
    'otter NEAR/2 "fish',
    "title:otter",
    "{title body}:otter",
    "-title:otter",
    "^otter",
    "otter*fish",
    "otter + fish",
    '"otter" "',
    'o"t"t"e"r',
    '"""',
    "otter')--",
    "'; DROP TABLE pages; --",
    "otter\x00fish",
    "\\otter",
    "(otter",
    "otter)",
    "((((",
    "* * *",
    "-",
    "--otter",
    '-"',
    "%otter_",
    "\u200botter\u200b",
    "\x02otter\x03",
    "otter" * 500,
    "a " * 5000,
    '"a ' * 500,
    "-a " * 500,
    "a* " * 500,
)


@pytest.mark.parametrize("query", HOSTILE_QUERIES)
def test_no_query_is_an_expression(wiki: Wiki, query: str) -> None:
    hits = search(wiki, query)
    assert hits.total >= len(hits.hits)


def test_a_query_of_many_beginnings_stays_small(tmp_path: Path) -> None:
    wiki = Wiki(make_bare(tmp_path / "words"))
    words = " ".join(f"{letter}{n}" for letter in "abcdefghijklmnopqrstuvwxyz" for n in range(40))
    wiki.repository.commit({"a.md": words.encode()}, base=None, author=ALICE, message="x")
    beginnings = " ".join(f"{letter}*" for letter in "abcdefghijklmnopqrstuvwxyz")
    assert found(wiki, beginnings) == ["a"]
    built: list[str] = []
    terms = parse_terms(beginnings)
    expression(terms, lambda begun, most: built.extend(f"{begun}{n}" for n in range(most)) or [])
    assert len(built) <= MAX_COMPLETIONS
    wiki.close()


def test_an_expression_the_index_refuses_destroys_nothing(
    wiki: Wiki, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (wiki.repository.state_dir / "index.db").resolve()
    with monkeypatch.context() as patched:
        patched.setattr(text_search, "expression", lambda *_: '"')
        with pytest.raises(EngineError, match="could not be searched for"):
            search(wiki, "otter")
    assert (wiki.repository.state_dir / "index.db").resolve() == before
    assert found(wiki, "swimming") == ["Otters"]


def test_operators_are_words(wiki: Wiki) -> None:
    assert set(found(wiki, "otter AND zebra")) == set(found(wiki, "otter"))
    assert set(found(wiki, "NOT otter")) == set(found(wiki, "otter"))
    assert set(found(wiki, "title:otter")) == set(found(wiki, "otter"))
    assert found(wiki, "near") == []


any_query = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@any_query
@given(
    text=st.text(max_size=60)
    | st.text(alphabet="ao*\"-^:(){}+' \t日ー\u0301\x00ANDORT", max_size=40)
)
@example(text='"ก ำ"')
@example(text="\u0301")
def test_any_text_is_a_query(wiki: Wiki, text: str) -> None:
    hits = search(wiki, text, limit=3)
    assert len(hits.hits) <= 3
    assert all(plain(hit.snippet) is not None for hit in hits.hits)


@same_examples
@given(st.text(max_size=200))
def test_expressions_have_only_quoted_words(text: str) -> None:
    terms = parse_terms(text)
    assert len(terms.any_of) <= MAX_TERMS
    built = expression(terms, lambda begun, _most: [begun, f"{begun}x"])
    assert re.fullmatch(r'\(?("[^"]*"( OR "[^"]*")*)?\)?( NOT \("[^"]*"( OR "[^"]*")*\))?', built)
    assert bool(built) != terms.is_empty


# ---------------------------------------------------------------------- other wikis, other modes


def test_h3_search_sees_one_wiki_only(wikis: tuple[Wiki, Wiki]) -> None:
    wiki, other = wikis
    assert search(wiki, "canary").total == 0
    assert search(wiki, "can*").total == 0
    assert search(other, "canary").total == len(PAGES)
    assert search(other, "boiled").total == 0
    alone = [(hit.path, hit.score) for hit in search(wiki, "otter").hits]
    other.repository.commit(
        {f"more {n}.md": b"otter otter\n" for n in range(20)}, base=None, author=ALICE, message="x"
    )
    assert search(other, "otter").total == len(PAGES) + 20
    assert [(hit.path, hit.score) for hit in search(wiki, "otter").hits] == alone


class Semantic:
    """A plugin with a mode of its own."""

    @hooks.hookimpl
    def search_modes(self, wiki: Wiki) -> list[str]:
        return ["semantic", "text"]

    @hooks.hookimpl
    def search_pages(
        self, wiki: Wiki, settings: PageSettings, query: SearchQuery
    ) -> SearchHits | None:
        if query.mode != "semantic":
            return None
        return SearchHits((SearchHit("Fish", None, query.text, 1.0),), 1, "semantic")

    @hooks.hookimpl
    def related_pages(
        self, wiki: Wiki, settings: PageSettings, page: str, limit: int
    ) -> list[RelatedPage] | None:
        return [RelatedPage(f"{page}{number}", None, 1.0) for number in range(limit + 5)]


def test_without_plugins_there_is_full_text_only(wiki: Wiki) -> None:
    assert searching.search_modes(wiki) == ("text",)
    assert searching.search(wiki, SETTINGS, SearchQuery("otter")) == search(wiki, "otter")
    assert searching.related(wiki, SETTINGS, "Otters") == ()
    with pytest.raises(searching.UnknownSearchMode, match=r"'semantic'.*text") as raised:
        searching.search(wiki, SETTINGS, SearchQuery("otter", mode="semantic"))
    assert raised.value.modes == ("text",)


def test_plugins_add_modes(wiki: Wiki) -> None:
    plugin = Semantic()
    hooks.manager.register(plugin)
    try:
        assert searching.search_modes(wiki) == ("text", "semantic")
        hits = searching.search(wiki, SETTINGS, SearchQuery("x", mode="semantic"))
        assert [hit.path for hit in hits.hits] == ["Fish"]
        assert searching.search(wiki, SETTINGS, SearchQuery("otter")) == search(wiki, "otter")
        with pytest.raises(searching.UnknownSearchMode):
            searching.search(wiki, SETTINGS, SearchQuery("otter", mode="other"))
        assert len(searching.related(wiki, SETTINGS, "Fish", 3)) == 3
    finally:
        hooks.manager.unregister(plugin)
