"""Imports: what comes in, what is refused before anything is written, and what is left behind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository
from otterwiki_robot.transfer.checks import Limits
from otterwiki_robot.transfer.errors import TransferRefused
from otterwiki_robot.transfer.git import Progress
from otterwiki_robot.transfer.importing import Imported, Places, Target, import_history
from otterwiki_robot.transfer.sources import find_source

from .histories import History, git

NewRepository = Callable[[str], Repository]
OWNER_DID = "did:plc:owner234"


class Farm:
    """Two wikis with their first page each, and a way to import into one of them."""

    def __init__(self, tmp_path: Path, new: NewRepository, limits: Limits, author: Author) -> None:
        self.places = Places(tmp_path / "run", tmp_path / "backups")
        self.limits = limits
        self.wiki, self.other = new("wiki"), new("other")
        self.template = ""
        for repository in (self.wiki, self.other):
            made = repository.commit(
                {"Home.md": b"welcome\n"}, base=None, author=author, message="Create"
            )
            self.template = made.revision

    def run(self, source: Path | str, *, replace: bool = False, progress: Progress) -> Imported:
        target = Target(
            "wiki", self.wiki, self.wiki_template, Author("Owner", "o@users.x"), OWNER_DID
        )
        return import_history(
            find_source(str(source)),
            target,
            replace=replace,
            limits=self.limits,
            places=self.places,
            network={},
            progress=progress,
        )

    @property
    def wiki_template(self) -> str:
        return git(self.wiki.git_dir, "rev-list", "--max-parents=0", "--all").split()[0]

    def state(self) -> list[tuple[str, ...]]:
        """Everything of both wikis that an import might touch."""
        return [
            (
                git(repository.git_dir, "for-each-ref"),
                git(repository.git_dir, "count-objects", "-v"),
                *sorted(path.name for path in repository.state_dir.iterdir()),
            )
            for repository in (self.wiki, self.other)
        ]


@pytest.fixture
def farm(tmp_path: Path, new_repository: NewRepository, limits: Limits, author: Author) -> Farm:
    return Farm(tmp_path, new_repository, limits, author)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "source.git")


def refused(farm: Farm, source: Path, progress: Progress, **options: bool) -> TransferRefused:
    """The refusal of an import, after making sure that nothing at all has changed."""
    before = farm.state()
    with pytest.raises(TransferRefused) as refusal:
        farm.run(source, progress=progress, **options)
    assert farm.state() == before
    assert list(farm.places.run.glob("*")) == []
    assert not farm.places.backups.exists()
    assert "\n" not in str(refusal.value)
    return refusal.value


# ------------------------------------------------------------------ what comes in


def test_a_repository_comes_with_its_whole_history(
    farm: Farm, history: History, progress: Progress
) -> None:
    history.write(Home_md=b"one\n")
    newest = history.write(Home_md=b"two\n", Notes_md=b"n\n")
    other = farm.other.head()
    done = farm.run(history.folder, progress=progress)
    assert (done.revision, done.contents.commits, len(done.contents.pages)) == (newest, 2, 2)
    assert done.backup is None
    assert farm.wiki.head() == newest
    assert farm.wiki.snapshot().read("Home.md") == b"two\n"
    assert git(farm.wiki.git_dir, "log", "--format=%an", "HEAD").split() == ["Dora", "Dora"]
    assert git(farm.wiki.git_dir, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert git(farm.wiki.git_dir, "fsck", "--full", "--strict", "--no-dangling") == ""
    assert farm.other.head() == other
    assert list(farm.places.run.iterdir()) == []


def test_a_bundle_and_a_work_tree_do_too(
    farm: Farm, history: History, tmp_path: Path, progress: Progress
) -> None:
    newest = history.write(Home_md=b"bundled\n")
    bundle = tmp_path / "x.bundle"
    git(history.folder, "bundle", "create", str(bundle), "main")  # no HEAD in it
    assert farm.run(bundle, progress=progress).revision == newest
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(history.folder), str(clone))
    (clone / "Home.md").write_text("changed\n")
    git(clone, "commit", "-q", "-a", "-m", "changed")
    done = farm.run(clone, replace=True, progress=progress)
    assert farm.wiki.snapshot().read("Home.md") == b"changed\n"
    assert done.contents.commits == 2


def test_a_folder_becomes_one_commit_of_the_owner(
    farm: Farm, tmp_path: Path, progress: Progress
) -> None:
    notes = tmp_path / "My notes"
    (notes / "sub" / ".obsidian").mkdir(parents=True)
    (notes / "sub" / ".obsidian" / "x.json").write_text("{}")
    (notes / ".DS_Store").write_bytes(b"\0")
    (notes / "Home.md").write_text("# Home\n")

    (notes / "sub" / 'quo"ted ä.md').write_text("q\n")
    (notes / "sub" / "picture.bin").write_bytes(bytes(range(256)))
    done = farm.run(notes, progress=progress)
    snapshot = farm.wiki.snapshot()
    assert snapshot.files() == ["Home.md", "sub/picture.bin", 'sub/quo"ted ä.md']
    assert snapshot.read("sub/picture.bin") == bytes(range(256))
    about = git(farm.wiki.git_dir, "log", "--format=%an <%ae>%n%B", "HEAD")
    assert about.startswith("Owner <o@users.x>\nImport of My notes\n")
    assert f"Actor: {OWNER_DID}" in about
    assert done.contents.commits == 1


def test_importing_the_same_again_changes_nothing(
    farm: Farm, history: History, progress: Progress
) -> None:
    history.write(Home_md=b"one\n")
    farm.run(history.folder, progress=progress)
    before = farm.state()
    done = farm.run(history.folder, replace=True, progress=progress)
    assert done.backup is None
    assert farm.state() == before


def test_progress_is_told_up_to_the_end(farm: Farm, history: History) -> None:
    history.write(Home_md=b"one\n")
    told: list[tuple[str, int, int | None]] = []
    farm.run(history.folder, progress=lambda *step: told.append(step))
    assert ("Checking history", 1, 1) in told


# ------------------------------------------------------------------ replacing


def test_a_wiki_with_pages_needs_replace_and_is_saved_first(
    farm: Farm, history: History, author: Author, tmp_path: Path, progress: Progress
) -> None:
    mine = farm.wiki.commit({"Mine.md": b"mine\n"}, base=None, author=author, message="m").revision
    history.write(Home_md=b"new\n")
    assert "--replace" in str(refused(farm, history.folder, progress))
    done = farm.run(history.folder, replace=True, progress=progress)
    assert farm.wiki.snapshot().files() == ["Home.md"]
    assert done.backup is not None
    restored = tmp_path / "restored"
    git(tmp_path, "clone", "-q", str(done.backup), str(restored))
    assert git(restored, "rev-parse", "HEAD") == mine


def test_a_save_during_the_import_is_not_lost(
    farm: Farm, history: History, author: Author, progress: Progress
) -> None:
    history.write(Home_md=b"imported\n")

    def save_meanwhile(stage: str, done: int, total: int | None) -> None:
        if stage == "Writing wiki":
            farm.wiki.commit({"Mine.md": b"mine\n"}, base=None, author=author, message="m")

    with pytest.raises(TransferRefused, match="edited while the import ran"):
        farm.run(history.folder, progress=save_meanwhile)
    assert "Mine.md" in farm.wiki.snapshot().files()
    assert git(farm.wiki.git_dir, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("in_newest", [True, False])
@pytest.mark.parametrize(
    ("mode", "name", "reason"),
    [
        ("120000", b"link.md", "symbolic link"),
        ("160000", b"module", "submodule"),
        ("100644", b"a\x07b.md", "control characters"),
        ("100644", b"a\\b.md", "backslash"),
        ("100644", b"-rf.md", "hyphen"),
        ("100644", b"\xff\xfe.md", "not valid Unicode"),
    ],
)
def test_F2_F3_dangerous_entries_are_named_wherever_they_are_in_history(
    farm: Farm,
    history: History,
    progress: Progress,
    mode: str,
    name: bytes,
    reason: str,
    in_newest: bool,
) -> None:
    object_id = history.blob(b"Home.md")
    if mode == "160000":
        object_id = history.write(Home_md=b"before\n")
    history.commit(history.tree((mode, object_id, name)))
    if not in_newest:
        history.write(Home_md=b"clean again\n")
    refusal = refused(farm, history.folder, progress)
    (problem,) = refusal.problems
    assert reason in problem.reason
    assert (problem.revision is None) == in_newest
    assert str(refusal).isprintable()


@pytest.mark.parametrize("name", [b".git", b".GIT", b"git~1", b".g\xe2\x80\x8cit"])
def test_F2_a_folder_that_some_system_takes_for_dot_git_is_refused(
    farm: Farm, history: History, progress: Progress, name: bytes
) -> None:
    inner = history.tree(("100644", history.blob(b"[core]\n"), b"config"))
    history.commit(history.tree(("40000", inner, name)))
    assert "git" in str(refused(farm, history.folder, progress))


def test_a_subfolder_is_looked_at_wherever_it_is_linked_from(
    farm: Farm, history: History, progress: Progress
) -> None:
    inner = history.tree(("100644", history.blob(b"x\n"), b"-x.md"))
    history.commit(history.tree(("40000", inner, b"sub")))
    history.commit(inner)  # the same tree, now as the root, where a hyphen matters
    history.write(Home_md=b"clean\n")
    (problem,) = refused(farm, history.folder, progress).problems
    assert problem.path == "-x.md"


def test_all_problems_of_the_newest_commit_are_named_at_once(
    farm: Farm, history: History, progress: Progress
) -> None:
    small = history.blob(b"small\n")
    folder = history.tree(("100644", small, b"edit.md"))
    history.commit(
        history.tree(
            ("100644", history.blob(b"x" * 1001), b"Long.md"),
            ("100644", history.blob(b"x" * 5001), b"big.bin"),
            ("100644", history.blob(b"\xff\xfe"), b"Latin.md"),
            ("100644", small, b"Twice.md"),
            ("100644", small, b"twice.md"),
            ("100644", small, b"health.md"),
            ("40000", folder, b"notes"),
        )
    )
    problems = refused(farm, history.folder, progress).problems
    reasons = {problem.path: problem.reason for problem in problems}
    assert set(reasons) == {
        "Long.md", "big.bin", "Latin.md", "twice.md", "health.md", "notes/edit.md"
    }  # fmt: skip
    assert "1 000" in reasons["Long.md"]
    assert "Twice.md in case only" in reasons["twice.md"]
    assert "'edit'" in reasons["notes/edit.md"]


def test_what_was_too_large_once_is_history(
    farm: Farm, history: History, progress: Progress
) -> None:
    history.write(Long_md=b"x" * 3000)
    history.write(Home_md=b"short\n")
    assert farm.run(history.folder, progress=progress).contents.commits == 2


def test_only_the_first_twenty_problems_are_named_and_the_rest_counted(
    farm: Farm, history: History, progress: Progress
) -> None:
    link = history.blob(b"Home.md")
    history.commit(history.tree(*(("120000", link, f"l{n:02}".encode()) for n in range(25))))
    refusal = refused(farm, history.folder, progress)
    assert len(refusal.problems) == 25
    assert str(refusal).count("symbolic link") == 20
    assert "and 5 more" in str(refusal)


def test_a_repository_over_the_limit_is_refused(
    farm: Farm, history: History, progress: Progress
) -> None:
    noise = subprocess.run(["head", "-c", "1200000", "/dev/urandom"], capture_output=True).stdout
    history.commit(history.tree(("100644", history.blob(noise), b"old.bin")))
    history.write(Home_md=b"gone since\n")
    assert "limit" in str(refused(farm, history.folder, progress))


@pytest.mark.parametrize("kind", ["empty", "branches", "shallow", "damaged bundle"])
def test_sources_without_one_whole_history_are_refused(
    farm: Farm, history: History, tmp_path: Path, progress: Progress, kind: str
) -> None:
    source, expected = history.folder, "no commits"
    if kind != "empty":
        history.write(Home_md=b"one\n")
        history.write(Home_md=b"two\n")
    if kind == "branches":
        for name in ("left", "right"):
            git(source, "branch", name, "main")
        git(source, "symbolic-ref", "HEAD", "refs/heads/none")
        git(source, "branch", "-D", "main")
        expected = "several branches (left, right)"
    if kind == "shallow":
        source, expected = tmp_path / "shallow", "part of its history"
        git(tmp_path, "clone", "-q", "--depth=1", f"file://{history.folder}", str(source))
    if kind == "damaged bundle":
        source, expected = tmp_path / "x.bundle", "can't be fetched"
        git(history.folder, "bundle", "create", str(source), "HEAD", "main")
        source.write_bytes(source.read_bytes()[:-30])
    assert expected in str(refused(farm, source, progress))


def test_F3_links_in_a_folder_are_refused_and_not_followed(
    farm: Farm, tmp_path: Path, progress: Progress
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "Home.md").write_text("# Home\n")
    (notes / "secret.md").symlink_to("/etc/passwd")
    (notes / "folder").symlink_to("/etc")
    problems = refused(farm, notes, progress).problems
    assert {problem.path for problem in problems} == {"secret.md", "folder"}


def test_F4_a_hostile_source_repository_runs_nothing(
    farm: Farm, history: History, tmp_path: Path, progress: Progress
) -> None:
    history.write(Home_md=b"harmless\n")
    canary = tmp_path / "canary"
    hook = history.folder / "hooks" / "post-upload-pack"
    hook.parent.mkdir(exist_ok=True)
    for name in ("post-upload-pack", "pre-receive", "reference-transaction", "post-checkout"):
        path = history.folder / "hooks" / name
        path.write_text(f"#!/bin/sh\ntouch {canary}\n")
        path.chmod(0o755)
    for setting in ("core.fsmonitor", "core.sshCommand", "uploadpack.packObjectsHook"):
        git(history.folder, "config", setting, f"touch {canary}")
    farm.run(history.folder, progress=progress)
    assert not canary.exists()
