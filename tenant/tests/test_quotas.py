"""The limits of a wiki: what a change adds is refused, what exists can always be worked on."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otterwiki_engine import hooks
from otterwiki_engine.authorship import Author
from otterwiki_engine.errors import CheckFailed, QuotaExceeded
from otterwiki_engine.proposals import Proposal
from otterwiki_engine.repository import CommitResult, Repository
from otterwiki_tenant import quotas, wikis
from otterwiki_tenant.disk_use import REMEMBERED_SECONDS, DiskUse, size_of_objects
from otterwiki_tenant.engine_hooks import FarmHooks
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.limits import FarmLimits

ALICE = Author("alice.test", "did.plc.alice@users.example.org")
NONE = FarmLimits(page_bytes=None, attachment_bytes=None, repository_bytes=None)


class LimitedWiki:
    """A repository whose commits are checked against `limits` and `max_pages`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.repository = Repository.create(folder / "repo.git", state_dir=folder)
        self.limits = NONE
        self.max_pages = 1_000
        self.asked_for_pages = 0
        self.disk_use = DiskUse()

    def _pages(self) -> int:
        self.asked_for_pages += 1
        return self.max_pages

    @hooks.hookimpl
    def check_commit(self, repository: Repository, proposal: Proposal) -> None:
        if repository is self.repository:
            quotas.check(
                proposal,
                self.limits,
                max_pages=self._pages,
                git_dir=repository.git_dir,
                disk_use=self.disk_use,
            )

    def put(self, changes: dict[str, bytes | None]) -> CommitResult:
        return self.repository.commit(changes, base=None, author=ALICE, message="change")

    def refused(self, changes: dict[str, bytes | None]) -> QuotaExceeded:
        head = self.repository.head()
        with pytest.raises(QuotaExceeded) as caught:
            self.put(changes)
        assert self.repository.head() == head
        return caught.value

    def size(self) -> int:
        return size_of_objects(self.repository.git_dir)


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[LimitedWiki]:
    made = LimitedWiki(tmp_path / "limited")
    hooks.manager.register(made, "limited")
    yield made
    hooks.manager.unregister(made)
    made.repository.close()


@pytest.fixture
def farm_hooks(farm: Farm) -> Iterator[FarmHooks]:
    made = FarmHooks(farm)
    hooks.manager.register(made, "farm under test")
    yield made
    hooks.manager.unregister(made)


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that can't be compressed."""
    return random.Random(seed).randbytes(size)


# ---------------------------------------------------------------------- pages


def test_i1_pages_at_the_limit(limited: LimitedWiki) -> None:
    limited.max_pages = 2
    limited.put({"a.md": b"a", "b.md": b"b", "picture.png": b"p"})
    refusal = limited.refused({"c.md": b"c"})
    assert (refusal.what, refusal.limit, refusal.found) == ("pages", 2, 3)
    assert "may have 2 pages" in str(refusal)
    assert "Delete or merge" in str(refusal)
    assert limited.refused({"c.md": b"c", "d.md": b"d", "a.md": None}).found == 3
    limited.put({"a/picture.png": b"files are not counted"})


CHANGES_THAT_DO_NOT_GROW: dict[str, dict[str, bytes | None]] = {
    "edit": {"a.md": b"edited"},
    "rename": {"a.md": None, "moved/a.md": b"a"},
    "rename with backlinks": {"a.md": None, "z.md": b"a", "b.md": b"[[z]]"},
    "delete": {"a.md": None},
    "delete all": {"a.md": None, "b.md": None, "c.md": None},
    "merge two into a new one": {"a.md": None, "b.md": None, "ab.md": b"a b"},
}


@pytest.mark.parametrize("change", CHANGES_THAT_DO_NOT_GROW)
@pytest.mark.parametrize("max_pages", [3, 1, 0])
def test_i1_what_exists_can_be_worked_on_at_and_above_the_limit(
    limited: LimitedWiki, change: str, max_pages: int
) -> None:
    limited.put({"a.md": b"a", "b.md": b"b", "c.md": b"c"})
    limited.max_pages = max_pages
    asked = limited.asked_for_pages
    assert limited.put(CHANGES_THAT_DO_NOT_GROW[change]).changed
    assert limited.asked_for_pages == asked, "a look-up that an edit does not need"


def test_i1_a_revert_is_refused_only_where_it_grows(limited: LimitedWiki) -> None:
    limited.put({"a.md": b"a", "b.md": b"b"})
    edited = limited.put({"a.md": b"edited"}).revision
    limited.max_pages = 1
    gone = limited.put({"b.md": None}).revision

    def revert(revision: str) -> CommitResult:
        return limited.repository.revert(revision, author=ALICE, message="undo")

    with pytest.raises(QuotaExceeded):
        revert(gone)
    assert revert(edited).changed == ("a.md",)


def test_i1_a_wikis_own_limit_goes_before_the_farms(farm: Farm, farm_hooks: FarmHooks) -> None:
    farm.limits = FarmLimits(max_pages=1)

    def put(slug: str, path: str) -> CommitResult:
        with farm.database.reading() as session:
            record = wikis.get(session, slug)
        repository = farm.opened(record).wiki.repository
        return repository.commit({path: b"x"}, base=None, author=ALICE, message="m")

    for slug in ("alice", "robert"):
        with pytest.raises(QuotaExceeded, match="may have 1 pages"):
            put(slug, "new.md")
    with farm.database.writing() as session:
        wikis.set_max_pages(session, "alice", 2)
    assert put("alice", "new.md").changed
    with pytest.raises(QuotaExceeded, match="may have 2 pages"):
        put("alice", "newer.md")
    with pytest.raises(QuotaExceeded, match="may have 1 pages"):
        put("robert", "new.md")


def test_i8_a_registry_that_can_not_be_asked_stops_what_grows(
    farm: Farm, farm_hooks: FarmHooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    with farm.database.reading() as session:
        record = wikis.get(session, "alice")
    repository = farm.opened(record).wiki.repository

    def fail(*_arguments: Any) -> None:
        raise OSError("the database is gone")

    monkeypatch.setattr(wikis, "get", fail)
    with pytest.raises(CheckFailed):
        repository.commit({"new.md": b"x"}, base=None, author=ALICE, message="m")
    assert repository.commit({"Home.md": b"x"}, base=None, author=ALICE, message="m").changed


_WRITER = """
import sys
from pathlib import Path
from otterwiki_engine import hooks
from otterwiki_engine.authorship import Author
from otterwiki_engine.errors import QuotaExceeded
from otterwiki_tenant import wikis
from otterwiki_tenant.engine_hooks import FarmHooks
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.limits import FarmLimits

home, name, rounds, limit = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
farm = Farm(Path(home), "robot.localhost", scheme="http", limits=FarmLimits(max_pages=limit))
hooks.manager.register(FarmHooks(farm))
with farm.database.reading() as session:
    record = wikis.get(session, "alice")
repository = farm.opened(record).wiki.repository
print("ready", flush=True)
for number in range(rounds):
    assert sys.stdin.readline() == "go\\n"
    try:
        repository.commit({f"{name}-{number}.md": b"x"}, base=None,
                          author=Author(name, "a@example.org"), message="m")
        print("passed", flush=True)
    except QuotaExceeded:
        print("refused", flush=True)
"""


def test_i1_of_two_processes_at_the_limit_exactly_one_passes(farm: Farm) -> None:
    with farm.database.reading() as session:
        record = wikis.get(session, "alice")
    repository = farm.opened(record).wiki.repository
    rounds, limit = 12, 2

    def start(name: str) -> subprocess.Popen[str]:
        arguments = [str(farm.layout.home), name, str(rounds), str(limit)]
        return subprocess.Popen(
            [sys.executable, "-c", _WRITER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    with start("left") as left, start("right") as right:
        pair = (left, right)
        for process in pair:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for _ in range(rounds):
            for process in pair:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            said = [process.stdout.readline() for process in pair if process.stdout]
            assert sorted(said) == ["passed\n", "refused\n"]
            (made,) = (path for path in repository.snapshot().files() if path != "Home.md")
            repository.commit({made: None}, base=None, author=ALICE, message="room again")


# ---------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("path", "what"), [("a.md", "page_bytes"), ("a/b.png", "attachment_bytes")]
)
def test_i1_a_size_is_refused_where_it_grows(limited: LimitedWiki, path: str, what: str) -> None:
    limited.put({path: b"x" * 50})
    limited.limits = FarmLimits(page_bytes=20, attachment_bytes=20, repository_bytes=None)
    refusal = limited.refused({path: b"y" * 51})
    assert (refusal.what, refusal.limit, refusal.found) == (what, 20, 51)
    assert limited.put({path: b"y" * 50}).changed, "edited, and no larger"
    assert limited.put({path: None, "moved-" + path: b"y" * 50}).changed, "a rename"
    assert limited.put({"moved-" + path: b"y" * 30}).changed, "smaller, if still too large"
    assert limited.put({"moved-" + path: b"y" * 20}).changed
    assert limited.refused({"moved-" + path: b"y" * 21}).found == 21
    assert limited.refused({"new-" + path: b"y" * 21}).found == 21
    assert limited.put({"moved-" + path: None}).changed


def test_i1_pages_and_attachments_have_limits_of_their_own(limited: LimitedWiki) -> None:
    limited.limits = FarmLimits(page_bytes=10, attachment_bytes=20, repository_bytes=None)
    limited.put({"a.md": b"x" * 10, "a/b.png": b"x" * 20})
    assert limited.refused({"a.md": b"x" * 11}).what == "page_bytes"
    limited.put({"big.png": b"x" * 20})
    limited.limits = FarmLimits(page_bytes=5, attachment_bytes=20, repository_bytes=None)
    # A deleted attachment makes no room for a page that is too large.
    assert limited.refused({"big.png": None, "c.md": b"x" * 15}).what == "page_bytes"


def test_i1_a_rename_may_let_pages_above_the_limit_grow_by_their_links(
    limited: LimitedWiki,
) -> None:
    links = b"[[A]] " * 500
    limited.put({"a.md": links, "big.md": links, "small.md": b"x"})
    limited.limits = FarmLimits(page_bytes=1_000, attachment_bytes=None, repository_bytes=None)
    longer = links.replace(b"[[A]]", b"[[A longer name]]")
    renamed = {"a.md": None, "moved.md": longer, "big.md": longer}
    assert limited.refused({"big.md": longer}).what == "page_bytes"
    assert limited.refused({"a.md": None, "big.md": longer}).found == len(longer), "no move"
    assert limited.refused({"moved.md": b"x", "big.md": longer}).found == len(longer), "no move"
    assert limited.put(renamed).changed
    refusal = limited.refused({"moved.md": None, "back.md": longer, "big.md": longer * 3})
    assert refusal.found == 3 * len(longer), "within reason"
    # What did not stand there is no link that was rewritten.
    assert limited.refused({"small.md": None, "new.md": b"x" * 20_000}).found == 20_000


# ---------------------------------------------------------------------- room on the disk


def test_i1_a_full_repository(limited: LimitedWiki) -> None:
    limited.put({"a.md": noise(2_000), "a/file": noise(500_000)})
    limit = limited.size() + 3_000
    limited.limits = FarmLimits(page_bytes=None, attachment_bytes=None, repository_bytes=limit)
    refusal = limited.refused({"a/new": noise(4_000, 2)})
    assert refusal.what == "repository_bytes"
    assert refusal.limit == limit < refusal.found
    assert "Deleting files does not help" in str(refusal)
    assert limited.refused({"a/file": noise(4_000, 3)}).what == "repository_bytes"
    assert limited.refused({"b.md": noise(4_000, 4)}).what == "repository_bytes"
    assert limited.put({"a.md": noise(4_000, 5)}).changed, "an edit uses the reserve"
    assert limited.size() > limit
    assert limited.put({"a.md": None, "b.md": noise(4_000, 5)}).changed, "a rename"
    assert limited.put({"b.md": noise(200, 6), "a/file": None}).changed
    edits: list[CommitResult] = []
    with pytest.raises(QuotaExceeded, match="with its whole history"):
        edits.extend(limited.put({"b.md": noise(1_000, 100 + n)}) for n in range(100))
    assert 0 < len(edits) < 10, "the reserve is a tenth of the limit"
    assert limited.put({"b.md": None}).changed, "deleting always works"


def test_what_compresses_well_is_counted_as_it_is_stored(limited: LimitedWiki) -> None:
    limited.put({"a/file": noise(50_000)})
    limited.limits = FarmLimits(
        page_bytes=None, attachment_bytes=None, repository_bytes=limited.size() + 3_000
    )
    assert limited.put({"b.md": b"a line that repeats\n" * 5_000}).changed


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_room_is_measured_once_a_minute_while_there_is_enough(tmp_path: Path) -> None:
    clock, sizes, measured = Clock(), {"a": 100, "b": 100}, []

    def measure(git_dir: Path) -> int:
        measured.append(git_dir.name)
        return sizes[git_dir.name]

    use = DiskUse(measure=measure, now=clock)

    def is_far(name: str, growth: int = 1) -> bool:
        return use.size_if_near(1_000, tmp_path / name, growth) is None

    assert all(is_far("a") for _ in range(50))
    assert measured == ["a"]
    assert is_far("b")
    assert measured == ["a", "b"]
    sizes["a"] = 899
    clock.seconds = REMEMBERED_SECONDS - 1
    assert is_far("a"), "what others wrote is not seen yet"
    clock.seconds = REMEMBERED_SECONDS
    assert is_far("a")
    assert measured == ["a", "b", "a"]
    assert not is_far("a"), "900 of 1,000 and one more"
    assert is_far("b", 100)
    assert not is_far("b", 701), "its own writing counts at once"


def test_one_question_is_one_measurement_and_what_it_allowed_counts(tmp_path: Path) -> None:
    measured: list[Path] = []

    def measure(git_dir: Path) -> int:
        measured.append(git_dir)
        return 500

    use = DiskUse(measure=measure, now=Clock())
    assert use.size_if_near(1_000, tmp_path, 450) == 500
    assert len(measured) == 1
    assert use.size_if_near(1_000, tmp_path, 300) == 500, "the first 450 may have been written"
    assert len(measured) == 2


def test_the_size_is_that_of_the_object_files(limited: LimitedWiki) -> None:
    limited.put({"a/file": noise(50_000)})
    git_dir = limited.repository.git_dir
    assert size_of_objects(git_dir) == room(git_dir) >= 50_000
    limited.repository.git("gc", "--quiet")
    assert size_of_objects(git_dir) == room(git_dir) >= 50_000
    assert size_of_objects(git_dir.parent / "missing") == 0


def test_short_pages_count_as_the_blocks_they_take(limited: LimitedWiki) -> None:
    limited.put({f"{number}.md": b"%d" % number for number in range(50)})
    objects = [
        path for path in (limited.repository.git_dir / "objects").rglob("*") if path.is_file()
    ]
    length = sum(path.stat().st_size for path in objects)
    assert limited.size() == room(limited.repository.git_dir) > 2 * length


def room(git_dir: Path) -> int:
    found = [path.stat() for path in (git_dir / "objects").rglob("*") if path.is_file()]
    return sum(max(about.st_size, about.st_blocks * 512) for about in found)


def test_requests_are_read_up_to_what_the_limits_allow() -> None:
    limits = FarmLimits()
    form, whole = quotas.form_bytes(limits), quotas.request_bytes(limits)
    assert form is not None and whole is not None
    assert form >= 3 * 1_000_000, "a page in Cyrillic, sent by a browser"
    assert whole >= max(form, 10_000_000)
    assert quotas.request_bytes(NONE) is quotas.form_bytes(NONE) is None
