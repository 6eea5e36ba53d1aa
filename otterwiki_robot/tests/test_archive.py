"""Zip files from strangers: what is read, what is left out, what is refused as a whole."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository
from otterwiki_robot.transfer.archive import read_archive
from otterwiki_robot.transfer.checks import Limits
from otterwiki_robot.transfer.committing import commit_files
from otterwiki_robot.transfer.errors import TransferRefused
from otterwiki_robot.transfer.files import FileSet, screen
from otterwiki_robot.transfer.git import Progress

from .histories import git
from .zips import END, PNG, announcing, encrypted, forged, with_entry, zip_of

LIMITS = Limits(page_bytes=1000, attachment_bytes=5000, repository_bytes=100_000, files=50)


def read(stream: io.BytesIO) -> FileSet:
    return read_archive(stream, "notes.zip", LIMITS)


def contents(found: FileSet) -> dict[str, bytes]:
    result = {}
    for file in found.files:
        with file.open() as stream:
            result[file.path] = stream.read()
    return result


def reasons(found: FileSet) -> dict[str, str]:
    return {problem.path: problem.reason for problem in found.left_out}


def test_files_come_as_they_are() -> None:
    found = read(zip_of({"Home.md": b"# Home\n", "a/pic.png": PNG, "a/": b""}))
    assert contents(found) == {"Home.md": b"# Home\n", "a/pic.png": PNG}
    assert (found.taken_off, found.left_out) == ("", ())


def test_the_folder_around_everything_is_taken_off() -> None:
    found = read(zip_of({"My vault/Home.md": b"h", "My vault/a/b.md": b"b", "__MACOSX/x": b""}))
    assert set(contents(found)) == {"Home.md", "a/b.md"}
    assert found.taken_off == "My vault"


def test_hidden_things_stay_behind_and_are_listed() -> None:
    found = read(
        zip_of(
            {
                "v/Home.md": b"h", "v/.obsidian/app.json": b"{}", "v/.obsidian/p/main.js": b"",
                "v/.trash/old.md": b"", "v/a/.DS_Store": b"", "__MACOSX/v/._Home.md": b"",
                "v/a/.git/config": b"[core]", "v/Thumbs.db": b"",
            }
        )
    )  # fmt: skip
    assert set(contents(found)) == {"Home.md"}
    assert reasons(found) == {
        "v/.obsidian/": "is a hidden folder (2 files)",
        "v/.trash/": "is a hidden folder (1 file)",
        "v/a/.DS_Store": "is a hidden file",
        "__MACOSX/": "is a hidden folder (1 file)",
        "v/a/.git/": "is a hidden folder (1 file)",
        "v/Thumbs.db": "is a hidden file",
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.md", "leads out"),
        ("a/../../evil.md", "leads out"),
        ("a\\..\\..\\evil.md", "leads out"),
        ("/etc/cron.d/evil", "outside"),
        ("\\\\server\\share", "outside"),
        ("C:/Windows/evil.md", "outside"),
        ("c:evil.md", "outside"),
        ("good.md\0.exe", "NUL"),
    ],
)
def test_f2_names_that_lead_elsewhere_refuse_the_whole_file(name: str, reason: str) -> None:
    with pytest.raises(TransferRefused) as refused:
        read(with_entry(name))
    (problem,) = refused.value.problems
    assert reason in problem.reason
    assert str(refused.value).isprintable()


def test_f3_symbolic_links_and_devices_are_left_out() -> None:
    found = read(with_entry("link.md", b"/etc/passwd", stat.S_IFLNK | 0o777))
    assert set(contents(found)) == {"Home.md"}
    assert reasons(found) == {"link.md": "is a symbolic link"}
    found = read(with_entry("fifo", b"", stat.S_IFIFO | 0o644))
    assert reasons(found) == {"fifo": "is neither a file nor a folder"}


def test_the_same_name_twice_is_refused() -> None:
    stream = zip_of({"Home.md": b"1"})
    with zipfile.ZipFile(stream, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("Home.md", b"2")
    with pytest.raises(TransferRefused, match="twice"):
        read(stream)


def test_locked_and_oddly_compressed_files_are_refused() -> None:
    with pytest.raises(TransferRefused, match="password"):
        read(encrypted(zip_of({"Home.md": b"x"})))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(TransferRefused, match="plain zip"):
            read(zip_of({"Home.md": b"x"}, method))


@pytest.mark.parametrize("raw", [b"", b"PK", b"Rar!\x1a\x07\x00", b"\x00" * 5000, b"PK\x05\x06"])
def test_what_is_no_zip_file_is_refused(raw: bytes) -> None:
    with pytest.raises(TransferRefused, match="not a zip file"):
        read(io.BytesIO(raw))


def test_g4_a_bomb_is_refused_by_what_it_announces() -> None:
    with pytest.raises(TransferRefused, match="unpacks to"):
        read(zip_of({"big.bin": b"\0" * 200_000}))


def test_g4_a_bomb_that_announces_less_gives_no_more_than_that(
    tmp_path: Path, author: Author, progress: Progress
) -> None:
    """The checksum is of all the bytes, so such a file is damaged: nothing comes of it."""
    stream = announcing(zip_of({"big.bin": b"\0" * 20_000_000}), 100)
    found = read(stream)
    private = Repository.create(tmp_path / "repo.git", state_dir=tmp_path)
    with pytest.raises(TransferRefused, match="damaged"):
        commit_files(
            found.files, private.git_dir,
            author=author, message="m", max_bytes=1000, progress=progress,
        )  # fmt: skip
    private.close()
    assert git(tmp_path / "repo.git", "for-each-ref") == ""
    with found.files[0].open() as file, pytest.raises(TransferRefused):
        while file.read(50):
            pass


def test_too_many_files_are_refused() -> None:
    with pytest.raises(TransferRefused, match="51 files"):
        read(zip_of({f"p{number}.md": b"" for number in range(51)}))


def test_a_list_of_millions_is_not_even_read() -> None:
    """Twelve megabytes of directory: refused before it becomes objects in memory."""
    raw = io.BytesIO(b"\0" * 12_000_000 + zip_of({"a.md": b""}).getvalue())
    stream = forged(raw, 12, struct.pack("<II", 12_000_000, 0), END)
    with pytest.raises(TransferRefused, match="far more files"):
        read(stream)


def test_a_truncated_entry_is_refused(tmp_path: Path) -> None:
    raw = bytearray(zip_of({"a.md": b"hello " * 50}, zipfile.ZIP_STORED).getvalue())
    raw[60] ^= 0xFF
    found = read(io.BytesIO(bytes(raw)))
    with pytest.raises(TransferRefused, match=r"a\.md is damaged"):
        contents(found)


@pytest.mark.parametrize(
    ("raw", "utf8", "expected"),
    [
        ("Äpfel.md".encode("cp437"), False, "Äpfel.md"),
        ("Äpfel.md".encode(), False, "Äpfel.md"),  # as macOS writes it
        ("Äpfel.md".encode(), True, "Äpfel.md"),
        ("A\u0308pfel.md".encode(), True, "Äpfel.md"),  # decomposed
        ("日本.md".encode(), False, "日本.md"),
    ],
)
def test_names_are_read_in_the_encodings_there_are(raw: bytes, utf8: bool, expected: str) -> None:
    placeholder = "#" * len(raw)
    stream = zip_of({placeholder: b"x"}, zipfile.ZIP_STORED)
    data = stream.getvalue().replace(placeholder.encode(), raw)
    stream = io.BytesIO(data)
    if utf8:
        stream = forged(
            forged(stream, 8, b"\x00\x08", b"PK\x01\x02"), 6, b"\x00\x08", b"PK\x03\x04"
        )
    assert set(contents(read(stream))) == {expected}


def test_what_a_wiki_could_not_hold_is_left_out_with_its_reason() -> None:
    found = read(
        zip_of(
            {
                "Home.md": b"h", "Long.md": b"x" * 1001, "big.bin": b"x" * 5001,
                "Latin.md": b"\xff\xfe", "Twice.md": b"1", "twice.md": b"2", "notes/edit.md": b"e",
                "health.md": b"h", "-rf.md": b"r", "a\x07.md": b"a", "sub/x.md": b"1",
                "SUB/y.md": b"2", "not.png": b"GIF89a", "is.PNG": PNG, "b\\c.md": b"",
                "lfs.png": b"version https://git-lfs.github.com/spec/v1\n",
            }
        )
    )  # fmt: skip
    kept, left_out = screen(found.files, LIMITS)
    assert [file.path for file in kept] == ["Home.md", "SUB/y.md", "Twice.md", "is.PNG"]
    told = {problem.path: problem.reason for problem in left_out}
    assert set(told) == {
        "Long.md", "big.bin", "Latin.md", "twice.md", "notes/edit.md", "health.md", "-rf.md",
        "a\x07.md", "sub/x.md", "not.png", "lfs.png", "b\\c.md",
    }  # fmt: skip
    assert "LFS" in told["lfs.png"] and "PNG" in told["not.png"]
    assert "SUB in case only" in told["sub/x.md"]
