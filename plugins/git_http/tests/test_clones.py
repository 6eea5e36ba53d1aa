"""Real git clones and fetches: everything that is in a wiki, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from otterwiki_engine.repository import Repository
from otterwiki_engine.wiki import Wiki

from .facts import check, head_of, objects_in, objects_of
from .served import ALICE, Site, git, serving_wikis

ROOT = Path(__file__).resolve().parents[3]


def test_a_clone_is_the_wiki(site: Site, tmp_path: Path) -> None:
    site.save("Notes/Ümlaut and spaces.md", "# Ü\n")
    site.save("Notes/picture.png", bytes(range(256)) * 300)
    site.save("Long.md", "A line of many.\n" * 60_000)
    site.save("Home.md", "# Changed\n")
    site.save("Long.md", None)
    clone = tmp_path / "clone"
    said = site.git("clone", site.url(), str(clone))
    assert "error" not in said
    assert (clone / "Notes" / "Ümlaut and spaces.md").read_text() == "# Ü\n"
    assert not (clone / "Long.md").exists()
    assert head_of(clone) == site.repository().head()
    assert git("symbolic-ref", "HEAD", cwd=clone) == "refs/heads/main\n"
    assert objects_in(clone) == objects_of(site.repository().git_dir, "HEAD")
    check(clone)
    assert "canary-blue" not in git("grep", "-e", "canary", "HEAD", cwd=clone, check=False)


def test_an_empty_repository_can_be_cloned(tmp_path: Path) -> None:
    wikis = {name: Wiki(Repository.create(tmp_path / f"{name}.git")) for name in ("red", "blue")}
    with serving_wikis(wikis) as site:
        said = site.git("clone", site.url(), str(tmp_path / "clone"))
        assert "empty repository" in said
        site.save("Home.md", "# First\n")
        site.git("pull", "origin", "main", cwd=tmp_path / "clone")
    assert (tmp_path / "clone" / "Home.md").read_text() == "# First\n"


def test_f6_only_the_wikis_branch_is_there(site: Site, tmp_path: Path) -> None:
    """Other branches, tags and hidden refs are not named; what only they lead to is not sent."""
    repository = site.repository().git_dir
    hidden = _commit(repository, {"Secret.md": "hidden"}, [])
    for ref in ("refs/heads/draft", "refs/tags/v1", "refs/hidden/x", "refs/stash"):
        git("update-ref", ref, hidden, cwd=repository)
    git("tag", "-a", "v2", "-m", "x", cwd=repository)
    said = site.git("ls-remote", "-q", site.url())
    head = site.repository().head()
    assert said.split() == [head, "HEAD", head, "refs/heads/main"]
    clone = tmp_path / "clone"
    site.git("clone", "--mirror", site.url(), str(clone))
    assert objects_in(clone) == objects_of(repository, "main")
    assert hidden not in objects_in(clone)


def test_a_detached_head_is_cloned(site: Site, tmp_path: Path) -> None:
    first = site.repository().head()
    site.save("Home.md", "# Later\n")
    git("update-ref", "--no-deref", "HEAD", str(first), cwd=site.repository().git_dir)
    assert site.git("ls-remote", "-q", site.url()).split() == [first, "HEAD"]
    site.git("clone", site.url(), str(tmp_path / "clone"))
    assert head_of(tmp_path / "clone") == first


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_every_protocol_version_git_asks_for_is_answered(
    site: Site, tmp_path: Path, version: str
) -> None:
    clone = tmp_path / "clone"
    site.git("-c", f"protocol.version={version}", "clone", site.url(), str(clone))
    site.save("New.md", "# New\n")
    site.git("-c", f"protocol.version={version}", "pull", cwd=clone)
    assert head_of(clone) == site.repository().head()
    check(clone)


# ------------------------------------------------------------------ fetching


def test_a_fetch_brings_new_saves_and_not_the_old(site: Site, tmp_path: Path) -> None:
    for number in range(30):
        site.save(f"Page {number}.md", f"# Page {number}\n" + "Some words.\n" * 500)
    clone = tmp_path / "clone"
    site.git("clone", "--bare", site.url(), str(clone))
    before = objects_in(clone)
    for number in range(12):
        site.save("Page 7.md", "# Page 7\n" + "Some words.\n" * 500 + f"{number}\n")
    site.save("Folder/New.md", "# New\n")
    keep = ["-c", "fetch.unpackLimit=1"]
    said = site.git(*keep, "fetch", "--progress", "origin", "main:main", cwd=clone)
    assert head_of(clone) == site.repository().head()
    new = objects_of(site.repository().git_dir, "HEAD") - before
    assert f"Receiving objects: 100% ({len(new)}/{len(new)})" in said
    assert "completed with" in said, "the pack is thin"
    check(clone)
    assert site.git("fetch", "origin", "main:main", cwd=clone) == "", "nothing is new"


def test_a_clone_with_work_of_its_own_merges_what_is_new(site: Site, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    site.git("clone", site.url(), str(clone))
    for number in range(40):  # commits that the server knows nothing of
        (clone / "Own.md").write_text(f"{number}\n")
        git("add", ".", cwd=clone)
        git("commit", "-qm", f"own {number}", cwd=clone)
    site.save("Theirs.md", "# Theirs\n")
    site.git("pull", "--no-rebase", "--no-edit", cwd=clone)
    assert (clone / "Theirs.md").exists()
    assert git("merge-base", "HEAD", "origin/main", cwd=clone).strip() == site.repository().head()
    check(clone)


def test_saves_that_bring_back_old_text(site: Site, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    site.git("clone", "--bare", site.url(), str(clone))
    for text in ("one\n", "two\n", "one\n", "two\n"):
        site.save("Back.md", text)
        site.save("Moved.md", text)
    site.save("Moved.md", None)
    site.git("fetch", "origin", "main:main", cwd=clone)
    check(clone)
    assert head_of(clone) == site.repository().head()


# ------------------------------------------------------------------ shallow clones


def test_a_shallow_clone_grows_and_becomes_whole(site: Site, tmp_path: Path) -> None:
    for number in range(9):
        site.save("Page.md", f"{number}\n" * 50)
        site.save(f"Folder {number}/Page.md", f"# {number}\n")
    clone, repository = tmp_path / "clone", site.repository()
    site.git("clone", "--depth", "1", site.url(), str(clone))
    assert git("rev-list", "--count", "HEAD", cwd=clone) == "1\n"
    assert objects_in(clone) == objects_of(repository.git_dir, "HEAD^{tree}") | {repository.head()}
    check(clone)

    site.save("After.md", "# After\n")
    site.git("pull", cwd=clone)  # says "shallow", and no depth
    assert git("rev-list", "--count", "HEAD", cwd=clone) == "2\n"
    check(clone)

    site.git("fetch", "--deepen", "3", cwd=clone)
    assert git("rev-list", "--count", "origin/main", cwd=clone) == "5\n"
    check(clone)
    site.git("fetch", "--depth", "7", cwd=clone)
    assert git("rev-list", "--count", "origin/main", cwd=clone) == "7\n"
    check(clone)
    site.git("fetch", "--depth", "2", cwd=clone)
    assert git("rev-list", "--count", "origin/main", cwd=clone) == "2\n"
    check(clone, may_dangle=True)

    site.save("At last.md", "# At last\n")
    site.git("fetch", "--unshallow", cwd=clone)
    assert not (clone / ".git" / "shallow").exists()
    assert objects_of(clone, "origin/main") == objects_of(repository.git_dir, "HEAD")
    check(clone)


def test_a_depth_that_holds_everything(site: Site, tmp_path: Path) -> None:
    site.save("Page.md", "x\n")
    site.git("clone", "--depth", "100", site.url(), str(tmp_path / "clone"))
    assert objects_in(tmp_path / "clone") == objects_of(site.repository().git_dir, "HEAD")
    assert not (tmp_path / "clone" / ".git" / "shallow").exists()


def test_partial_clones_are_not_offered(site: Site, tmp_path: Path) -> None:
    """git says so, and clones all of it."""
    said = site.git("clone", "--filter=blob:none", site.url(), str(tmp_path / "clone"))
    assert "filtering not recognized by server, ignoring" in said
    check(tmp_path / "clone")


# ------------------------------------------------------------------ histories of other tools


def _commit(repository: Path, files: dict[str, str], parents: list[str]) -> str:
    """A commit made by git itself, of these files and parents."""
    lines = ""
    for name, text in sorted(files.items()):
        made = subprocess.run(
            ["git", "hash-object", "-w", "--stdin"], input=text, text=True, cwd=repository,
            capture_output=True, check=True,
        )  # fmt: skip
        lines += f"100644 blob {made.stdout.strip()}\t{name}\n"
    tree = subprocess.run(
        ["git", "mktree"], input=lines, text=True, cwd=repository, capture_output=True, check=True
    ).stdout.strip()
    options = [part for parent in parents for part in ("-p", parent)]
    return git("commit-tree", tree, *options, "-m", "x", cwd=repository).strip()


def test_merges_and_several_roots(site: Site, tmp_path: Path) -> None:
    repository = site.repository().git_dir
    head = str(site.repository().head())
    other_root = _commit(repository, {"a": "1", "b": "2"}, [])
    left = _commit(repository, {"Home.md": "l", "c": "3"}, [head])
    right = _commit(repository, {"Home.md": "r", "d": "4"}, [head])
    files = {"Home.md": "m", "c": "3", "d": "4", "a": "1"}
    merged = _commit(repository, files, [left, right, other_root])
    git("update-ref", "refs/heads/main", left, cwd=repository)
    clone = tmp_path / "clone"
    site.git("clone", "--bare", site.url(), str(clone))
    assert objects_in(clone) == objects_of(repository, left)
    git("update-ref", "refs/heads/main", merged, cwd=repository)
    site.git("fetch", "origin", "main:main", cwd=clone)
    assert objects_in(clone) == objects_of(repository, merged)
    check(clone)
    site.git("clone", "--bare", "--depth", "2", site.url(), str(tmp_path / "shallow"))
    check(tmp_path / "shallow")
    site.git("fetch", "--unshallow", cwd=tmp_path / "shallow")
    assert objects_of(tmp_path / "shallow", "main") == objects_of(repository, merged)


def test_packed_and_collected_repositories(site: Site, tmp_path: Path) -> None:
    """Packs of git's own, several of them, and objects that nothing leads to any more."""
    repository = site.repository().git_dir
    for number in range(40):
        site.save(f"Page {number}.md", f"# {number}\n" * 40)
    git("repack", "-dq", cwd=repository)
    for number in range(40):
        site.save(f"Page {number}.md", f"# {number}\n" * 41)
    git("repack", "-dq", cwd=repository)
    site.save("Loose.md", "# Loose\n")
    head = str(site.repository().head())
    unused = _commit(repository, {"Unused.md": "nothing leads here"}, [head])
    site.git("clone", "--bare", site.url(), str(tmp_path / "one"))
    assert objects_in(tmp_path / "one") == objects_of(repository, "HEAD")
    git("update-ref", "refs/heads/aside", unused, cwd=repository)
    git("repack", "-adq", cwd=repository)
    git("update-ref", "-d", "refs/heads/aside", cwd=repository)
    site.repository().state_dir.joinpath("git-http", f"{head}.pack").unlink()
    site.git("clone", "--bare", site.url(), str(tmp_path / "two"))
    assert objects_in(tmp_path / "two") == objects_of(repository, "HEAD")
    assert unused not in objects_in(tmp_path / "two")
    check(tmp_path / "two")


def test_git_collects_while_somebody_clones(site: Site, tmp_path: Path) -> None:
    for number in range(20):
        site.save(f"Page {number}.md", f"# {number}\n" * 40)

    def collect(path: str) -> None:
        if path.endswith("git-upload-pack"):
            git("gc", "-q", "--prune=now", cwd=site.repository().git_dir)

    site.before = collect
    for number in range(3):
        site.save("Again.md", f"{number}\n")
        clone = tmp_path / f"clone {number}"
        site.git("clone", site.url(), str(clone))
        check(clone)


# ------------------------------------------------------------------ beside a writer

_WRITER = """
import sys
from pathlib import Path
from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository
folder = Path(sys.argv[1])
repository = Repository(folder / "repo.git", state_dir=folder)
for number in range(200):
    changes = {f"Page {number % 17}.md": f"# Save {number}\\n".encode() * (number % 50 + 1)}
    repository.commit(changes, base=None, author=Author("W", "w@example.org"), message="save")
    print(number, flush=True)
"""


def test_clones_during_200_saves_of_another_process(site: Site, tmp_path: Path) -> None:
    """Each is whole, at some moment between its beginning and its end. With it may come what was
    saved after git was told where the branch stands: a full clone gets the branch's own pack."""
    folder = site.repository().state_dir
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folder)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    heads, fetched = list[str](), tmp_path / "fetched"
    site.git("clone", "--bare", site.url(), str(fetched))
    while True:
        is_last = writer.poll() is not None
        before = str(site.repository().head())
        clone = tmp_path / f"clone-{len(heads)}"
        depth = ["--depth", "1"] if len(heads) % 3 == 2 else []
        site.git("clone", "--bare", *depth, site.url(), str(clone))
        check(clone, may_dangle=True)
        site.git("fetch", "origin", "main:main", cwd=fetched)
        check(fetched, may_dangle=True)
        heads.append(head_of(clone))
        for earlier, later in ((before, heads[-1]), (heads[-1], head_of(fetched))):
            assert git("merge-base", "--is-ancestor", earlier, later, cwd=folder / "repo.git") == ""
        if is_last:
            break
    assert writer.returncode == 0
    assert len(set(heads)) > 2, "it was cloned while it was written to"
    assert heads[-1] == site.repository().head()
    assert git("rev-list", "--count", heads[-1], cwd=folder / "repo.git") == "201\n"
    check(fetched)
    assert objects_of(fetched, "main") == objects_of(folder / "repo.git", "main")


def test_the_other_wiki_is_never_read(site: Site, tmp_path: Path) -> None:
    site.repository("blue").commit(
        {"Only blue.md": b"canary"}, base=None, author=ALICE, message="x"
    )
    site.git("clone", "--bare", site.url("red"), str(tmp_path / "red"))
    site.git("clone", "--bare", site.url("blue"), str(tmp_path / "blue"))
    assert not objects_in(tmp_path / "red") & objects_in(tmp_path / "blue")
    assert site.kept("red") == [site.repository("red").head()]
    assert site.kept("blue") == [site.repository("blue").head()]
