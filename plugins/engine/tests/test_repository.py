from __future__ import annotations

import os
import resource
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from small_wikis import ALICE, BOB, make_bare

from otterwiki_engine import hooks
from otterwiki_engine.blob_cache import blobs
from otterwiki_engine.errors import (
    BadPath,
    Conflict,
    NotFound,
    RepositoryDamaged,
    RepositoryGone,
)
from otterwiki_engine.loose_objects import new_object
from otterwiki_engine.paths import NO_COMMIT
from otterwiki_engine.repository import CommitResult, Repository


def save(repository: Repository, **pages: str) -> str:
    """Commit pages given as name=text; returns the revision."""
    changes = {f"{name}.md": text.encode() for name, text in pages.items()}
    return repository.commit(changes, base=None, author=ALICE, message="m").revision


def git(repository: Repository, *arguments: str) -> str:
    """Real git's opinion of the repository."""
    where = repository.work_tree.root if repository.work_tree else repository.git_dir
    return subprocess.run(
        ["git", "-C", str(where), *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_a_commit_is_what_git_itself_sees(repository: Repository, other: Repository) -> None:
    before = other.head()
    first = save(repository, Home="# Home\n")
    second = repository.commit(
        {"notes/deep/page.md": "ä\n".encode()},
        base=first,
        author=BOB,
        message="Ümlaut",
        actor="did:plc:bob",
        client="Claude Code",
    )
    assert second.parent == first
    assert second.changed == ("notes/deep/page.md",)
    assert git(repository, "rev-parse", "HEAD").strip() == second.revision
    assert git(repository, "show", "HEAD:notes/deep/page.md") == "ä\n"
    log = git(repository, "log", "-1", "--format=%an <%ae>|%cn|%s|%(trailers:only,unfold)")
    assert log.strip().splitlines() == [
        "bob.test <did.plc.bob@users.example.org>|bob.test|Ümlaut|Actor: did:plc:bob",
        "Client: Claude Code",
    ]
    git(repository, "fsck", "--full", "--strict")
    assert other.head() == before


def test_saving_what_is_there_makes_no_commit(repository: Repository) -> None:
    revision = save(repository, Home="same\n")
    result = repository.commit({"Home.md": b"same\n"}, base=None, author=BOB, message="again")
    assert result == CommitResult(revision, revision)
    assert repository.head() == revision


def test_deleting_the_last_file_of_a_folder_removes_the_folder(repository: Repository) -> None:
    repository.commit({"a/b/c.md": b"1", "d.md": b"2"}, base=None, author=ALICE, message="m")
    repository.commit({"a/b/c.md": None}, base=None, author=ALICE, message="gone")
    assert repository.snapshot().files() == ["d.md"]
    assert not repository.snapshot().is_dir("a")
    assert git(repository, "ls-tree", "-r", "-t", "--name-only", "HEAD") == "d.md\n"


def test_a_file_may_become_a_folder_and_back_in_one_commit(repository: Repository) -> None:
    save(repository, a="1")
    repository.commit({"a.md": None, "a.md/x.md": b"2"}, base=None, author=ALICE, message="m")
    assert repository.snapshot().files() == ["a.md/x.md"]
    repository.commit({"a.md/x.md": None, "a.md": b"3"}, base=None, author=ALICE, message="m")
    assert repository.snapshot().files() == ["a.md"]


def test_a_page_below_a_file_is_refused_and_nothing_is_left(repository: Repository) -> None:
    revision = save(repository, a="1")
    with pytest.raises(BadPath, match="is a file, not a folder"):
        repository.commit(
            {"a.md/b/c.md": b"2", "new.md": b"3"}, base=None, author=ALICE, message="m"
        )
    assert repository.head() == revision
    assert repository.snapshot().files() == ["a.md"]


def test_edits_that_do_not_overlap_are_merged(repository: Repository) -> None:
    base = save(repository, Home="one\ntwo\nthree\nfour\n")
    save(repository, Home="ONE\ntwo\nthree\nfour\n")
    result = repository.commit(
        {"Home.md": b"one\ntwo\nthree\nFOUR\n"}, base=base, author=BOB, message="m", merge=True
    )
    assert result.merged == ("Home.md",)
    assert repository.snapshot().read("Home.md") == b"ONE\ntwo\nthree\nFOUR\n"


@pytest.mark.parametrize("merge", [True, False])
def test_overlapping_edits_are_a_conflict_with_both_revisions(
    repository: Repository, merge: bool
) -> None:
    base = save(repository, Home="one\n")
    head = save(repository, Home="two\n")
    with pytest.raises(Conflict) as caught:
        repository.commit({"Home.md": b"three\n"}, base=base, author=BOB, message="m", merge=merge)
    assert (caught.value.paths, caught.value.base, caught.value.head) == (("Home.md",), base, head)
    assert repository.head() == head


def test_both_making_the_same_edit_is_no_conflict(repository: Repository) -> None:
    base = save(repository, Home="one\n")
    head = save(repository, Home="two\n")
    result = repository.commit({"Home.md": b"two\n"}, base=base, author=BOB, message="m")
    assert (result.revision, result.changed) == (head, ())


def test_editing_a_page_that_was_deleted_is_a_conflict(repository: Repository) -> None:
    base = save(repository, Home="one\n", b="b")
    repository.commit({"Home.md": None}, base=None, author=ALICE, message="m")
    with pytest.raises(Conflict):
        repository.commit({"Home.md": b"2"}, base=base, author=BOB, message="m", merge=True)
    base = save(repository, Home="one\n")  # and the other way round
    save(repository, Home="two\n")
    with pytest.raises(Conflict):
        repository.commit({"Home.md": None}, base=base, author=BOB, message="m", merge=True)


def test_creating_a_page_that_meanwhile_exists_is_a_conflict(repository: Repository) -> None:
    head = save(repository, Home="one\n")
    with pytest.raises(Conflict) as caught:
        repository.commit({"Home.md": b"2"}, base=NO_COMMIT, author=BOB, message="m", merge=True)
    assert caught.value.head == head


def test_a_base_from_elsewhere_is_a_conflict(repository: Repository, other: Repository) -> None:
    save(repository, Home="one\n")
    with pytest.raises(Conflict, match="not in this wiki's history"):
        repository.commit({"Home.md": b"2"}, base=other.head(), author=BOB, message="m")


def test_revert_undoes_one_commit_and_keeps_later_ones(repository: Repository) -> None:
    save(repository, Home="one\ntwo\nthree\nfour\n", keep="k\n")
    undone = repository.commit(
        {"Home.md": b"ONE\ntwo\nthree\nfour\n", "new.md": b"n"},
        base=None,
        author=ALICE,
        message="m",
    )
    save(repository, Home="ONE\ntwo\nthree\nFOUR\n")
    repository.revert(undone.revision, author=BOB, message="undo")
    assert repository.snapshot().read("Home.md") == b"one\ntwo\nthree\nFOUR\n"
    assert repository.snapshot().files() == ["Home.md", "keep.md"]


def test_revert_of_overlapping_changes_is_a_conflict(repository: Repository) -> None:
    save(repository, Home="one\n")
    undone = save(repository, Home="two\n")
    head = save(repository, Home="three\n")
    with pytest.raises(Conflict):
        repository.revert(undone, author=BOB, message="undo")
    assert repository.head() == head


def test_a_failing_hook_does_not_fail_the_save(
    repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    class Broken:
        @hooks.hookimpl
        def commit_happened(self) -> None:
            raise RuntimeError("boom")

    class Listener:
        @hooks.hookimpl
        def commit_happened(self, repository: Repository, result: CommitResult) -> None:
            heard.append(result.revision)

    plugins = [Broken(), Listener()]
    for plugin in plugins:
        hooks.manager.register(plugin)
    try:
        revision = save(repository, Home="1")
    finally:
        for plugin in plugins:
            hooks.manager.unregister(plugin)
    assert heard == [revision]
    assert "boom" in caplog.text


def test_gc_in_another_process_disturbs_nobody(repository: Repository) -> None:
    revisions = [save(repository, Home=f"{n}\n", **{f"p{n}": f"{n}"}) for n in range(5)]
    git(repository, "gc", "--quiet", "--prune=now")
    git(repository, "pack-refs", "--all", "--prune")
    assert repository.head() == revisions[-1]
    assert [repository.snapshot(r).read("Home.md") for r in revisions] == [
        b"%d\n" % n for n in range(5)
    ]
    after = save(repository, Home="after\n")
    assert git(repository, "rev-parse", "HEAD").strip() == after


def test_a_deleted_wiki_refuses_writers(tmp_path: Path, other: Repository) -> None:
    repository = make_bare(tmp_path / "wiki")
    save(repository, Home="1")
    (tmp_path / "wiki").rename(tmp_path / "trash")
    with pytest.raises(RepositoryGone):
        save(repository, Home="2")
    other_head = other.head()
    make_bare(tmp_path / "wiki")  # the slug is used again
    assert other.head() == other_head


def test_f1_revisions_are_hexadecimal_or_head(repository: Repository) -> None:
    from otterwiki_engine.errors import BadRevision

    revision = save(repository, Home="1")
    assert repository.resolve("HEAD") == repository.resolve(revision[:6]) == revision
    for bad in ("-", "--output=x", ":(top)", "HEAD@{0}", "HEAD~1", "main", "", "abc", "g" * 6):
        with pytest.raises(BadRevision):
            repository.resolve(bad)
    with pytest.raises(NotFound):
        repository.resolve("0" * 40)
    with pytest.raises(NotFound):  # a blob is no revision
        repository.resolve(repository.snapshot().entries["Home.md"].blob_id)


def test_the_snapshot_after_a_commit_is_that_of_the_commit(repository: Repository) -> None:
    """The writer derives it from the one before; a fresh look at the tree must agree."""
    repository.commit(
        {"a.md": b"1", "b/c.md": b"2", "d.md": b"3"}, base=None, author=ALICE, message="m"
    )
    repository.snapshot()
    repository.commit(
        {"a.md": None, "b/c.md": b"new", "0.md": b"4", "z/y.md": b"5", "nowhere.md": None},
        base=None,
        author=ALICE,
        message="m",
    )
    derived = repository.snapshot()
    root = repository.work_tree.root if repository.work_tree else None
    fresh = Repository(repository.git_dir, work_tree=root, state_dir=repository.state_dir)
    read = fresh.snapshot()
    assert (derived.revision, derived.tree_id) == (read.revision, read.tree_id)
    assert derived.entries == read.entries
    assert derived.files() == read.files() == ["0.md", "b/c.md", "d.md", "z/y.md"]


def test_a_revert_names_the_program_too(repository: Repository, other: Repository) -> None:
    save(repository, Home="one\n")
    second = save(repository, Home="two\n")
    repository.revert(second, author=BOB, message="undo", actor="did:plc:bob", client="Claude Code")
    trailers = git(repository, "log", "-1", "--format=%(trailers:only,unfold)").split("\n")
    assert trailers[:2] == ["Actor: did:plc:bob", "Client: Claude Code"]
    assert other.snapshot().read("Home.md") == b"# Other\n"


@pytest.mark.parametrize("found", [b"", b"cut", zlib.compress(b"blob 6\0other\n")])
def test_a_damaged_object_in_the_way_does_not_swallow_a_save(
    repository: Repository, other: Repository, found: bytes
) -> None:
    """A power cut leaves git's own objects empty, and a page may well be saved once more."""
    save(repository, Home="one\n")
    content = b"written before the power cut\n"
    blob = new_object(b"blob", content)
    path = repository.git_dir / "objects" / blob.id[:2] / blob.id[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(found)
    repository.commit({"Home.md": content}, base=None, author=BOB, message="again")
    assert git(repository, "show", "HEAD:Home.md").encode() == content
    git(repository, "fsck", "--full", "--strict")
    assert other.snapshot().read("Home.md") == b"# Other\n"


def test_an_object_of_another_user_is_written_anew(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = save(repository, Home="one\n")
    save(repository, Home="two\n")

    def not_ours(_descriptor: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("otterwiki_engine.loose_objects.os.utime", not_ours)
    save(repository, Home="one\n")
    assert repository.snapshot().entries == repository.snapshot(first).entries


def test_a_commit_of_very_many_files_keeps_few_open(
    repository: Repository, other: Repository
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 100, hard))
    try:
        save(repository, **{f"page-{number}": f"{number}\n" for number in range(400)})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(repository.snapshot().entries) == 400
    git(repository, "fsck", "--full", "--strict")
    assert other.snapshot().files() == ["Home.md"]


@pytest.mark.parametrize("found", [b"", b"cut"])
def test_an_object_that_cannot_be_read_is_named(repository: Repository, found: bytes) -> None:
    revision = save(repository, Home="one\n")
    for object_id in (repository.snapshot().entries["Home.md"].blob_id, revision):
        path = repository.git_dir / "objects" / object_id[:2] / object_id[2:]
        path.chmod(0o600)
        path.write_bytes(found)
    blobs.forget(str(repository.git_dir))
    with pytest.raises(RepositoryDamaged, match="can't be read"):
        repository.blob(repository.snapshot().entries["Home.md"].blob_id)
    with pytest.raises(RepositoryDamaged, match="can't be read"):
        repository.commit_object(revision)


@pytest.mark.parametrize(
    ("setting", "value"), [("objectFormat", "sha256"), ("refStorage", "reftable")]
)
def test_formats_that_would_be_damaged_are_refused(
    repository: Repository, setting: str, value: str
) -> None:
    where = repository.work_tree.root if repository.work_tree else None
    git(repository, "config", "core.repositoryFormatVersion", "1")
    git(repository, "config", f"extensions.{setting}", value)
    with pytest.raises(RepositoryDamaged, match=value):
        Repository(repository.git_dir, work_tree=where)


def test_new_folders_of_a_branch_are_durable_too(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(repository, Home="one\n")
    git(repository, "branch", "-m", "deep/er/branch")
    git(repository, "pack-refs", "--all")
    forced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        forced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    heads = repository.git_dir / "refs" / "heads"
    shutil.rmtree(heads / "deep", ignore_errors=True)
    monkeypatch.setattr("otterwiki_engine.durability.os.fsync", noted)
    save(repository, Home="two\n")
    assert {str(heads), str(heads / "deep"), str(heads / "deep/er")} <= set(forced)
