"""Exports: complete or not there, never over something that exists."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from otterwiki_engine.authorship import Author
from otterwiki_engine.errors import NotFound
from otterwiki_engine.repository import Repository
from otterwiki_robot.transfer.errors import TransferRefused
from otterwiki_robot.transfer.exporting import export
from otterwiki_robot.transfer.git import Progress

from .histories import git

FILES = {"Home.md": b"# Home\n", "sub/p\xc3\xa4ge.md".encode("latin-1").decode(): b"x\n"}


@pytest.fixture
def wiki(new_repository: Callable[[str], Repository], author: Author) -> Repository:
    repository = new_repository("wiki")
    repository.commit({"Old.md": b"old\n"}, base=None, author=author, message="one")
    repository.commit({"Old.md": None, **FILES}, base=None, author=author, message="two")
    return repository


def test_a_bundle_holds_the_whole_history(
    wiki: Repository, tmp_path: Path, progress: Progress
) -> None:
    target = tmp_path / "out.bundle"
    assert export(wiki, target, progress) == target.stat().st_size
    git(tmp_path, "clone", "-q", str(target), "clone")
    assert git(tmp_path / "clone", "rev-parse", "HEAD") == wiki.head()
    assert git(tmp_path / "clone", "log", "--format=%s").split() == ["two", "one"]
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_a_zip_holds_the_files_as_they_are_now(
    wiki: Repository, tmp_path: Path, progress: Progress
) -> None:
    export(wiki, tmp_path / "out.zip", progress)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert archive.testzip() is None


@pytest.mark.parametrize("name", ["out.zip", "out.bundle"])
def test_nothing_is_overwritten(
    wiki: Repository, tmp_path: Path, progress: Progress, name: str
) -> None:
    target = tmp_path / name
    target.write_text("mine")
    with pytest.raises(TransferRefused, match="exists already"):
        export(wiki, target, progress)
    target.unlink()
    target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransferRefused, match="exists already"):
        export(wiki, target, progress)
    assert not (tmp_path / "elsewhere").exists()


def test_a_name_taken_meanwhile_is_not_overwritten(wiki: Repository, tmp_path: Path) -> None:
    target = tmp_path / "out.zip"
    with pytest.raises(TransferRefused, match="meanwhile"):
        export(wiki, target, lambda *_: target.write_text("theirs") and None)
    assert target.read_text() == "theirs"
    assert list(tmp_path.glob(".out*")) == []


def test_a_failed_export_leaves_nothing(
    wiki: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise NotFound("a page is missing")

    with pytest.raises(NotFound):
        export(wiki, tmp_path / "out.zip", stop)
    assert [path.name for path in tmp_path.iterdir()] == ["repositories"]


@pytest.mark.parametrize(
    ("name", "expected"), [("out.tar", r"\.bundle .* or \.zip"), ("no/out.zip", "not a folder")]
)
def test_other_targets_are_refused(
    wiki: Repository, tmp_path: Path, progress: Progress, name: str, expected: str
) -> None:
    with pytest.raises(TransferRefused, match=expected):
        export(wiki, tmp_path / name, progress)


def test_an_empty_wiki_has_nothing_to_export(
    new_repository: Callable[[str], Repository], tmp_path: Path, progress: Progress
) -> None:
    with pytest.raises(TransferRefused, match="no pages yet"):
        export(new_repository("empty"), tmp_path / "x.zip", progress)
