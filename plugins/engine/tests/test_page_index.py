"""What the page index answers, and that it is always what an index built from nothing would be."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from git_histories import History
from page_dumps import dump, dump_from_scratch
from small_wikis import ALICE, BOB, make_bare

from otterwiki_engine.pages.names import pages_in
from otterwiki_engine.pages.page_index import PageIndex
from otterwiki_engine.pages.page_records import LinkRecord
from otterwiki_engine.pages.reindexing import reindex
from otterwiki_engine.pages.search_query import SearchQuery
from otterwiki_engine.pages.settings import PageSettings
from otterwiki_engine.wiki import Wiki

KEEP_CASE = PageSettings(retain_page_name_case=True)
LOWER_CASE = PageSettings()

PAGES = {
    "Home.md": "---\ntitle: Start\ntags: [main, Overview]\n---\n\n[[Notes/Todo]] [[missing]]\n",
    "Notes/Todo.md": "# To do\n\n[[home]] [x](Plan#steps) ![](./a.png) ![](./gone.png)\n"
    "## Later\n[[Notes/Todo]] https://example.org/\n",
    "Notes/Plan.md": "---\ncategory: Work\ntags: main\n---\nThe plan\n===\n\ntext\n",
    "Lonely.md": "text only, no heading\n",
    "Notes/Todo/a.png": "not looked at",
}


def put(wiki: Wiki, files: dict[str, str | None]) -> str:
    changes = {path: None if text is None else text.encode() for path, text in files.items()}
    return wiki.repository.commit(changes, base=None, author=ALICE, message="x").revision


@pytest.fixture
def wiki(tmp_path: Path) -> Iterator[Wiki]:
    """The wiki under test."""
    made = Wiki(make_bare(tmp_path / "wiki"))
    put(made, PAGES)
    yield made
    made.close()


@pytest.fixture
def index(wiki: Wiki) -> PageIndex:
    return wiki.pages_index(KEEP_CASE)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Wiki]:
    """A wiki with pages of the same names, which nothing may be seen of."""
    made = Wiki(make_bare(tmp_path / "other"))
    put(made, {path: f"# canary\n\n[[Lonely]] canary {path}\n" for path in PAGES})
    yield made
    made.close()


def told(links: tuple[LinkRecord, ...]) -> list[tuple[str, str, str | None]]:
    return [(link.page, link.target, link.leads_to) for link in links]


# ---------------------------------------------------------------------- answers


def test_a_page(wiki: Wiki, index: PageIndex) -> None:
    page = index.page("Notes/Plan")
    assert page is not None
    assert (page.path, page.file, page.title, page.heading) == (
        "Notes/Plan",
        "Notes/Plan.md",
        "The plan",
        "The plan",
    )
    assert (page.category, page.tags, page.front_matter["tags"]) == ("Work", ("main",), "main")
    assert page.blob_id == wiki.repository.snapshot().entries["Notes/Plan.md"].blob_id
    assert page.size_bytes == len(PAGES["Notes/Plan.md"])
    assert page.word_count == 3
    assert (page.revision, page.problem) == (wiki.repository.head(), None)
    assert page.last_updated is not None


def test_a_title_in_the_front_matter_counts_where_no_heading_is_the_main_one(
    index: PageIndex,
) -> None:
    titles = {page.path: page.title for page in index.pages().pages}
    assert titles == {
        "Home": "Start",
        "Lonely": None,
        "Notes/Plan": "The plan",
        "Notes/Todo": "To do",
    }


def test_names_in_another_case_mean_the_only_page_of_that_name(
    wiki: Wiki, index: PageIndex
) -> None:
    assert index.find("notes/TODO") == "Notes/Todo"
    assert index.page("notes/TODO") == index.page("Notes/Todo")
    put(wiki, {"notes/todo.md": "another\n"})
    assert index.find("notes/TODO") is None
    assert index.find("notes/todo") == "notes/todo"
    assert index.find("Nowhere") is None


def test_names_in_lower_case(tmp_path: Path) -> None:
    wiki = Wiki(make_bare(tmp_path / "lower"))
    put(wiki, {"my page.md": "[[Other PAGE]]\n", "other page.md": "x\n"})
    index = wiki.pages_index(LOWER_CASE)
    assert index.find("My Page") == "my page"
    assert told(index.links_to("other page")) == [("my page", "other page", "other page")]
    wiki.close()


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, ["Home", "Lonely", "Notes/Plan", "Notes/Todo"]),
        ({"prefix": "Notes/"}, ["Notes/Plan", "Notes/Todo"]),
        ({"prefix": "notes/p"}, ["Notes/Plan"]),
        ({"prefix": "%"}, []),
        ({"category": "work"}, ["Notes/Plan"]),
        ({"tag": "MAIN"}, ["Home", "Notes/Plan"]),
        ({"tag": "main", "category": "Work"}, ["Notes/Plan"]),
        ({"tag": "main", "prefix": "H"}, ["Home"]),
        ({"tag": "mai"}, []),
        ({"paths": ["Home", "nowhere"]}, ["Home"]),
        ({"paths": []}, []),
        ({"limit": 2}, ["Home", "Lonely"]),
        ({"limit": 2, "after": "Lonely"}, ["Notes/Plan", "Notes/Todo"]),
        ({"limit": 0}, []),
    ],
)
def test_lists(index: PageIndex, conditions: dict[str, object], expected: list[str]) -> None:
    found = index.pages(**conditions)  # type: ignore[arg-type]
    assert [page.path for page in found.pages] == expected
    conditions = {
        name: value for name, value in conditions.items() if name not in ("limit", "after")
    }
    assert found.total == index.pages(**conditions).total  # type: ignore[arg-type]


def test_updated_since_is_the_time_of_the_commit_that_made_the_content(tmp_path: Path) -> None:
    made = History(tmp_path / "times")
    one = made.commit({"a.md": b"1\n", "b.md": b"1\n"}, seconds=1_600_000_000, offset="+0200")
    two = made.commit({"a.md": b"2\n", "b.md": b"1\n"}, seconds=1_600_000_100)
    three = made.commit({"a.md": b"1\n", "b.md": b"1\n", "c.png": b"x"}, seconds=1_600_000_200)
    wiki = Wiki(made.finish())
    index = wiki.pages_index(KEEP_CASE)
    dated = {page.path: page for page in index.pages(dated=True).pages}
    assert dated["a"].revision == made.revision(three) != made.revision(two)
    assert dated["b"].revision == made.revision(one)
    assert dated["b"].last_updated == datetime.fromtimestamp(1_600_000_000, UTC)
    assert dated["b"].last_updated.utcoffset() == timedelta(hours=2)
    since = datetime.fromtimestamp(1_600_000_200, UTC)
    assert [page.path for page in index.pages(updated_since=since).pages] == ["a"]
    assert index.pages(updated_since=since).total == 1
    naive = since.replace(tzinfo=None)
    assert index.pages(updated_since=naive + timedelta(seconds=1)).total == 0
    wiki.close()


def test_dates_agree_with_the_history_across_branches(tmp_path: Path) -> None:
    made = History(tmp_path / "branches")
    base = made.commit({"a.md": b"0\n", "b.md": b"0\n"})
    left = made.commit({"a.md": b"left\n", "b.md": b"0\n"}, parents=[base])
    right = made.commit({"a.md": b"right\n", "b.md": b"right\n"}, parents=[base])
    made.commit({"a.md": b"left\n", "b.md": b"right\n"}, parents=[left, right])
    wiki = Wiki(made.finish())
    for page in wiki.pages_index(KEEP_CASE).pages(dated=True).pages:
        record = wiki.history.last_change(page.file)
        assert record is not None
        assert (page.revision, page.last_updated) == (record.revision, record.datetime)
    wiki.close()


def test_links_in_both_directions(index: PageIndex) -> None:
    assert told(index.links_from("Notes/Todo")) == [
        ("Notes/Todo", "home", "Home"),
        ("Notes/Todo", "Notes/Plan", "Notes/Plan"),
        ("Notes/Todo", "Notes/Todo/a.png", None),
        ("Notes/Todo", "Notes/Todo/gone.png", None),
        ("Notes/Todo", "Notes/Todo", "Notes/Todo"),
        ("Notes/Todo", "https://example.org/", None),
    ]
    assert told(index.links_to("Notes/Todo")) == [("Home", "Notes/Todo", "Notes/Todo")]
    assert told(index.links_to("Home")) == [("Notes/Todo", "home", "Home")]
    (plan,) = index.links_to("Notes/Plan")
    assert (plan.anchor, plan.text, plan.line, plan.syntax) == ("steps", "x", 2, "inline")


def test_a_link_changes_its_meaning_when_a_page_of_its_very_name_comes(
    wiki: Wiki, index: PageIndex
) -> None:
    assert told(index.links_to("Home")) == [("Notes/Todo", "home", "Home")]
    put(wiki, {"home.md": "x\n"})
    assert index.links_to("Home") == ()
    assert told(index.links_to("home")) == [("Notes/Todo", "home", "home")]
    put(wiki, {"home.md": None})
    assert told(index.links_to("Home")) == [("Notes/Todo", "home", "Home")]


def test_graph_broken_links_and_orphans(index: PageIndex) -> None:
    graph = index.graph()
    assert graph.nodes == ("Home", "Lonely", "Notes/Plan", "Notes/Todo")
    assert graph.edges == (
        ("Home", "Notes/Todo"),
        ("Notes/Todo", "Home"),
        ("Notes/Todo", "Notes/Plan"),
    )
    assert told(index.broken_links()) == [
        ("Home", "missing", None),
        ("Notes/Todo", "Notes/Todo/gone.png", None),
    ]
    assert index.orphans() == ("Lonely",)


def test_folders_and_attachments_are_no_broken_links(wiki: Wiki, index: PageIndex) -> None:
    put(wiki, {"a.md": "[[Notes]] [x](/notes/todo/a.png) [[Notes/Todo/a.png]] [y](/a.b/c.d)\n"})
    assert [link.target for link in index.broken_links() if link.page == "a"] == ["a.b/c.d"]
    put(wiki, {"a.b/c.d.md": "a page with a dot\n"})
    assert [link.target for link in index.broken_links() if link.page == "a"] == []


def test_the_home_page_is_no_orphan_wherever_it_is(tmp_path: Path) -> None:
    wiki = Wiki(make_bare(tmp_path / "home"))
    put(wiki, {"docs/Start.md": "x\n", "a.md": "x\n"})
    settings = PageSettings(retain_page_name_case=True, home_page="docs/start")
    assert wiki.pages_index(settings).orphans() == ("a",)
    assert wiki.pages_index(KEEP_CASE).orphans() == ("a", "docs/Start")
    wiki.close()


def test_tags_and_categories_with_their_numbers(wiki: Wiki, index: PageIndex) -> None:
    put(wiki, {"x.md": "---\ntags: [MAIN, main]\ncategory: work\n---\n"})
    assert index.tags() == (("MAIN", 3), ("Overview", 1))
    assert index.categories() == (("Work", 2),)


def test_headings(index: PageIndex) -> None:
    assert [(h.level, h.text, h.anchor, h.line) for h in index.headings("Notes/Todo")] == [
        (1, "To do", "to-do", 0),
        (2, "Later", "later", 3),
    ]
    assert sorted(index.all_headings()) == ["Notes/Plan", "Notes/Todo"]
    assert index.headings("nowhere") == ()


def test_who_may_have_to_be_rewritten(index: PageIndex) -> None:
    assert index.linking_to(["Notes/Todo"]) == {"Home", "Notes/Todo"}
    assert index.linking_to(["Notes"]) == {"Home", "Notes/Todo"}
    assert index.linking_to(["notes/plan", "Home"]) == {"Notes/Todo"}
    assert index.linking_to(["Note"]) == frozenset()


def test_odd_files_are_no_pages(wiki: Wiki, index: PageIndex) -> None:
    put(wiki, {"x/.md": "x\n", "readme.MD": "x\n", "a.txt": "x\n", ".md": "x\n"})
    assert index.paths() == ("Home", "Lonely", "Notes/Plan", "Notes/Todo")


def test_a_page_that_is_no_text_is_indexed_all_the_same(wiki: Wiki, index: PageIndex) -> None:
    wiki.repository.commit(
        {"bin.md": b"\x00\xff\xfe# not a heading [[Home]] w\xf6rd \x02\x03\x00"},
        base=None,
        author=BOB,
        message="x",
    )
    page = index.page("bin")
    assert page is not None
    assert page.title is None
    assert dump(wiki, KEEP_CASE) == dump_from_scratch(wiki, KEEP_CASE)


def test_an_empty_wiki(tmp_path: Path) -> None:
    wiki = Wiki(make_bare(tmp_path / "empty"))
    index = wiki.pages_index(KEEP_CASE)
    assert (index.paths(), index.tags(), index.orphans()) == ((), (), ())
    assert index.pages(dated=True).total == 0
    assert index.search(SearchQuery("x")).total == 0
    assert index.standing() is None
    put(wiki, {"a.md": "x\n"})
    assert index.paths() == ("a",)
    put(wiki, {"a.md": None})
    assert index.paths() == ()
    wiki.close()


# ---------------------------------------------------------------------- keeping up


def test_catching_up_reads_only_what_changed(wiki: Wiki, index: PageIndex) -> None:
    assert index.catch_up() == 4
    assert index.catch_up() == 0
    put(wiki, {"Lonely.md": "new\n", "Notes/Todo/a.png": "new"})
    assert index.catch_up() == 1
    put(wiki, {"Notes/Todo/b.png": "new"})
    assert index.catch_up() == 0
    put(wiki, {"Lonely.md": None, "Notes/Lonely.md": "new\n"})
    assert index.catch_up() == 1
    assert index.paths() == ("Home", "Notes/Lonely", "Notes/Plan", "Notes/Todo")


def test_other_settings_make_it_be_built_anew(wiki: Wiki) -> None:
    keep, lower = wiki.pages_index(KEEP_CASE), wiki.pages_index(LOWER_CASE)
    assert keep.links_from("Home")[0].target == "Notes/Todo"
    assert keep.standing() == wiki.repository.head()
    assert lower.standing() is None
    assert lower.links_from("Home")[0].target == "notes/todo"
    assert keep.standing() is None
    assert keep.links_from("Home")[0].target == "Notes/Todo"
    assert dump(wiki, LOWER_CASE) == dump_from_scratch(wiki, LOWER_CASE)


def test_dropping_and_reindexing_change_nothing(wiki: Wiki, index: PageIndex) -> None:
    before, log = dump(wiki, KEEP_CASE), wiki.history.log()
    index.drop()
    assert index.standing() is None
    assert dump(wiki, KEEP_CASE) == before
    done = reindex(wiki, KEEP_CASE)
    assert (done.revision, done.commits, done.pages) == (wiki.repository.head(), 1, 4)
    assert dump(wiki, KEEP_CASE) == before
    assert wiki.history.log() == log


class _Writer:
    """Changes a wiki at random: the same for the same seed."""

    WORDS = "alpha beta gamma delta Ärger 日本語 über x_y".split()

    def __init__(self, wiki: Wiki, seed: int) -> None:
        self._wiki = wiki
        self._random = random.Random(seed)

    def change(self) -> None:
        """Make a commit: of a few new, changed, renamed or deleted files."""
        files = self._wiki.repository.snapshot().entries
        changes: dict[str, bytes | None] = {}
        for _ in range(self._random.randint(1, 4)):
            what = self._random.random()
            existing = self._random.choice(sorted(files) or [self._path()])
            if what < 0.5:
                changes[self._path()] = self._text()
            elif what < 0.7:
                changes[existing] = self._text()
            elif what < 0.85 and existing in files:
                changes[self._path()] = self._wiki.repository.snapshot().read(existing)
                changes[existing] = None
            else:
                changes[existing] = None
        self._wiki.repository.commit(changes, base=None, author=ALICE, message="x")

    def _path(self) -> str:
        folder = self._random.choice(("", "", "Notes/", "notes/", "a/b/"))
        name = self._random.choice(("One", "one", "Two", "ünï", "日本", "file.v2"))
        return folder + name + self._random.choice((".md", ".md", ".md", "/pic.png"))

    def _text(self) -> bytes:
        parts = [self._random.choice(("", "---\ntags: [a, B]\ncategory: c\n---\n"))]
        for _ in range(self._random.randint(0, 5)):
            word = self._random.choice(self.WORDS)
            target = self._path().removesuffix(".md")
            parts.append(
                self._random.choice(
                    (
                        f"# {word}\n",
                        f"[[{word}|{target}]]\n\n",
                        f"text {word} [x]({target}) \n",
                        f"```\n{word}\n```\n",
                    )
                )
            )
        return "".join(parts).encode()


@pytest.mark.parametrize("seed", range(4))
def test_any_history_leads_to_what_a_fresh_index_has(wiki: Wiki, seed: int) -> None:
    writer = _Writer(wiki, seed)
    for step in range(40):
        writer.change()
        if step % 5 == 4:
            wiki.pages_index(KEEP_CASE).catch_up()
        if step % 13 == 12:
            assert dump(wiki, KEEP_CASE) == dump_from_scratch(wiki, KEEP_CASE)
    assert dump(wiki, KEEP_CASE) == dump_from_scratch(wiki, KEEP_CASE)


def test_a_replaced_history_is_followed(wiki: Wiki, index: PageIndex, tmp_path: Path) -> None:
    index.catch_up()
    first = wiki.repository.head()
    for text in ("one\n", "two\n"):
        put(wiki, {"Lonely.md": text, "New.md": text})
    index.catch_up()
    assert first
    wiki.repository.replace_head(first, expected=wiki.repository.head())
    assert index.catch_up() == 1
    assert index.paths() == ("Home", "Lonely", "Notes/Plan", "Notes/Todo")
    assert dump(wiki, KEEP_CASE) == dump_from_scratch(wiki, KEEP_CASE)


def test_a_replaced_history_whose_old_objects_are_gone(wiki: Wiki, index: PageIndex) -> None:
    put(wiki, {"Lonely.md": "old\n", "Old.md": "old\n"})
    index.catch_up()
    old = wiki.repository.head()
    first = wiki.history.log()[-1].revision
    wiki.repository.replace_head(first, expected=old)
    wiki.repository.git("reflog", "expire", "--expire=now", "--all")
    wiki.repository.git("gc", "--prune=now", "--quiet")
    assert old is not None
    assert not _has_object(wiki, old)
    assert index.paths() == ("Home", "Lonely", "Notes/Plan", "Notes/Todo")
    assert dump(wiki, KEEP_CASE) == dump_from_scratch(wiki, KEEP_CASE)


def _has_object(wiki: Wiki, revision: str) -> bool:
    """Whether git finds the object."""
    command = ["git", "-C", str(wiki.repository.git_dir), "cat-file", "-e", revision]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_f2_the_pages_are_those_of_a_snapshot_whatever_git_holds(tmp_path: Path) -> None:
    """Names that are never served are never indexed either, in a build and in a change."""
    names = ["a.md", "A.MD", "x/.git/b.md", "git~1/c.md", "-d.md", "e\u202e.md", "f\u200b.md"]
    names += ["g/h.md", ".md", "i/.md", "j.md.md", " k.md", "l .md", "é/日本.md", "m\\n.md"]
    made = History(tmp_path / "names")
    first = made.commit(dict.fromkeys(names, b"one\n"))
    made.commit(dict.fromkeys(names, b"two\n") | {"new/-o.md": b"x\n"})
    wiki = Wiki(made.finish(first))
    index = wiki.pages_index(KEEP_CASE)
    for revision, count in ((made.revision(first), 7), (made.revision(2), 8)):
        made.git("update-ref", "refs/heads/main", revision)
        expected = pages_in(wiki.repository.snapshot().files())
        assert index.paths() == tuple(expected)
        assert len(expected) == count
    assert dump(wiki, KEEP_CASE) == dump_from_scratch(wiki, KEEP_CASE)
    wiki.close()


def test_f3_links_and_submodules_in_a_tree_are_no_pages(tmp_path: Path) -> None:
    made = History(tmp_path / "links")
    made.commit({"a.md": b"x\n"})
    made.commit(
        {"a.md": b"/etc/passwd", "b.md": b"b\n", "c.md": b"a.md", "-d.md": b"x\n"},
        modes={"a.md": "120000", "c.md": "120000"},
    )
    wiki = Wiki(made.finish(1))
    index = wiki.pages_index(KEEP_CASE)
    assert index.paths() == ("a",)
    made.git("update-ref", "refs/heads/main", made.revision(2))
    assert index.paths() == ("b",)
    assert dump(wiki, KEEP_CASE) == dump_from_scratch(wiki, KEEP_CASE)
    wiki.close()


# ---------------------------------------------------------------------- two wikis


def test_h3_nothing_of_another_wiki_is_seen(wiki: Wiki, index: PageIndex, other: Wiki) -> None:
    """Failure 4 of the systems people use: one index for all wikis."""
    before = dump(other, KEEP_CASE)
    there = other.pages_index(KEEP_CASE)
    assert there.search(SearchQuery("canary")).total == 4
    assert index.search(SearchQuery("canary")).total == 0
    assert index.search(SearchQuery("can*")).total == 0
    assert "canary" not in repr(dump(wiki, KEEP_CASE))
    assert index.links_to("Lonely") == ()
    assert len(there.links_to("Lonely")) == 3
    put(wiki, {"Lonely.md": None, "canary.md": "[[Home]]\n"})
    assert index.orphans() == ("canary",)
    assert dump(other, KEEP_CASE) == before


def test_failure_4_links_never_name_pages_of_another_wiki(index: PageIndex, other: Wiki) -> None:
    put(other, {"Secret plan.md": "[[Home]] [[Notes/Todo]]\n"})
    other.pages_index(KEEP_CASE).catch_up()
    named = {link.page for page in index.paths() for link in index.links_to(page)}
    assert named == {"Home", "Notes/Todo"}
    assert "Secret plan" not in index.graph().nodes
