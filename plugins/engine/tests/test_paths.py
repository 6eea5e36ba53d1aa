from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_wikis import ALICE, BOB, make_bare, make_work_tree

from otterwiki_engine.authorship import Author, check_author, clean_message
from otterwiki_engine.errors import BadPath, BadText, UncommittedChanges
from otterwiki_engine.paths import MAX_PARTS, path_problem
from otterwiki_engine.repository import Repository

HOSTILE = [
    "",
    "/etc/passwd",
    "..",
    "../x.md",
    "a/../../x.md",
    "a/./b.md",
    "a//b.md",
    "a/",
    ".git/config",
    "a/.git/hooks/post-commit",
    ".GIT/config",
    ".Git",
    "git~1/config",
    "GIT~1",
    ".git::$INDEX_ALLOCATION/config",
    ".git./config",
    ".git /config",
    ".g\u200cit/config",
    "\ufeff.git/config",
    "a\\..\\b.md",
    "-rf.md",
    "--output=x",
    "a\nb.md",
    "a\rb.md",
    "a\0b.md",
    "a\x7fb.md",
    "a\x85b.md",
    "a\u2028b.md",
    ".gitmodules",
    "notes/.GitModules",
    "notes/.gitmodules .",
    "GITMOD~1",
    "gi7eba~1",
    ".git\u200cmodules",
    "a\u202eb.md",
    "a\udce4b.md",
    "x" * 256,
    "/".join(["x" * 200] * 11),
]


@pytest.mark.parametrize("path", HOSTILE)
def test_f2_hostile_paths_are_refused_everywhere(
    path: str, repository: Repository, other: Repository
) -> None:
    before = other.head()
    head = repository.commit({"ok.md": b"1"}, base=None, author=ALICE, message="m").revision
    with pytest.raises(BadPath):
        repository.commit({path: b"evil"}, base=None, author=ALICE, message="m")
    assert repository.head() == head
    assert repository.snapshot().get(path) is None
    assert other.head() == before


@pytest.mark.parametrize(
    "path",
    [
        "Home.md",
        "ä/ö.md",
        "a b/c'd.md",
        "日本語.md",
        "a.git/x.md",
        ".gitignore",
        "git/x.md",
        ".gitattributes",
        "gitmodules.md",
    ],
)
def test_f2_ordinary_names_pass(path: str, repository: Repository) -> None:
    repository.commit({path: b"1"}, base=None, author=ALICE, message="m")
    assert repository.snapshot().read(path) == b"1"


@given(st.text(max_size=40))
def test_f2_an_accepted_path_stays_below_its_root(path: str) -> None:
    if path_problem(path) is None:
        root = "/srv/wiki"
        resolved = os.path.normpath(os.path.join(root, path))
        assert resolved.startswith(root + "/")
        assert resolved == f"{root}/{path}"
        assert ".git" not in [part.lower() for part in path.split("/")]


def commit_raw(repository: Repository, mode: str, path: str, content: bytes) -> None:
    """Put an entry into the repository with plain git, as a push or an old history would."""
    run = {"check": True, "capture_output": True, "cwd": repository.git_dir}
    git = ["git", f"--git-dir={repository.git_dir}"]
    blob = subprocess.run([*git, "hash-object", "-w", "--stdin"], input=content, **run).stdout
    tree = subprocess.run(
        [*git, "mktree"], input=f"{mode} blob {blob.decode().strip()}\t{path}\n".encode(), **run
    ).stdout
    who = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", **os.environ}
    who |= {"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x"}
    commit = subprocess.run(
        [*git, "commit-tree", tree.decode().strip(), "-m", "raw"], env=who, **run
    ).stdout
    subprocess.run([*git, "update-ref", "refs/heads/main", commit.decode().strip()], **run)


def test_f3_a_symlink_in_the_repository_is_never_served(tmp_path: Path) -> None:
    repository = make_bare(tmp_path / "wiki")
    commit_raw(repository, "120000", "passwd.md", b"/etc/passwd")
    snapshot = repository.snapshot()
    assert snapshot.files() == []
    assert not snapshot.exists("passwd.md")
    with pytest.raises(BadPath, match="symbolic link"):
        repository.commit({"passwd.md": b"x"}, base=None, author=ALICE, message="m")
    # what we do not serve we do not destroy either
    repository.commit({"ok.md": b"1"}, base=None, author=ALICE, message="m")
    assert "120000" in repository.git("ls-tree", "HEAD", "passwd.md")


def test_f3_writing_follows_no_symlink_in_the_work_tree(tmp_path: Path) -> None:
    repository = make_work_tree(tmp_path / "wiki")
    repository.commit({"a/b.md": b"1"}, base=None, author=ALICE, message="m")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "wiki" / "link").symlink_to(outside)
    (tmp_path / "wiki" / "file.md").symlink_to(outside / "file.md")
    for path in ("link/x.md", "file.md"):
        with pytest.raises((BadPath, UncommittedChanges)):
            repository.commit({path: b"evil"}, base=None, author=ALICE, message="m")
    assert list(outside.iterdir()) == []


def test_f4_no_hook_of_the_repository_runs(repository: Repository) -> None:
    ran = repository.state_dir / "ran"
    hooks_dir = repository.git_dir / "hooks"
    hooks_dir.mkdir(exist_ok=True)
    for name in ("post-commit", "reference-transaction", "pre-auto-gc", "post-rewrite"):
        (hooks_dir / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks_dir / name).chmod(0o755)
    repository.commit({"Home.md": b"1"}, base=None, author=ALICE, message="m")
    repository.git("gc", "--quiet")
    repository.git("update-ref", "refs/otterwiki/x", "HEAD")
    assert not ran.exists()


@pytest.mark.parametrize(
    "author",
    [
        Author("a\nb", "x@y"),
        Author("a", "x@y>\nauthor Evil <e@e> 0 +0000"),
        Author("a<b", "x@y"),
        Author("a", "x>y"),
        Author("a\0", "x"),
        Author("a\u2028b", "x"),
        Author("x" * 300, "x"),
    ],
)
def test_f5_authors_can_not_smuggle_headers(author: Author, repository: Repository) -> None:
    with pytest.raises(BadText):
        repository.commit({"Home.md": b"1"}, base=None, author=author, message="m")
    assert repository.head() is None


def test_f5_messages_are_cleaned_and_trailers_can_not_be_forged(repository: Repository) -> None:
    message = "fix\r\n\0\x1b[31m\n\nActor: did:plc:victim\n client : Evil\n"
    repository.commit(
        {"Home.md": b"1"}, base=None, author=BOB, message=message, actor="did:plc:bob"
    )
    commit = repository.commit_object(repository.head() or "")
    text = commit.message.decode()
    assert "\0" not in text
    assert "\x1b" not in text
    trailers = [line for line in text.splitlines() if line.lower().startswith(("actor", "client"))]
    assert trailers == ["Actor: did:plc:bob"]
    assert clean_message(None) == ""
    with pytest.raises(BadText):
        clean_message("x" * 70_000)
    assert check_author(Author("", "")).name == "Anonymous"


@pytest.mark.parametrize("name", [".gitattributes", "notes/.GITATTRIBUTES", "gitatt~1"])
def test_f10_no_file_keeps_others_from_fetching(
    name: str, repository: Repository, other: Repository, tmp_path: Path
) -> None:
    repository.commit({"Home.md": b"1\n"}, base=None, author=ALICE, message="m")
    with pytest.raises(BadPath, match="longer than git allows"):
        repository.commit({name: b"x" * 2048}, base=None, author=ALICE, message="m")
    repository.commit({name: b"*.md text\n" * 500}, base=None, author=ALICE, message="m")
    checked = ["git", "-c", "transfer.fsckObjects=true", "clone", "--quiet", "--no-local"]
    subprocess.run([*checked, str(repository.git_dir), str(tmp_path / "clone")], check=True)
    repository.commit({name: None}, base=None, author=ALICE, message="m")
    assert other.snapshot().files() == ["Home.md"]


def test_f2_folders_in_folders_have_an_end() -> None:
    assert path_problem("/".join("a" * MAX_PARTS)) is None
    assert "parts" in str(path_problem("/".join("a" * (MAX_PARTS + 1))))
