"""A killed import leaves nothing for long, and a running one is left alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository
from otterwiki_robot.transfer.workspace import remove_leftovers, workspace

from .histories import git

_KILLED = """
import os, sys
from pathlib import Path
from otterwiki_robot.transfer.workspace import workspace
with workspace(Path(sys.argv[1])) as work:
    (work.folder / "data").write_text("x")
    print(work.ref, flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def wiki(new_repository: Callable[[str], Repository], author: Author) -> Repository:
    repository = new_repository("wiki")
    repository.commit({"Home.md": b"x\n"}, base=None, author=author, message="one")
    return repository


def test_a_workspace_is_gone_afterwards_even_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), workspace(tmp_path) as work:
        (work.folder / "sub").mkdir()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_import_are_removed(wiki: Repository, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = subprocess.run([sys.executable, "-c", _KILLED, str(run)], capture_output=True, text=True)
    assert done.returncode == -9
    ref = done.stdout.strip()
    git(wiki.git_dir, "update-ref", ref, "HEAD")
    assert len(list(run.iterdir())) == 2
    removed = remove_leftovers(run, [wiki.git_dir])
    assert len(removed) == 2
    assert list(run.iterdir()) == []
    assert git(wiki.git_dir, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert remove_leftovers(run, [wiki.git_dir]) == []


def test_a_packed_ref_is_found_too(wiki: Repository, tmp_path: Path) -> None:
    git(wiki.git_dir, "update-ref", "refs/robot/import-0123456789abcdef", "HEAD")
    git(wiki.git_dir, "pack-refs", "--all")
    (tmp_path / "run").mkdir()
    assert len(remove_leftovers(tmp_path / "run", [wiki.git_dir])) == 1
    assert "refs/robot" not in git(wiki.git_dir, "for-each-ref")


def test_a_running_import_is_left_alone(wiki: Repository, tmp_path: Path) -> None:
    with workspace(tmp_path / "run") as work:
        git(wiki.git_dir, "update-ref", work.ref, "HEAD")
        (work.folder / "data").write_text("x")
        assert remove_leftovers(tmp_path / "run", [wiki.git_dir]) == []
        assert (work.folder / "data").exists()
        assert work.ref in git(wiki.git_dir, "for-each-ref")


def test_other_files_in_the_folder_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "import-notes").mkdir()
    (tmp_path / "skeleton").mkdir()
    assert remove_leftovers(tmp_path, []) == []
    assert len(list(tmp_path.iterdir())) == 2
