"""The storage stand-in: the same interface as Otterwiki's own, on committed content only."""

from __future__ import annotations

import inspect
import threading
from pathlib import Path

import pytest
from otterwiki.gitstorage import (
    GitStorage,
    StorageError,
    StorageErrorEncoding,
    StorageNotFound,
    StorageUnsafePath,
)
from small_wikis import make_bare

from otterwiki_engine.errors import Conflict
from otterwiki_engine.paths import NO_COMMIT
from otterwiki_engine.storage import StorageConflict, WikiStorage
from otterwiki_engine.wiki import Wiki

AUTHOR = ("Alice", "alice@example.org")


@pytest.fixture(params=["bare", "worktree"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> WikiStorage:
    """The storage of one wiki, of both kinds."""
    if request.param == "worktree":
        (tmp_path / "wiki").mkdir()
        return WikiStorage(str(tmp_path / "wiki"), initialize=True)
    make_bare(tmp_path / "wiki").close()
    return WikiStorage(str(tmp_path / "wiki" / "repo.git"))


@pytest.fixture
def other_storage(tmp_path: Path) -> WikiStorage:
    """The storage of another wiki."""
    (tmp_path / "other").mkdir()
    storage = WikiStorage(str(tmp_path / "other"), initialize=True)
    storage.store("Home.md", "other's home\n", author=AUTHOR)
    return storage


def public_methods(kind: type) -> dict[str, object]:
    return {
        name: member
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_contract_every_public_method_of_upstream_is_ours() -> None:
    """Fails when upstream adds a method, or changes how one is called."""
    ours = public_methods(WikiStorage)
    for name, method in public_methods(GitStorage).items():
        assert ours[name] is not method, f"{name} is still upstream's"
        theirs = list(inspect.signature(method).parameters)  # type: ignore[arg-type]
        mine = list(inspect.signature(ours[name]).parameters)  # type: ignore[arg-type]
        assert mine == theirs, name


def test_contract_no_private_helper_of_upstream_is_reachable(storage: WikiStorage) -> None:
    """The only private methods other modules call are ours; the rest would read the work tree."""
    upstream = {name for name in vars(GitStorage) if name.startswith("_") and name[1] != "_"}
    own = [kind for kind in WikiStorage.__mro__ if kind not in (GitStorage, object)]
    ours = {name for kind in own for name in vars(kind) if name.startswith("_")}
    assert upstream - ours == {
        "_check_reload",
        "_get_commit",
        "_get_metadata_of_commit",
        "_get_metadata_of_log",
        "_known_paths",
        "_read_repo",
        "_validate_revision",
    }


def test_store_load_and_metadata(storage: WikiStorage, other_storage: WikiStorage) -> None:
    assert storage.store("a/Page.md", "täxt\r\nx\n", message="m", author=AUTHOR)
    assert not storage.store("a/Page.md", "täxt\r\nx\n", message="m", author=AUTHOR)
    assert storage.load("a/Page.md") == "täxt\nx\n"
    assert storage.load("a/Page.md", mode="rb") == "täxt\r\nx\n".encode()
    assert storage.load("a/Page.md", size=2) == "tä"
    metadata = storage.metadata("a/Page.md")
    assert (metadata["author_name"], metadata["author_email"]) == AUTHOR
    assert metadata["message"] == "m"
    assert metadata["revision-full"].startswith(metadata["revision"])
    assert len(metadata["revision"]) == 6
    assert metadata["datetime"].tzinfo is not None
    assert storage.log("a/Page.md")[0]["files"] == ["a/Page.md"]
    assert not other_storage.exists("a/Page.md")
    with pytest.raises(StorageNotFound):
        other_storage.load("a/Page.md", revision=metadata["revision-full"])


def test_binary_content_is_not_text(storage: WikiStorage) -> None:
    storage.store("x.bin", b"\xff\xfe\x00", mode="wb", author=AUTHOR)
    assert storage.load("x.bin", mode="rb") == b"\xff\xfe\x00"
    with pytest.raises(StorageErrorEncoding):
        storage.load("x.bin")


@pytest.mark.parametrize("path", ["../x.md", "/etc/passwd", ".git/config", "a/.GIT/x", "a\nb"])
def test_f2_unsafe_paths_do_not_exist(storage: WikiStorage, path: str) -> None:
    assert not storage.exists(path)
    assert not storage.isdir(path)
    with pytest.raises(StorageUnsafePath):
        storage.load(path)
    with pytest.raises(StorageUnsafePath):
        storage.store(path, "x", author=AUTHOR)
    with pytest.raises(StorageUnsafePath):
        storage.rename("Home.md", path)


def test_list_is_relative_sorted_and_knows_depth(storage: WikiStorage) -> None:
    storage.commit_files(
        {"a.md": b"", "d/b.md": b"", "d/e/c.md": b"", "d/e/f/x.png": b"1"}, author=AUTHOR
    )
    assert storage.list() == (
        ["a.md", "d/b.md", "d/e/c.md", "d/e/f/x.png"],
        ["d", "d/e", "d/e/f"],
    )
    assert storage.list("d", depth=0) == (["b.md"], ["e"])
    assert storage.list("d", depth=1) == (["b.md", "e/c.md"], ["e", "e/f"])
    assert storage.list("d/", exclude=["f"]) == (["b.md", "e/c.md"], ["e"])
    assert storage.list("nowhere") == ([], [])
    with pytest.raises(ValueError, match="absolute"):
        storage.list("/etc")


def test_rename_with_rewritten_pages_is_one_commit(storage: WikiStorage) -> None:
    """The sequence Otterwiki's rename with backlinks makes."""
    storage.commit_files({"Old.md": b"see [[Old]]", "Old/x.png": b"1", "b.md": b"[[Old]]"})
    before = len(storage.log())
    storage.rename("Old", "New", no_commit=True)
    storage.rename("Old.md", "New.md", no_commit=True)
    assert storage.list()[0] == ["New.md", "New/x.png", "b.md"]
    assert storage.load("New.md") == "see [[Old]]"
    assert storage.update("New.md", "see [[New]]")
    assert storage.update("b.md", "[[New]]")
    storage.commit(["New.md", "New", "b.md"], "renamed", AUTHOR, no_add=True)
    assert len(storage.log()) == before + 1
    assert storage.list()[0] == ["New.md", "New/x.png", "b.md"]
    assert storage.load("b.md") == "[[New]]"
    assert storage.log("New/x.png")[-1]["files"] == ["Old.md", "Old/x.png", "b.md"]


def test_a_half_made_rename_is_dropped(storage: WikiStorage) -> None:
    storage.commit_files({"Old.md": b"x"})
    storage.rename("Old.md", "New.md", no_commit=True)
    storage.restore(["Old.md", "New.md"])
    assert storage.list()[0] == ["Old.md"]
    with pytest.raises(StorageError, match="already exist"):
        storage.rename("Old.md", "Old.md")
    with pytest.raises(StorageError, match="failed"):
        storage.rename("missing.md", "x.md")


def test_what_one_thread_staged_no_other_thread_sees(storage: WikiStorage) -> None:
    storage.commit_files({"Old.md": b"x"})
    storage.rename("Old.md", "New.md", no_commit=True)
    seen: list[tuple[list[str], list[str]]] = []
    thread = threading.Thread(target=lambda: seen.append(storage.list()))
    thread.start()
    thread.join()
    assert seen == [(["Old.md"], [])]


def test_a_staged_change_overtaken_by_another_save_is_refused(storage: WikiStorage) -> None:
    storage.commit_files({"Old.md": b"x", "b.md": b"1"})
    storage.update("b.md", "staged")
    thread = threading.Thread(target=lambda: storage.store("b.md", "overtaken", author=AUTHOR))
    thread.start()
    thread.join()
    with pytest.raises(StorageConflict):
        storage.commit(["b.md"], "m", AUTHOR, no_add=True)
    assert storage.load("b.md") == "overtaken"
    storage.store("Old.md", "y", author=AUTHOR)  # nothing staged is left behind
    assert storage.load("b.md") == "overtaken"


def test_delete_files_and_folders(storage: WikiStorage) -> None:
    storage.commit_files({"a.md": b"", "a/x.png": b"1", "b.md": b""})
    storage.delete(["a.md", "a", "missing.md"], message=None, author=AUTHOR)
    assert storage.list() == (["b.md"], [])
    count = len(storage.log())
    storage.delete("missing.md", author=AUTHOR)
    assert len(storage.log()) == count


def test_saves_with_a_base_merge_or_conflict(storage: WikiStorage) -> None:
    assert storage.pinned_revision() == NO_COMMIT
    storage.store("a.md", "1\n2\n3\n", author=AUTHOR)
    base = storage.pinned_revision()
    storage.store("a.md", "one\n2\n3\n", author=AUTHOR)
    result = storage.store_with_base("a.md", "1\n2\nthree\n", base=base, message="m", author=AUTHOR)
    assert result.merged == ("a.md",)
    assert storage.load("a.md") == "one\n2\nthree\n"
    with pytest.raises(Conflict):
        storage.store_with_base("a.md", "eins\n2\n3\n", base=base, message="m", author=AUTHOR)


@pytest.mark.parametrize("revision", ["-", "--output=/tmp/x", "HEAD~1", "", "zz", "main", "abc"])
def test_f1_bad_revisions_are_not_found(storage: WikiStorage, revision: str) -> None:
    storage.store("a.md", "1", author=AUTHOR)
    for call in (
        lambda: storage.load("a.md", revision=revision),
        lambda: storage.metadata("a.md", revision=revision),
        lambda: storage.diff(revision, "HEAD"),
        lambda: storage.show_commit(revision),
        lambda: storage.revert(revision),
        lambda: storage.restore(["a.md"], revision),
    ):
        with pytest.raises(StorageNotFound):
            call()


def test_housekeeping_calls_git(storage: WikiStorage) -> None:
    for n in range(3):
        storage.store("a.md", str(n), author=AUTHOR)
    assert "count: " in storage.count_objects()
    storage.gc()
    assert "count: 0" in storage.count_objects()
    assert storage.load("a.md") == "2"
    assert storage.store("a.md", "after", author=AUTHOR)


def test_an_old_name_is_found_at_an_old_revision(storage: WikiStorage) -> None:
    storage.store("old.md", "text of some length\n" * 5, author=AUTHOR)
    old = storage.log()[0]["revision-full"]
    storage.rename("old.md", "new.md", message="moved", author=AUTHOR)
    assert storage.get_filename_at_revision("new.md", old[:6]) == "old.md"
    assert [entry["message"] for entry in storage.log("new.md")] == ["moved", ""]
    assert storage.get_parent_revision("new.md", storage.log()[0]["revision"]) == old[:6]
    assert Wiki is type(storage.wiki)
