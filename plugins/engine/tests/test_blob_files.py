"""Immutable copies of committed blobs: complete, checked, and never needed to survive."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from small_wikis import ALICE

from otterwiki_engine import blob_files
from otterwiki_engine.blob_files import blob_file
from otterwiki_engine.repository import Repository
from otterwiki_engine.wiki import Wiki


@pytest.fixture
def wiki(repository: Repository) -> Wiki:
    repository.commit({"a.bin": b"content\0"}, base=None, author=ALICE, message="m")
    return Wiki(repository)


def blob_id(wiki: Wiki) -> str:
    entry = wiki.repository.snapshot().get("a.bin")
    assert entry is not None
    return entry.blob_id


def forget() -> None:
    """What a new process would start with."""
    blob_files._checked = blob_files._Checked()


def test_the_file_is_named_by_its_content_and_stays(wiki: Wiki, other: Repository) -> None:
    path = blob_file(wiki, blob_id(wiki))
    assert path == wiki.files_dir / blob_id(wiki)[:2] / blob_id(wiki)
    assert path.read_bytes() == b"content\0"
    before = path.stat()
    assert blob_file(wiki, blob_id(wiki)) == path
    forget()
    assert blob_file(wiki, blob_id(wiki)).stat().st_ino == before.st_ino
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    assert not (other.state_dir / "files").exists()


def test_it_may_be_deleted_at_any_moment(wiki: Wiki) -> None:
    path = blob_file(wiki, blob_id(wiki))
    path.unlink()
    assert blob_file(wiki, blob_id(wiki)).read_bytes() == b"content\0"
    path.unlink()
    path.parent.rmdir()
    path.parent.parent.rmdir()
    assert blob_file(wiki, blob_id(wiki)).read_bytes() == b"content\0"


@pytest.mark.parametrize("damaged", [b"", b"content", b"CONTENT\0", b"content\0\0"])
def test_a_copy_a_crash_left_behind_is_not_believed(wiki: Wiki, damaged: bytes) -> None:
    path = blob_file(wiki, blob_id(wiki))
    path.write_bytes(damaged)
    forget()
    assert blob_file(wiki, blob_id(wiki)).read_bytes() == b"content\0"


def test_a_deleted_wiki_is_not_brought_back(wiki: Wiki, tmp_path: Path) -> None:
    name = blob_id(wiki)
    wiki.repository.blob(name)
    wiki.repository.state_dir.rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        blob_file(wiki, name)
    assert not wiki.repository.state_dir.exists()


def test_threads_and_an_emptied_folder(wiki: Wiki) -> None:
    name = blob_id(wiki)
    failures: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        try:
            for _ in range(150):
                assert blob_file(wiki, name).name == name
        except BaseException as error:  # noqa: BLE001  reported below
            failures.append(error)

    def empty() -> None:
        while not done.is_set():
            (wiki.files_dir / name[:2] / name).unlink(missing_ok=True)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    sweeper = threading.Thread(target=empty)
    for thread in [sweeper, *askers]:
        thread.start()
    for thread in askers:
        thread.join()
    done.set()
    sweeper.join()
    assert failures == []
    assert blob_file(wiki, name).read_bytes() == b"content\0"


def test_the_copies_of_one_wiki_stay_below_a_size(
    wiki: Wiki, other: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """History may unpack to a thousand times its size: old versions of an attachment of zeros."""
    monkeypatch.setattr(blob_files, "MOST_BYTES", 10_000)
    elsewhere = Wiki(other)
    kept = blob_file(elsewhere, other.snapshot().entries["Home.md"].blob_id)
    for number in range(20):
        content = bytes([number]) + b"\0" * 2_000
        wiki.repository.commit({"a.bin": content}, base=None, author=ALICE, message="m")
        assert blob_file(wiki, blob_id(wiki)).read_bytes() == content
        sizes = [path.stat().st_size for path in wiki.files_dir.glob("*/*")]
        assert sum(sizes) <= 10_000
    assert len(sizes) == 4
    assert kept.exists()
