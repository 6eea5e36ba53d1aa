"""The history index against real git."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from git_histories import History, git, lines, long_text
from small_wikis import ALICE, BOB

from otterwiki_engine import history_records, short_ids
from otterwiki_engine.errors import NotFound
from otterwiki_engine.history import HistoryIndex
from otterwiki_engine.repository import Repository


def revisions(index: HistoryIndex, path: str | None = None, **options: object) -> list[str]:
    return [record.revision for record in index.log(path, **options)]  # type: ignore[arg-type]


def git_log(repository: Repository, *arguments: str) -> list[str]:
    return git(repository.git_dir, "log", "--format=%H", *arguments).split()


def test_the_log_of_commits_made_through_the_engine(
    repository: Repository, other: Repository
) -> None:
    index, second = HistoryIndex(repository), HistoryIndex(other)
    assert index.log() == []
    assert index.last_change("Home.md") is None
    repository.commit({"Home.md": b"1\n"}, base=None, author=ALICE, message="first")
    repository.commit(
        {"Home.md": b"2\n", "ü/a b.md": b"x"}, base=None, author=BOB, message="Änderung\n\nwhy\n"
    )
    newest, oldest = index.log()
    assert isinstance(newest, history_records.CommitRecord)
    assert (newest.author_name, newest.author_email) == (BOB.name, BOB.email)
    assert newest.message == "Änderung\n\nwhy\n"
    assert newest.files == ("Home.md", "ü/a b.md")
    assert newest.parents == (oldest.revision,)
    assert oldest.parents == ()
    assert newest.datetime.isoformat() == git(
        repository.git_dir, "log", "-1", "--format=%aI"
    ).strip().replace("Z", "+00:00")
    assert index.count() == 2
    assert [record.message for record in second.log()] == ["other's first"]
    assert index.records({newest.revision, "0" * 40}) == {newest.revision: newest}
    assert second.records({newest.revision}) == {}
    assert second.find(newest.revision[:8]) is None
    with pytest.raises(NotFound):
        second.last_change("Home.md", newest.revision)


def test_limit_and_offset(tmp_path: Path) -> None:
    history = History(tmp_path)
    for number in range(9):
        history.commit({"a.md": lines(number), "b.md": lines(number // 3)})
    repository = history.finish()
    index = HistoryIndex(repository)
    every = git_log(repository)
    assert revisions(index, limit=3) == every[:3]
    assert revisions(index, limit=3, offset=2) == every[2:5]
    assert revisions(index, offset=7) == every[7:]
    assert revisions(index, limit=0) == []
    assert revisions(index, "b.md", limit=1, offset=1) == git_log(repository, "--", "b.md")[1:2]
    assert revisions(index, "missing.md") == []


def test_a_log_follows_renames_as_git_does(tmp_path: Path) -> None:
    history = History(tmp_path)
    text, rest = long_text("page"), {"rest.md": long_text("rest")}
    history.commit({"a.md": text, **rest})
    history.commit({"a.md": text + b"more\n", **rest})
    history.commit({"b.md": text + b"more\n", **rest})  # moved as it is
    history.commit({"b.md": text + b"more\nand more\n", **rest})
    renamed = history.commit({"sub/c.md": text + b"edited while moved\n", **rest})
    history.commit({"sub/c.md": text + b"the end\n", **rest})
    repository = history.finish()
    index = HistoryIndex(repository)
    followed = git_log(repository, "--follow", "--", "sub/c.md")
    assert revisions(index, "sub/c.md") == followed
    assert len(followed) == 6
    assert revisions(index, "sub/c.md", follow=False) == git_log(repository, "--", "sub/c.md")
    assert revisions(index, "b.md") == git_log(repository, "--follow", "--", "b.md")
    names = [index.path_at("sub/c.md", revision) for revision in followed]
    assert names == ["sub/c.md", "sub/c.md", "b.md", "b.md", "a.md", "a.md"]
    record = index.records({history.revision(renamed)})[history.revision(renamed)]
    assert record.files == ("sub/c.md",)
    for newer, older in zip(followed, [*followed[1:], None], strict=True):
        assert index.parent_of("sub/c.md", newer) == older
    assert index.parent_of("rest.md", followed[0]) is None
    with pytest.raises(NotFound):
        index.path_at("sub/c.md", "f" * 40)


def test_many_files_moved_and_edited_at_once_keep_their_history(tmp_path: Path) -> None:
    history = History(tmp_path)
    pages = {f"old/page {n}.md": long_text(f"page {n}") for n in range(250)}
    history.commit(pages)
    history.commit(
        {name.replace("old/", "new/"): text + b"[[link]]\n" for name, text in pages.items()}
    )
    index = HistoryIndex(history.finish())
    assert all(len(index.log(name.replace("old/", "new/"))) == 2 for name in pages)


def test_a_copy_starts_its_own_history(tmp_path: Path) -> None:
    history = History(tmp_path)
    text = long_text("template")
    history.commit({"template.md": text})
    history.commit({"template.md": text + b"edited\n"})
    history.commit({"template.md": text, "page.md": text})
    index = HistoryIndex(history.finish())
    assert revisions(index, "page.md") == [history.revision(3)]


def test_deleted_and_made_again(tmp_path: Path) -> None:
    history = History(tmp_path)
    keep = {"keep.md": b"x\n"}
    history.commit({"a.md": long_text("first life"), **keep})
    history.commit(keep)
    history.commit({**keep, "other.md": b"y\n"})
    repository = history.finish()
    index = HistoryIndex(repository)
    assert revisions(index, "a.md") == [history.revision(2), history.revision(1)]
    deletion = index.last_change("a.md")
    assert deletion is not None
    assert deletion.revision == history.revision(2)
    assert deletion.files == ("a.md",)
    repository.commit({"a.md": long_text("second")}, base=None, author=ALICE, message="again")
    assert revisions(index, "a.md") == git_log(repository, "--follow", "--", "a.md")
    at_first = index.last_change("a.md", history.revision(1))
    assert at_first is not None
    assert at_first.revision == history.revision(1)
    assert index.last_change("other.md", history.revision(2)) is None


def test_the_log_of_a_folder(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.commit({"a/x.md": b"1\n", "a.md": b"1\n", "a b/y.md": b"1\n"})
    history.commit({"a/x.md": b"1\n", "a.md": b"2\n", "a b/y.md": b"1\n"})
    history.commit({"a/x.md": b"3\n", "a/deep/z.md": b"3\n", "a.md": b"2\n", "a b/y.md": b"3\n"})
    history.commit({"a/x.md": b"3\n", "a.md": b"2\n", "a b/y.md": b"4\n"})
    repository = history.finish()
    index = HistoryIndex(repository)
    for folder in ("a", "a/deep", "a b"):
        assert revisions(index, folder) == git_log(repository, "--", f"{folder}/")
        last = index.last_change(folder)
        assert last is not None
        assert last.revision == git_log(repository, "--", f"{folder}/")[0]
    assert revisions(index, "a/") == revisions(index, "a")
    root = index.last_change("")
    assert root is not None
    assert root.revision == repository.head()


def test_branches_and_merges(tmp_path: Path) -> None:
    """Side branches older than what the index already has are put in between."""
    history = History(tmp_path)
    base = {"a.md": lines(*range(10)), "b.md": lines("b")}
    history.commit(base)
    ours = history.commit({**base, "a.md": lines("ours", *range(10))})
    repository = history.finish()
    index = HistoryIndex(repository)
    assert index.count() == 2
    side = history.commit({**base, "a.md": lines(*range(10), "theirs")}, parents=[1])
    side = history.commit(
        {**base, "a.md": lines(*range(10), "theirs"), "c.md": lines("c")},
        parents=[side],
        seconds=1_600_000_000 + 90,
    )
    both = {**base, "a.md": lines("ours", *range(10), "theirs"), "c.md": lines("c")}
    merge = history.commit(both, parents=[ours, side])
    discarded = history.commit({**both, "b.md": lines("lost")}, parents=[merge])
    kept = history.commit({**both, "d.md": lines("d")}, parents=[merge])
    history.commit({**both, "d.md": lines("d")}, parents=[kept, discarded])  # as "merge -s ours"
    history.finish()
    assert revisions(index) == git_log(repository, "--date-order")
    assert [r.files for r in index.log() if len(r.parents) > 1] == [(), ()]
    for path in ("a.md", "b.md", "c.md", "d.md"):
        last = index.last_change(path)
        assert last is not None
        assert [last.revision] == git_log(repository, "-1", "--", path), path
    assert history.revision(merge) in revisions(index, "a.md")
    assert history.revision(merge) not in revisions(index, "c.md")
    before_merge = index.last_change("a.md", history.revision(side))
    assert before_merge is not None
    assert before_merge.revision == history.revision(3)
    fresh = Repository(repository.git_dir, state_dir=tmp_path / "fresh")
    assert HistoryIndex(fresh).log() == index.log()


@pytest.mark.parametrize("seed", range(6))
def test_random_branches(tmp_path: Path, seed: int) -> None:
    """Order and last changes in histories full of branches, indexed in several steps."""
    choose = random.Random(seed)
    history = History(tmp_path)
    paths = ["a.md", "b.md", "d/c.md", "d/e/f.md"]
    trees = {history.commit({path: b"start " + path.encode() for path in paths}): 0}
    contents = {1: {path: b"start " + path.encode() for path in paths}}
    repository = history.finish()
    index = HistoryIndex(repository)
    for number in range(60):
        tips = choose.sample(sorted(trees), min(len(trees), choose.choice([1, 1, 2])))
        files = {path: contents[choose.choice(tips)][path] for path in paths}
        if len(tips) == 1 or choose.random() < 0.5:
            files[choose.choice(paths)] = b"edit %d\n" % number
        mark = history.commit(files, parents=tips)
        contents[mark] = files
        trees[mark] = 0
        for tip in tips:
            if choose.random() < 0.7:
                trees.pop(tip)
        if number % 20 == 10:
            history.finish()
            index.catch_up()
    last = history.commit(contents[mark], parents=sorted(trees))
    history.finish(last)
    assert revisions(index) == git_log(repository, "--date-order")
    fresh = HistoryIndex(Repository(repository.git_dir, state_dir=tmp_path / "fresh"))
    assert fresh.log() == index.log()
    for path in paths:
        for revision in revisions(index)[::9]:
            found = index.last_change(path, revision)
            assert found is not None
            assert [found.revision] == git_log(repository, "-1", revision, "--", path)


def test_finding_revisions_by_their_beginning(tmp_path: Path) -> None:
    history = History(tmp_path)
    for number in range(900):
        history.commit({"even.md": lines(number // 2), "odd.md": lines((number + 1) // 2)})
    repository = history.finish()
    index = HistoryIndex(repository)
    every = git_log(repository)
    by_prefix: dict[str, list[str]] = {}
    for revision in every:
        by_prefix.setdefault(revision[:4], []).append(revision)
    shared = next(found for found in by_prefix.values() if len(found) > 1)
    assert index.find(shared[0][:4]) is None
    assert index.find(shared[0]) == shared[0]
    assert index.find(every[3][:12]) == every[3]
    for refused in ("", "abc", every[3][:12].upper(), "HEAD", "%%%%", "g" * 8, every[3] + "0"):
        assert index.find(refused) is None
    assert index.find(every[0][:12], "odd.md") in (None, every[0])
    for path in ("even.md", "odd.md"):
        inside = set(git_log(repository, "--follow", "--", path))
        matching = [revision for revision in shared if revision in inside]
        assert index.find(shared[0][:4], path) == (matching[0] if len(matching) == 1 else None)
    short = index.abbreviations(every)
    assert {index.find(prefix) for prefix in short.values()} == set(every)
    assert min(map(len, short.values())) >= 6


def test_commits_that_begin_alike_get_more_digits(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_ids, "SHORTEST", 1)
    index = HistoryIndex(repository)
    made: list[str] = []
    for number in range(40):  # 16 beginnings for 40 commits
        result = repository.commit({"a.md": b"%d" % number}, base=None, author=ALICE, message="m")
        made.append(result.revision)
        if number in (5, 39):  # worked out from scratch, then brought up to date
            short = index.abbreviations(made)
            for revision, prefix in short.items():
                assert [other for other in made if other.startswith(prefix)] == [revision]


def raw_commit(repository: Repository, content: bytes) -> str:
    """Write a commit object as it is, and put HEAD there."""
    import subprocess

    where = ["git", "-C", str(repository.git_dir)]
    made = subprocess.run(
        [*where, "hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        input=content,
        check=True,
        capture_output=True,
    )
    revision = made.stdout.decode().strip()
    subprocess.run([*where, "update-ref", "refs/heads/main", revision], check=True)
    return revision


@pytest.mark.parametrize(
    ("author", "name", "email", "when"),
    [
        (b"A B <a@b> 1600000000 -0330", "A B", "a@b", "2020-09-13T08:56:40-03:30"),
        (b" <> 0 +0000", "", "", "1970-01-01T00:00:00+00:00"),
        (b"No Mail 1600000000 +0000", "No Mail 1600000000 +0000", "", "1970-01-01T00:00:00+00:00"),
        (b"Odd <zone@x> 1600000000 +9999", "Odd", "zone@x", "2020-09-13T12:26:40+00:00"),
        (b"Far <future@x> 99999999999999 +0000", "Far", "future@x", "9999-12-31T00:00:00+00:00"),
        (b"Past <past@x> -100 +0000", "Past", "past@x", "1969-12-31T23:58:20+00:00"),
        ("Jörg <ä@x> 5 +0000".encode("latin-1"), "J\ufffdrg", "\ufffd@x", None),
    ],
)
def test_strange_authors(
    tmp_path: Path, author: bytes, name: str, email: str, when: str | None
) -> None:
    history = History(tmp_path)
    history.commit({"a.md": b"1\n"})
    repository = history.finish()
    tree = git(repository.git_dir, "rev-parse", "HEAD^{tree}").strip().encode()
    parent = (repository.head() or "").encode()
    raw_commit(
        repository,
        b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\nodd\0\xff message"
        % (tree, parent, author, author),
    )
    record = HistoryIndex(repository).log()[0]
    assert (record.author_name, record.author_email) == (name, email)
    assert when is None or record.datetime.isoformat() == when
    assert record.message == "odd\0\ufffd message"


def test_a_commit_in_another_encoding(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.commit({"a.md": b"1\n"})
    repository = history.finish()
    tree = git(repository.git_dir, "rev-parse", "HEAD^{tree}").strip().encode()
    who = "Jörg <j@x> 1600000000 +0000".encode("latin-1")
    raw_commit(
        repository,
        b"tree %s\nauthor %s\ncommitter %s\nencoding ISO-8859-1\ngpgsig x\n y\n\n%s"
        % (tree, who, who, "Größe".encode("latin-1")),
    )
    (record,) = HistoryIndex(repository).log()
    assert (record.author_name, record.message) == ("Jörg", "Größe")


def test_links_and_submodules_are_not_there(tmp_path: Path) -> None:
    history = History(tmp_path)
    first = history.commit({"a.md": b"1\n", "b.md": b"x\n"})
    history.commit(
        {"a.md": b"1\n", "b.md": b"a.md", "link.md": b"/etc/passwd", "module": b"1" * 40},
        modes={"b.md": "120000", "link.md": "120000", "module": "160000"},
    )
    index = HistoryIndex(history.finish())
    assert index.last_change("link.md") is None
    assert index.last_change("module") is None
    assert index.log()[0].files == ("b.md",)  # for a reader, the file was deleted
    assert index.versions("b.md") == []
    assert len(index.versions("b.md", history.revision(first))) == 1


def test_a_shallow_clone_has_the_history_it_has(tmp_path: Path) -> None:
    history = History(tmp_path / "full")
    for number in range(5):
        history.commit({"a.md": lines(number)})
    repository = history.finish()
    shallow = tmp_path / "shallow"
    shallow.mkdir()
    git(shallow, "clone", "-q", "--bare", "--depth=2", f"file://{repository.git_dir}", "repo.git")
    index = HistoryIndex(Repository(shallow / "repo.git", state_dir=shallow))
    assert revisions(index) == git_log(repository)[:2]
    assert index.log()[-1].parents == ()
    assert len(index.versions("a.md")) == 2


def test_versions_are_the_chain_of_contents(tmp_path: Path) -> None:
    history = History(tmp_path)
    text = long_text("page")
    history.commit({"a.md": text})
    history.commit({"a.md": text, "other.md": b"x\n"})
    history.commit({"b.md": text + b"1\n", "other.md": b"x\n"})
    history.commit({"b.md": text + b"2\n", "other.md": b"x\n"}, parents=[3])
    history.commit({"b.md": b"0\n" + text + b"1\n", "other.md": b"x\n"}, parents=[3])
    history.commit({"b.md": b"0\n" + text + b"2\n", "other.md": b"x\n"}, parents=[4, 5])
    index = HistoryIndex(history.finish())
    found = index.versions("b.md")
    marks = {history.revision(mark): mark for mark in range(1, 7)}
    assert [(marks[v.revision], v.path) for v in found] == [
        (6, "b.md"),
        (5, "b.md"),
        (4, "b.md"),
        (3, "b.md"),
        (1, "a.md"),
    ]
    assert [v.sources for v in found] == [(2, 1), (3,), (3,), (4,), ()]
    newest = index.version("b.md")
    assert newest is not None
    assert (newest.revision, newest.blob_id) == (found[0].revision, found[0].blob_id)
    assert index.version("a.md") is None
    stopped = index.versions("b.md", stop_at=[history.revision(3)])
    assert [marks[v.revision] for v in stopped] == [6, 5, 4, 3]
    assert [marks[v.revision] for v in index.versions("a.md", history.revision(2))] == [1]
    assert index.versions("a.md") == []
    with pytest.raises(NotFound):
        index.versions("b.md", "0" * 40)
