"""What the operator typed: a folder, something git can fetch, or a refusal that helps."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from otterwiki_robot.transfer.errors import TransferRefused
from otterwiki_robot.transfer.sources import Folder, GitSource, find_source


def test_a_folder_a_repository_and_a_bundle_are_told_apart(tmp_path: Path) -> None:
    folder, work_tree, bare = tmp_path / "notes", tmp_path / "tree", tmp_path / "bare.git"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(work_tree)], check=True)
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    bundle = tmp_path / "wiki.bundle"
    bundle.write_bytes(b"# v2 git bundle\n")
    assert find_source(str(folder)) == Folder(folder)
    assert find_source(str(work_tree)) == GitSource(str(work_tree), "file")
    assert find_source(str(bare)) == GitSource(str(bare), "file")
    assert find_source(str(bundle)) == GitSource(str(bundle), "file", is_bundle=True)


@pytest.mark.parametrize("scheme", ["https", "http", "ssh", "git"])
def test_urls_are_fetched_by_the_protocol_they_name_and_no_other(scheme: str) -> None:
    source = find_source(f"{scheme}://user:secret@example.org/wiki.git")
    assert isinstance(source, GitSource)
    assert source.protocol == scheme
    assert source.shown == f"{scheme}://example.org/wiki.git"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ext::sh -c id", "not a way to fetch"),
        ("file:///etc", "as a path"),
        ("ftp://example.org/x", "use one of https://"),
        ("git@example.org:wiki.git", "ssh://user@host/path"),
        ("/nowhere/at/all", "does not exist"),
        ("-x", "does not exist"),
        ("--upload-pack=id", "does not exist"),
        ("https:///path", "no host name"),
        ("https://example.org/a b", "spaces"),
        ("ssh://-oProxyCommand=id/x", "hyphen"),
        ("", "name a folder"),
        ("a\x00b", "name a folder"),
    ],
)
def test_F4_anything_else_is_refused_with_advice(text: str, hint: str) -> None:
    with pytest.raises(TransferRefused, match=hint):
        find_source(text)


def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    with pytest.raises(TransferRefused, match="not a git bundle"):
        find_source(str(page))
