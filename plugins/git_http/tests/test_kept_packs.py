"""The kept pack of a full clone: what is in it, when it is made, when it is not believed."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from otterwiki_engine.locks import WikiLock
from otterwiki_git_http import kept_packs
from otterwiki_git_http.kept_packs import KeptPacks
from otterwiki_git_http.objects import ObjectReader
from otterwiki_git_http.pack_ids import PackIds
from otterwiki_git_http.settings import Settings

from .facts import check, head_of, longest_chain, objects_in, objects_of
from .served import Site, git, serving


def folder_of(site: Site) -> Path:
    return site.repository().state_dir / "git-http"


def clone(site: Site, target: Path) -> Path:
    """A full clone that is all of the wiki and nothing else, in one pack."""
    shutil.rmtree(target, ignore_errors=True)
    site.git("-c", "fetch.unpackLimit=1", "clone", "--bare", site.url(), str(target))
    assert head_of(target) == site.repository().head()
    assert objects_in(target) == objects_of(site.repository().git_dir, "HEAD")
    check(target)
    return target


def kept(site: Site) -> Path:
    """The kept pack, which is the head's and the only one, with its list of ids."""
    head = site.repository().head()
    names = {path.name for path in folder_of(site).iterdir() if path.suffix in (".pack", ".ids")}
    assert names == {f"{head}.pack", f"{head}.ids"}
    assert not list(folder_of(site).glob("*.tmp"))
    return folder_of(site) / f"{head}.pack"


def test_the_second_clone_gets_the_same_pack(site: Site, tmp_path: Path) -> None:
    clone(site, tmp_path / "clone")
    first = kept(site).stat()
    sent = next((tmp_path / "clone" / "objects" / "pack").glob("*.pack")).read_bytes()
    assert kept(site).read_bytes() == sent
    clone(site, tmp_path / "clone")
    assert kept(site).stat().st_ino == first.st_ino


def test_a_clone_that_began_before_a_save_does_not_take_the_place_of_the_later_pack(
    site: Site, tmp_path: Path
) -> None:
    first = str(site.repository().head()).encode()
    site.save("New.md", "# New\n")
    clone(site, tmp_path / "clone")
    later = kept(site)
    packs = KeptPacks(folder_of(site), 10**9, site.repository().head)
    with (
        ObjectReader(site.repository().git_dir / "objects") as reader,
        packs.open(reader, first, lambda: None) as file,
    ):
        git("init", "-q", "--bare", str(tmp_path / "old"))
        (tmp_path / "old.pack").write_bytes(b"".join(packs.pieces(file, 1000)))
    git("index-pack", "-o", str(tmp_path / "old" / "objects" / "pack" / "pack-1.idx"),
        str(tmp_path / "old.pack"), cwd=tmp_path / "old")  # fmt: skip
    assert kept(site) == later


def test_a_fetch_or_a_shallow_clone_keeps_none(site: Site, tmp_path: Path) -> None:
    site.git("clone", "--bare", "--depth", "1", site.url(), str(tmp_path / "shallow"))
    clone(site, tmp_path / "clone")
    before = kept(site)
    site.save("New.md", "# New\n")
    site.git("fetch", "origin", "main:main", cwd=tmp_path / "clone")
    assert site.kept() == [before.stem]


def test_after_a_save_the_old_pack_grows_by_what_is_new(site: Site, tmp_path: Path) -> None:
    site.save("Long.md", "".join(f"Line {number} of many.\n" for number in range(20_000)))
    clone(site, tmp_path / "clone")
    old = kept(site).read_bytes()
    text = "".join(f"Line {number} of many.\n" for number in range(20_000))
    site.save("Long.md", text.replace("Line 777 ", "Line 777 changed "))
    clone(site, tmp_path / "clone")
    new = kept(site).read_bytes()
    assert new[12 : len(old) - 20] == old[12:-20]
    assert len(new) - len(old) < 500, "a changed line of a long page is a small delta"


def test_many_saves_and_clones_make_no_long_chains(site: Site, tmp_path: Path) -> None:
    """git has 50 deltas to an object at most, for whoever reads it needs them all."""
    for number in range(130):
        site.save("Page.md", f"# Page\n{number}\n" + "The same words.\n" * 100)
        if number % 13 == 0:
            clone(site, tmp_path / "clone")
    target = clone(site, tmp_path / "clone")
    assert 10 < longest_chain(target) <= 50
    ids = PackIds.read(kept(site).with_suffix(".ids"))
    assert len(ids) == len(objects_in(target))
    assert all(name.encode() in ids for name in objects_in(target))
    assert b"0" * 40 not in ids
    assert b"f" * 40 not in ids


def test_a_pack_that_has_grown_too_much_is_made_anew(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_packs, "_MADE_ANEW_SLACK_BYTES", 0)
    sizes = []
    for number in range(12):
        site.save(f"Page {number}.md", os.urandom(2000).hex())
        clone(site, tmp_path / "clone")
        sizes.append(PackIds.read(kept(site).with_suffix(".ids")).made_anew_bytes)
    assert 2 < len(set(sizes)) < 8, "now and then"


def test_packs_of_the_repository_are_copied_as_they_are(site: Site, tmp_path: Path) -> None:
    for number in range(30):
        site.save(f"Page {number}.md", f"# {number}\n" * 50)
    repository = site.repository().git_dir
    git("repack", "-adq", cwd=repository)
    (pack,) = (repository / "objects" / "pack").glob("*.pack")
    site.save("After.md", "# After\n")
    clone(site, tmp_path / "clone")
    assert pack.read_bytes()[12:-20] in kept(site).read_bytes()


def test_f7_a_replaced_history_is_not_kept(site: Site, tmp_path: Path) -> None:
    """Not even until the next clone: what was taken out may have been taken out for a reason."""
    first = str(site.repository().head())
    site.save("Secret.md", "a secret")
    second = str(site.repository().head())
    clone(site, tmp_path / "clone")
    site.repository().replace_head(first, expected=second)
    assert site.kept() == []
    site.save("Other.md", "other")
    target = clone(site, tmp_path / "clone")
    assert second not in objects_in(target)


def test_f7_a_history_that_a_shell_replaced_is_not_appended_to(site: Site, tmp_path: Path) -> None:
    first = str(site.repository().head())
    site.save("Secret.md", "a secret")
    second = str(site.repository().head())
    clone(site, tmp_path / "clone")
    git("update-ref", "refs/heads/main", first, cwd=site.repository().git_dir)
    site.save("Other.md", "other")
    assert second not in objects_in(clone(site, tmp_path / "clone"))
    kept(site)


# ------------------------------------------------------------------ derived, and damaged


@pytest.mark.parametrize("ending", ["*.pack", "*.ids", "*"])
def test_what_is_kept_may_be_deleted_at_any_moment(site: Site, tmp_path: Path, ending: str) -> None:
    clone(site, tmp_path / "clone")
    for save in (False, True):
        if save:
            site.save("New.md", "# New\n")
        for path in folder_of(site).glob(ending):
            if path.is_file():
                path.unlink()
        clone(site, tmp_path / "clone")
    shutil.rmtree(folder_of(site))
    clone(site, tmp_path / "clone")
    kept(site)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [_flip, _cut, _empty])
def test_a_damaged_pack_is_noticed_and_made_anew(
    site: Site, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    site.save("Page.md", os.urandom(30_000).hex())
    clone(site, tmp_path / "clone")
    harm(kept(site))
    said = site.git("clone", site.url(), str(tmp_path / "bad"), check=False)
    assert not (tmp_path / "bad" / ".git" / "HEAD").exists(), said
    clone(site, tmp_path / "clone")
    kept(site)


@pytest.mark.parametrize("harm", [_flip, _cut, _empty])
@pytest.mark.parametrize("ending", [".pack", ".ids"])
def test_a_damaged_pack_is_not_appended_to(
    site: Site, tmp_path: Path, harm: Callable[[Path], None], ending: str
) -> None:
    site.save("Page.md", os.urandom(30_000).hex())
    clone(site, tmp_path / "clone")
    harm(kept(site).with_suffix(ending))
    site.save("New.md", "# New\n")
    clone(site, tmp_path / "clone")
    kept(site)


def test_a_damaged_pack_of_the_repository_is_an_error_in_words(site: Site, tmp_path: Path) -> None:
    for number in range(30):
        site.save(f"Page {number}.md", os.urandom(300).hex())
    git("repack", "-adq", cwd=site.repository().git_dir)
    (pack,) = (site.repository().git_dir / "objects" / "pack").glob("*.pack")
    pack.chmod(0o600)
    _flip(pack)
    said = site.git("clone", site.url(), str(tmp_path / "clone"), check=False)
    assert "remote: The server could not read or write what it needs for this." in said
    assert site.kept() == []


def test_a_leftover_of_a_killed_process_is_removed(site: Site, tmp_path: Path) -> None:
    folder_of(site).mkdir()
    old, new = folder_of(site) / "0123.tmp", folder_of(site) / "4567.tmp"
    for path in (old, new):
        path.write_bytes(b"PACK")
    os.utime(old, (0, 0))
    clone(site, tmp_path / "clone")
    assert not old.exists()
    assert new.exists(), "somebody may be writing it"


def test_a_full_disk_stops_no_clone(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(KeptPacks, "_write", full)
    clone(site, tmp_path / "clone")
    assert site.kept() == []


def test_a_pack_over_the_limit_is_sent_and_not_kept(tmp_path: Path) -> None:
    settings = replace(Settings(), kept_pack_bytes=1000)
    with serving(tmp_path / "wikis", settings) as site:
        clone(site, tmp_path / "clone")
        assert len(site.kept()) == 1
        site.save("Page.md", os.urandom(3000).hex())
        for _ in range(2):
            clone(site, tmp_path / "clone")
        assert len(site.kept()) <= 1
        assert str(site.repository().head()) not in site.kept()


def test_clones_at_the_same_moment_make_one_pack(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait for it; who comes when it is there does not."""
    made, original = list[bytes](), KeptPacks._make

    def counted(self: KeptPacks, reader: object, head: bytes, *rest: object) -> object:
        made.append(head)
        return original(self, reader, head, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(KeptPacks, "_make", counted)
    folder_of(site).mkdir()
    threads = [
        threading.Thread(target=clone, args=(site, tmp_path / f"clone {number}"))
        for number in range(3)
    ]
    with WikiLock(folder_of(site) / "lock"):
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join(60)
    assert made == [str(site.repository().head()).encode()]
    for number in range(3):
        check(tmp_path / f"clone {number}")
