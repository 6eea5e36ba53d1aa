"""A work tree beside us: files and index stay right, other people's edits stay theirs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from small_wikis import ALICE, BOB, make_work_tree

from otterwiki_engine import git_index
from otterwiki_engine.errors import (
    BadPath,
    RepositoryBusy,
    RepositoryDamaged,
    UncommittedChanges,
)
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
    (tree.state_dir / "recent.json").unlink()  # as after a few seconds
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
        patch.setattr(tree.work_tree.files, "write", power_cut)
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


def test_opening_a_wiki_repairs_what_a_killed_writer_left(
    tree: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tree.work_tree is not None

    def power_cut(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tree.work_tree.files, "write", power_cut)
        tree.commit({"Home.md": b"new\n"}, base=None, author=BOB, message="cut")
    assert (tree.git_dir / "index.lock").exists()
    Repository(tree.git_dir, work_tree=root(tree)).repair()
    assert not (tree.git_dir / "index.lock").exists()
    assert status(tree) == ""


def test_an_edit_made_after_an_interrupted_commit_is_kept(
    tree: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tree.work_tree is not None

    def power_cut(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(tree.work_tree.files, "write", power_cut)
        tree.commit({"Home.md": b"new\n"}, base=None, author=BOB, message="cut")
    (root(tree) / "Home.md").write_text("somebody's edit\n")
    tree.commit({"notes/a.md": b"next\n"}, base=None, author=ALICE, message="next")
    assert (root(tree) / "Home.md").read_text() == "somebody's edit\n"
    assert tree.snapshot().read("Home.md") == b"new\n"


def test_an_old_index_put_back_by_git_is_noticed(tree: Repository) -> None:
    """`git commit` that read the index before our save and was suspended until long after it."""
    old_index = (tree.git_dir / "index").read_bytes()
    tree.commit({"Home.md": b"between\n"}, base=None, author=BOB, message="m")
    tree.commit(
        {"Home.md": b"new\n", "notes/a.md": None, "b.md": b"b\n"},
        base=None,
        author=BOB,
        message="m",
    )
    (tree.git_dir / "index").write_bytes(old_index)
    assert status(tree) != ""
    tree.commit({"c.md": b"c\n"}, base=None, author=ALICE, message="next")
    assert status(tree) == ""
    assert git(tree, "show", "HEAD:Home.md") == "new\n"


def test_a_split_index_is_refused_with_advice(tree: Repository) -> None:
    git(tree, "update-index", "--split-index")
    with pytest.raises(RepositoryDamaged, match="split or sparse index"):
        tree.commit({"Home.md": b"x\n"}, base=None, author=BOB, message="m")


SWAPS = [({"a": b"1\n"}, {"a": None, "a/b": b"2\n"}), ({"a/b": b"1\n"}, {"a/b": None, "a": b"2\n"})]


@pytest.mark.parametrize("step", ["write", "_write_file", "forget_journal", "updated"])
@pytest.mark.parametrize(("first", "swap"), SWAPS, ids=["folder", "file"])
def test_an_interrupted_swap_of_file_and_folder_is_finished(
    tree: Repository,
    other: Repository,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    first: dict[str, bytes | None],
    swap: dict[str, bytes | None],
) -> None:
    tree.commit(first, base=None, author=ALICE, message="first")
    assert tree.work_tree is not None
    owner = {"updated": git_index, "forget_journal": tree.work_tree}.get(step, tree.work_tree.files)

    def power_cut(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, power_cut)
        tree.commit(swap, base=None, author=BOB, message="swap")
    tree.commit({"Home.md": b"next\n"}, base=None, author=ALICE, message="next")
    assert status(tree) == ""
    git(tree, "fsck", "--full", "--strict")
    assert other.snapshot().files() == ["Home.md"]


def test_a_file_put_in_the_way_of_an_interrupted_swap_is_kept(
    tree: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.commit({"a": b"1\n"}, base=None, author=ALICE, message="first")

    def power_cut(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(tree.work_tree.files, "write", power_cut)
        tree.commit({"a": None, "a/b": b"2\n"}, base=None, author=BOB, message="swap")
    (root(tree) / "a").write_text("somebody's\n")
    tree.commit({"Home.md": b"next\n"}, base=None, author=ALICE, message="next")
    assert (root(tree) / "a").read_text() == "somebody's\n"
    assert tree.snapshot().read("a/b") == b"2\n"


def test_a_begun_commit_that_git_has_removed_is_forgotten(
    tree: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tree, "_move_branch", killed)
        tree.commit({"Home.md": b"cut\n"}, base=None, author=BOB, message="cut")
    git(tree, "gc", "--quiet", "--prune=now")
    again = Repository(tree.git_dir, work_tree=root(tree))
    again.commit({"Home.md": b"next\n"}, base=None, author=BOB, message="next")
    assert status(tree) == ""


def test_a_shell_that_commits_just_before_our_lock_is_no_conflict(
    tree: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tree.work_tree is not None
    prepared = tree.work_tree.prepared

    def overtaken(*arguments: Any) -> Any:
        monkeypatch.setattr(tree.work_tree, "prepared", prepared)
        (root(tree) / "shell.md").write_text("shell\n")
        git(tree, "add", "shell.md")
        git(tree, "commit", "-m", "by shell")
        return prepared(*arguments)

    monkeypatch.setattr(tree.work_tree, "prepared", overtaken)
    tree.commit({"Home.md": b"x\n"}, base=None, author=BOB, message="by us")
    assert git(tree, "log", "-2", "--format=%s").split("\n")[:2] == ["by us", "by shell"]
    assert status(tree) == ""


def test_a_linked_work_tree_has_its_own_branch(tree: Repository, tmp_path: Path) -> None:
    git(tree, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    main = tree.head()
    side = Repository(tmp_path / "side" / ".git", work_tree=tmp_path / "side")
    made = side.commit({"side.md": b"s\n"}, base=None, author=BOB, message="m")
    assert tree.head() == main
    assert git(tree, "rev-parse", "side", "main").split() == [made.revision, main]
    assert (status(tree), status(side)) == ("", "")
    git(side, "switch", "--quiet", "--detach")
    assert side.commit({"x.md": b"x\n"}, base=None, author=BOB, message="m").parent == made.revision
    assert git(tree, "rev-parse", "side", "main").split() == [made.revision, main]
    assert status(side) == ""


def test_the_folder_given_may_be_a_symbolic_link(tree: Repository, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root(tree))
    linked = Repository(tmp_path / "link" / ".git", work_tree=tmp_path / "link")
    linked.commit({"Home.md": b"by the link\n"}, base=None, author=BOB, message="m")
    assert status(tree) == ""


def test_f3_a_pipe_in_the_work_tree_holds_nobody_up(tree: Repository) -> None:
    (root(tree) / "Home.md").unlink()
    os.mkfifo(root(tree) / "Home.md")
    with pytest.raises(BadPath, match="special file"):
        tree.commit({"Home.md": b"x\n"}, base=None, author=BOB, message="m")


@pytest.mark.parametrize("size_bytes", [0, 40])
def test_an_index_cut_off_by_a_power_cut_is_named(tree: Repository, size_bytes: int) -> None:
    os.truncate(tree.git_dir / "index", size_bytes)
    with pytest.raises(RepositoryDamaged, match="index is damaged"):
        tree.commit({"Home.md": b"x\n"}, base=None, author=BOB, message="m")
    (tree.git_dir / "index").unlink()
    git(tree, "reset", "--quiet")
    tree.commit({"Home.md": b"x\n"}, base=None, author=BOB, message="m")
    assert status(tree) == ""
