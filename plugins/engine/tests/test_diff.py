"""Unified diffs against real git's, read by what Otterwiki reads them with."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from git_histories import History, git, lines, long_text
from hypothesis import given, settings
from hypothesis import strategies as st
from otterwiki.util import get_PatchSet, patchset2filedict
from small_wikis import ALICE

from otterwiki_engine import diff as diff_module
from otterwiki_engine.diff import diff, show
from otterwiki_engine.errors import NotFound
from otterwiki_engine.line_changes import line_changes, split_lines
from otterwiki_engine.repository import Repository

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def git_show(repository: Repository, revision: str) -> str:
    return git(repository.git_dir, "show", "--format=", "-M", revision)


def facts(text: str) -> list[tuple[str, str, str, int, int, int, bool]]:
    """What a reader of the diff is told, file by file."""
    return [
        (f.path, f.source_file, f.target_file, f.added, f.removed, len(f), f.is_binary_file)
        for f in get_PatchSet(text)
    ]


CASES: dict[str, tuple[dict[str, bytes], dict[str, bytes]]] = {
    "edit": ({"a.md": lines(*range(30))}, {"a.md": lines(*range(10), "new", *range(12, 30))}),
    "two places": (
        {"a.md": lines(*range(40))},
        {"a.md": lines("top", *range(20), "middle", *range(20, 39))},
    ),
    "places that touch": ({"a.md": lines(*range(20))}, {"a.md": lines("x", *range(6), "y", 8, 9)}),
    "new": ({"a.md": b"1\n"}, {"a.md": b"1\n", "d/n.md": lines(1, 2)}),
    "new and empty": ({"a.md": b"1\n"}, {"a.md": b"1\n", "n.md": b""}),
    "deleted": ({"a.md": b"1\n", "b.md": lines(1, 2, 3)}, {"a.md": b"1\n"}),
    "emptied": ({"a.md": lines(1, 2)}, {"a.md": b""}),
    "filled": ({"a.md": b""}, {"a.md": lines(1, 2)}),
    "one line": ({"a.md": b"1\n"}, {"a.md": b"2\n"}),
    "newline lost": ({"a.md": b"1\n2\n"}, {"a.md": b"1\n2"}),
    "newline added": ({"a.md": b"1\n2"}, {"a.md": b"1\n2\n"}),
    "no newline in both": ({"a.md": b"0\n1\n2"}, {"a.md": b"x\n1\n2"}),
    "no newline, changed": ({"a.md": b"1\n2"}, {"a.md": b"1\n3"}),
    "CRLF": ({"a.md": b"1\r\n2\r\n3\r"}, {"a.md": b"1\r\nx\r\n3\r"}),
    "other line ends": (
        {"a.md": "1\x0b\x0c\x85\u2028\n2\n".encode()},
        {"a.md": "1\x0b\x0c\x85\u2028\n3\n".encode()},
    ),
    "moved": ({"a.md": long_text("a")}, {"sub/b.md": long_text("a")}),
    "moved and edited": ({"a.md": long_text("a")}, {"b.md": long_text("a") + b"more\n"}),
    "moved and half rewritten": (
        {"a.md": long_text("a", 20)},
        {"b.md": long_text("a", 20)[:300] + long_text("b", 14)},
    ),
    "replaced": ({"a.md": long_text("a")}, {"b.md": long_text("b")}),
    "swapped": (
        {"a.md": long_text("a"), "b.md": long_text("b")},
        {"a.md": long_text("b"), "b.md": long_text("a")},
    ),
    "two moves": (
        {"x/a.md": long_text("a"), "x/b.md": long_text("b"), "c.md": b"1\n"},
        {"y/a.md": long_text("a") + b"1\n", "y/b.md": long_text("b") + b"2\n", "c.md": b"2\n"},
    ),
    "copied": ({"a.md": long_text("a")}, {"a.md": long_text("a"), "b.md": long_text("a")}),
    "binary": ({"i.png": PNG}, {"i.png": PNG + b"x", "j.png": PNG}),
    "binary deleted": ({"i.png": PNG, "a.md": b"1\n"}, {"a.md": b"1\n"}),
    "binary moved": (
        {"i.png": PNG + bytes(range(256)) * 8},
        {"k.png": PNG + bytes(range(256)) * 8 + b"!"},
    ),
    "became binary": ({"a.md": b"1\n"}, {"a.md": b"1\0\n"}),
    "odd names": (
        {"ä/ü b.md": b"1\n", 'say "hi".md': b"1\n", "x.md": b"1\n"},
        {"ä/ü b.md": b"2\n", 'say "hi".md': b"2\n", "日本 語.md": b"new\n"},
    ),
    "a file became a folder": ({"a": long_text("a")}, {"a/b.md": long_text("x")}),
    "sorted as git sorts": (
        {"a-b.md": b"1\n", "a.md": b"1\n", "a/x.md": b"1\n", "aB.md": b"1\n"},
        {"a-b.md": b"2\n", "a.md": b"2\n", "a/x.md": b"2\n", "aB.md": b"2\n"},
    ),
    "looks like a diff": (
        {"a.md": b"x\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n"},
        {"a.md": b'y\n--- a/c\n+++ b/c\n@@ -1,2 +1 @@\ndiff --git "a/x" "b/y"\n'},
    ),
    "blank lines": (
        {"a.md": b"# A\n\none\n\ntwo\n\n"},
        {"a.md": b"# A\n\none\n\nmiddle\n\ntwo\n\n\n"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_diff_is_what_git_prints(tmp_path: Path, case: str) -> None:
    before, after = CASES[case]
    history = History(tmp_path)
    history.commit(before)
    history.commit(after)
    repository = history.finish()
    old, new = history.revision(1), history.revision(2)
    theirs = git_show(repository, new)
    ours = show(repository, new)
    assert diff(repository, old, new) == ours
    assert facts(ours) == facts(theirs)
    if '"' not in "".join(after):  # the one thing git quotes and this engine does not
        assert ours == theirs
    back = diff(repository, new, old)
    assert facts(back) == facts(git(repository.git_dir, "diff", "-M", new, old))
    assert facts(show(repository, old)) == facts(git_show(repository, old))
    assert diff(repository, new, new) == ""


@pytest.mark.parametrize("case", [case for case in CASES if "binary" not in case])
def test_applying_the_diff_gives_the_new_text(tmp_path: Path, case: str) -> None:
    before, after = CASES[case]
    history = History(tmp_path / "wiki")
    history.commit(before)
    history.commit(after)
    text = show(history.finish(), history.revision(2))
    folder = tmp_path / "applied"
    for path, content in before.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    subprocess.run(
        ["git", "apply", "--whitespace=nowarn"],
        input=text.encode(),
        cwd=folder,
        check=True,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)},
    )
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found == after


def test_modes_links_and_submodules(tmp_path: Path) -> None:
    history = History(tmp_path)
    files = {"run.sh": long_text("a"), "link": b"1\n", "c.md": b"1\n"}
    history.commit(files)
    after = {"run.sh": long_text("a"), "link": b"run.sh", "m": b"a" * 40, "c.md": b"1\n"}
    modes = {"run.sh": "100755", "link": "120000", "m": "160000"}
    history.commit(after, modes=modes)
    moved = {**after, "go.sh": after.pop("run.sh") + b"x\n"}
    history.commit({**moved, "m": b"b" * 40}, modes={"link": "120000", "m": "160000"})
    repository = history.finish()
    for mark in (1, 2, 3):
        revision = history.revision(mark)
        assert facts(show(repository, revision)) == facts(git_show(repository, revision))
        if mark != 3:  # git also spells out the abbreviated id of the submodule's commit
            assert show(repository, revision) == git_show(repository, revision)


def test_a_merge_is_shown_against_its_first_parent(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.commit({"a.md": b"1\n"})
    history.commit({"a.md": b"1\n", "b.md": b"1\n"}, parents=[1])
    history.commit({"a.md": b"2\n"}, parents=[1])
    history.commit({"a.md": b"2\n", "b.md": b"1\n"}, parents=[3, 2])
    repository = history.finish()
    assert [fact[0] for fact in facts(show(repository, history.revision(4)))] == ["b.md"]


def test_text_in_other_encodings_and_large_files(
    repository: Repository, other: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = repository.commit(
        {"latin.md": b"caf\xe9\n1\n", "big.csv": b"1,2\n" * 100, "\ufb01.md": b"1\n"},
        base=None,
        author=ALICE,
        message="m",
    )
    second = repository.commit(
        {"latin.md": b"caf\xe9\n2\n", "big.csv": b"1,2\n" * 101, "\ufb01.md": b"2\n"},
        base=None,
        author=ALICE,
        message="m",
    )
    text = show(repository, second.revision)
    text.encode("utf-8")  # can be sent
    assert " caf\ufffd\n-1\n+2\n" in text
    assert facts(text) == facts(git_show(repository, second.revision))
    monkeypatch.setattr(diff_module, "MOST_TEXT_BYTES", 400)
    assert "Binary files a/big.csv and b/big.csv differ" in show(repository, second.revision)
    only = diff(repository, first.revision, second.revision, paths=["latin.md", "missing.md"])
    assert [fact[0] for fact in facts(only)] == ["latin.md"]
    with pytest.raises(NotFound):
        show(other, second.revision)
    with pytest.raises(NotFound):
        diff(repository, first.revision, "0" * 40)


def test_paths_keep_renames_together(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.commit({"a.md": long_text("a"), "c.md": b"1\n"})
    history.commit({"b.md": long_text("a") + b"x\n", "c.md": b"2\n"})
    repository = history.finish()
    text = diff(repository, history.revision(1), history.revision(2), paths=["a.md", "b.md"])
    assert [fact[:3] for fact in facts(text)] == [("b.md", "a/a.md", "b/b.md")]


# Names that git or unidiff could misread: spaces, quotes, backslashes, tabs, " b/" inside.
NAMES = st.lists(
    st.sampled_from(
        ["a", "b", " ", " b/", "/x", '"', "\\", "\\1", "ü", "日", "\t", "%", "'", "{", "+"]
    ),
    min_size=1,
    max_size=6,
).map("".join)


def usable(name: str) -> bool:
    parts = name.split("/")
    return all(parts) and not any(part in (".", "..") for part in parts)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(NAMES.filter(usable), min_size=1, max_size=4, unique=True))
def test_any_name_is_read_back_by_otterwiki(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder))
        prefixes = [f"p{number}/" for number in range(len(names))]
        before = {
            prefix + name: long_text(name) for prefix, name in zip(prefixes, names, strict=True)
        }
        history.commit({**before, "rest.md": b"1\n"})
        history.commit(
            {**{name: text + b"more\n" for name, text in before.items()}, "rest.md": b"1\n"}
        )
        moved = {f"q{name}": text + b"more\nmoved\n" for name, text in before.items()}
        history.commit({**moved, "rest.md": b"1\n"})
        repository = history.finish()
        for mark, wanted in ((1, before), (2, before), (3, moved)):
            text = show(repository, history.revision(mark))
            read = get_PatchSet(text)
            shown = sorted(name.replace("\t", "\\011") for name in wanted)
            found = sorted(file.path for file in read if file.path != "rest.md")
            assert found == shown
            assert all(len(lines_of) > 1 for lines_of in patchset2filedict(read).values())
            if mark == 3:
                assert all(file.is_rename for file in read)


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n", b"  \n", b"d"]), max_size=24)


def longest_common(old: Sequence[bytes], new: Sequence[bytes]) -> int:
    row = [0] * (len(new) + 1)
    for line in old:
        before = row
        row = [0]
        for position, other_line in enumerate(new):
            row.append(
                before[position] + 1
                if line == other_line
                else max(before[position + 1], row[position])
            )
    return row[-1]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(LINES, LINES, st.sampled_from([1_000_000, 1_000_000, 30, 0]))
def test_line_changes_lead_from_one_text_to_the_other(
    old: list[bytes], new: list[bytes], most_steps: int
) -> None:
    result: list[bytes] = []
    position = kept = 0
    for index, change in enumerate(line_changes(old, new, most_steps)):
        assert change.old_end > change.old_start or change.new_end > change.new_start
        assert index == 0 or change.old_start > position  # an unchanged line between two changes
        kept += change.old_start - position
        result += old[position : change.old_start]
        assert len(result) == change.new_start
        result += new[change.new_start : change.new_end]
        position = change.old_end
    assert result + old[position:] == new
    if most_steps == 1_000_000:
        assert kept + len(old) - position == longest_common(old, new)


@pytest.mark.parametrize(
    "content", [b"", b"a", b"a\n", b"\n\n", b"a\r\nb\r", b"\r\n\n\x0b\x0c\x85"]
)
def test_lines_end_at_line_feeds_only(content: bytes) -> None:
    found = split_lines(content)
    assert b"".join(found) == content
    assert all(line.endswith(b"\n") for line in found[:-1])
    assert all(line.count(b"\n") <= 1 for line in found)


@pytest.mark.parametrize("kind", ["shuffled", "two words", "reversed", "nested"])
def test_texts_made_to_be_slow_are_given_up_in_time(kind: str) -> None:
    choose = random.Random(1)
    old = [b"%d\n" % number for number in range(20_000)]
    new = list(old)
    if kind == "shuffled":
        choose.shuffle(new)
    elif kind == "reversed":
        new.reverse()
    elif kind == "two words":
        old = [b"%d\n" % choose.randrange(2) for _ in range(100_000)]
        new = [b"%d\n" % choose.randrange(2) for _ in range(100_000)]
    else:
        old = [b"%d\n" % (number // 2) for number in range(20_000)]
        new = [b"%d\n" % (number % 10_000) for number in range(20_000)]
    start = time.process_time()
    changes = line_changes(old, new)
    assert time.process_time() - start < 5
    assert changes


def test_g6_many_places_below_lines_that_are_no_headings() -> None:
    old = [b"%d\n" % number for number in range(60_000)]
    new = [b"-\n" if number % 8 == 0 else line for number, line in enumerate(old)]
    start = time.process_time()
    hunks = list(diff_module._hunks(old, new))
    assert time.process_time() - start < 10
    assert len(hunks) == 7500
    assert hunks[-1].startswith("@@ -59990,7 +59990,7 @@\n")
