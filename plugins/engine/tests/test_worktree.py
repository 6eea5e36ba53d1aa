"""A work tree beside us: files and index stay right, other people's edits stay theirs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from small_wikis import ALICE, BOB, make_work_tree

from otterwiki_engine.errors import RepositoryBusy, RepositoryDamaged, UncommittedChanges
from otterwiki_engine.locks import GitLock
from otterwiki_engine.repository import Repository


@pytest.fixture
def tree(tmp_path: Path) -> Repository:
    """A work tree with two pages."""
    repository = make_work_tree(tmp_path / "tree")
    git(repository, "config", "user.name", "shell")
    git(repository, "config", "user.email", "shell@example.org")
    repository.commit(
        {"Home.md": b"home\n", "notes/a.md": b"a\n"}, base=None, author=ALICE, message="first"
    )
    return repository


def root(repository: Repository) -> Path:
    assert repository.work_tree is not None
    return repository.work_tree.root


def git(repository: Repository, *arguments: str, check: bool = True) -> str:
    """Real git, as a person at the shell runs it."""
    return subprocess.run(
        ["git", "-C", str(root(repository)), *arguments],
        check=check,
        capture_output=True,
        text=True,
    ).stdout


def status(repository: Repository) -> str:
    return git(repository, "status", "--porcelain")


def test_files_and_index_follow_the_commit(tree: Repository) -> None:
    tree.commit(
        {"notes/a.md": None, "notes/b/c.md": b"c\n", "Home.md": b"HOME\n"},
        base=None,
        author=BOB,
        message="m",
    )
    assert status(tree) == ""
    assert (root(tree) / "Home.md").read_text() == "HOME\n"
    assert (root(tree) / "notes/b/c.md").read_text() == "c\n"
    assert not (root(tree) / "notes/a.md").exists()
    git(tree, "fsck", "--full", "--strict")


def test_the_shell_commits_on_top_and_we_on_top_of_it(tree: Repository) -> None:
    (root(tree) / "shell.md").write_text("by hand\n")
    git(tree, "add", "shell.md")
    git(tree, "commit", "-q", "-m", "by hand")
    tree.commit({"Home.md": b"2\n"}, base=None, author=BOB, message="m")
    assert tree.snapshot().files() == ["Home.md", "notes/a.md", "shell.md"]
    assert status(tree) == ""


@pytest.mark.parametrize("staged", [False, True])
def test_an_uncommitted_edit_is_neither_overwritten_nor_committed(
    tree: Repository, staged: bool
) -> None:
    (root(tree) / "Home.md").write_text("mine, not done\n")
    if staged:
        git(tree, "add", "Home.md")
    with pytest.raises(UncommittedChanges, match=r"Home\.md has uncommitted changes"):
        tree.commit({"Home.md": b"theirs\n"}, base=None, author=BOB, message="m")
    result = tree.commit({"notes/a.md": b"A\n"}, base=None, author=BOB, message="other page")
    assert result.changed == ("notes/a.md",)
    assert tree.snapshot().read("Home.md") == b"home\n"
    assert (root(tree) / "Home.md").read_text() == "mine, not done\n"
    assert status(tree) == ("M  Home.md\n" if staged else " M Home.md\n")


def test_an_untracked_file_is_not_overwritten(tree: Repository) -> None:
    (root(tree) / "new.md").write_text("untracked\n")
    with pytest.raises(UncommittedChanges):
        tree.commit({"new.md": b"other\n"}, base=None, author=BOB, message="m")
    assert (root(tree) / "new.md").read_text() == "untracked\n"
    tree.commit({"new.md": b"untracked\n"}, base=None, author=BOB, message="the same text")
    assert status(tree) == ""


def test_a_file_deleted_by_hand_is_an_uncommitted_change(tree: Repository) -> None:
    (root(tree) / "Home.md").unlink()
    with pytest.raises(UncommittedChanges):
        tree.commit({"Home.md": b"x\n"}, base=None, author=BOB, message="m")
    git(tree, "rm", "-q", "--cached", "notes/a.md")
    with pytest.raises(UncommittedChanges):
        tree.commit({"notes/a.md": b"x\n"}, base=None, author=BOB, message="m")


def test_the_executable_bit_stays(tree: Repository) -> None:
    (root(tree) / "run.sh").write_text("1\n")
    (root(tree) / "run.sh").chmod(0o755)
    git(tree, "add", "run.sh")
    git(tree, "commit", "-q", "-m", "script")
    tree.commit({"run.sh": b"2\n"}, base=None, author=BOB, message="m")
    assert status(tree) == ""
    assert git(tree, "ls-tree", "HEAD", "run.sh").startswith("100755")


def test_a_lock_of_real_git_is_respected_and_left_alone(
    tree: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otterwiki_engine.locks.GIT_LOCK_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(GitLock.__init__, "__defaults__", (0.05,))
    lock = tree.git_dir / "index.lock"
    lock.write_bytes(b"")
    with pytest.raises(RepositoryBusy, match=r"index\.lock exists"):
        tree.commit({"Home.md": b"x\n"}, base=None, author=BOB, message="m")
    assert lock.exists()
    lock.unlink()
    tree.commit({"Home.md": b"x\n"}, base=None, author=BOB, message="m")
    assert status(tree) == ""


def test_a_lock_left_by_a_killed_process_of_ours_is_removed(tree: Repository) -> None:
    own = tree.state_dir / "held" / "index"
    own.parent.mkdir(exist_ok=True)
    own.write_bytes(b"")
    (tree.git_dir / "index.lock").hardlink_to(own)
    tree.commit({"Home.md": b"x\n"}, base=None, author=BOB, message="m")
    assert status(tree) == ""
    assert not (tree.git_dir / "index.lock").exists()


def test_a_commit_interrupted_after_the_branch_moved_is_finished(
    tree: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a power cut: the branch has the save, files and index have not."""
    assert tree.work_tree is not None

    def power_cut(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tree.work_tree, "write_files", power_cut)
        tree.commit({"Home.md": b"new\n", "x/y.md": b"y\n"}, base=None, author=BOB, message="cut")
    # a shell can't undo the save now: the index is locked until the next save repairs it
    (root(tree) / "z.md").write_text("z\n")
    refused = subprocess.run(
        ["git", "-C", str(root(tree)), "add", "z.md"], capture_output=True, check=False
    )
    assert b"index.lock" in refused.stderr
    tree.commit({"notes/a.md": b"next\n"}, base=None, author=ALICE, message="next")
    assert status(tree) == "?? z.md\n"
    assert (root(tree) / "Home.md").read_text() == "new\n"
    assert git(tree, "log", "-1", "--format=%an", "--name-only").split() == [
        "alice.test",
        "notes/a.md",
    ]


def test_an_edit_made_after_an_interrupted_commit_is_kept(
    tree: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tree.work_tree is not None

    def power_cut(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(tree.work_tree, "write_files", power_cut)
        tree.commit({"Home.md": b"new\n"}, base=None, author=BOB, message="cut")
    (root(tree) / "Home.md").write_text("somebody's edit\n")
    tree.commit({"notes/a.md": b"next\n"}, base=None, author=ALICE, message="next")
    assert (root(tree) / "Home.md").read_text() == "somebody's edit\n"
    assert tree.snapshot().read("Home.md") == b"new\n"


def test_a_split_index_is_refused_with_advice(tree: Repository) -> None:
    git(tree, "update-index", "--split-index")
    with pytest.raises(RepositoryDamaged, match="split or sparse index"):
        tree.commit({"Home.md": b"x\n"}, base=None, author=BOB, message="m")
