"""SIGKILL on the farm: while a form is answered, a wiki made or deleted, an account deleted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .git_facts import WikiOnDisk
from .kill_content import FORMS, build, posted
from .kill_oracle import NEXT_SAVE_SECONDS, KillMatrix, Operation, next_save
from .kill_points import spread
from .servers import plain_environment
from .zygote import ROOT, Outcome, Zygote

_OPERATIONS = [posted(*form) for form in FORMS]
_OWNER = "killed.test"
_TEMPLATE_FILES = {"Home.md", "Help.md"}


@dataclass(frozen=True)
class FarmUnderTest:
    """A farm in `template` to be copied to `place`: the wiki ``killed``, and ``alice``'s."""

    zygote: Zygote
    place: Path
    template: Path
    cookie: str  # of the owner of ``killed``, who is also an editor of ``alice``

    def fresh(self) -> None:
        """Put an unharmed copy in place."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.template, self.place)

    def call(self, function: str, *, kill_at: int = 0, **arguments: Any) -> Outcome:
        """Call into a fresh process that opens the farm in place."""
        return self.zygote.call(function, kill_at=kill_at, folder=str(self.place), **arguments)

    def wiki(self, slug: str) -> WikiOnDisk:
        """A wiki in place."""
        return WikiOnDisk(self.place / "wikis" / slug)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmUnderTest]:
    """A process that has loaded Otterwiki as a farm."""
    folder = tmp_path_factory.mktemp("farm")
    environment = {"FAULTS_HOME": str(folder / "loaded")}
    subprocess.run(  # makes what a farm makes when it starts first, so that the zygote need not
        [sys.executable, "-c", "import tests.faults.farm_calls"],
        cwd=ROOT,
        env=plain_environment(environment),
        capture_output=True,
        check=True,
    )
    with Zygote("tests.faults.farm_calls", folder / "farm.log", environment) as zygote:
        template = folder / "template"
        zygote.call("build", folder=str(template), handles=[_OWNER, "alice.test"])
        build(zygote, template / "wikis" / "killed")
        cookie = zygote.call(
            "prepare_account", folder=str(template), handle=_OWNER, slug="alice"
        ).result
        yield FarmUnderTest(zygote, folder / "home", template, cookie)


# ---------------------------------------------------------------------- one wiki's pages


def _run(farm: FarmUnderTest, operation: Operation, wanted: int | None) -> None:
    matrix = KillMatrix(
        farm.template,
        farm.place,
        operation,
        farm.zygote,
        farm.zygote,
        inner="wikis/killed",
        untouched=["wikis/alice"],
    )
    report = matrix.run(spread(matrix.count_steps(), wanted))
    print(f"{operation}: {report.points} points, {report.committed} after the commit")
    assert not report.problems, str(report)


@pytest.mark.parametrize("operation", _OPERATIONS, ids=str)
def test_killed_request(farm: FarmUnderTest, operation: Operation) -> None:
    _run(farm, operation, 10)


@pytest.mark.soak
@pytest.mark.parametrize("operation", _OPERATIONS, ids=str)
def test_killed_request_at_every_step(farm: FarmUnderTest, operation: Operation) -> None:
    _run(farm, operation, None)


# ---------------------------------------------------------------------- wikis come and go


def _judge_farm(farm: FarmUnderTest, expected: set[str], others: dict[str, str]) -> Iterator[str]:
    """After the farm's own recovery: exactly these wikis, each whole; `others` are untouched."""
    recovery = farm.call("recover").result
    if recovery["stray"] or recovery["missing"]:
        yield f"recovery finds {recovery}"
    if set(farm.call("registered").result) != expected:
        yield f"the registry has {farm.call('registered').result}, not {sorted(expected)}"
    folders = {path.name for path in (farm.place / "wikis").iterdir()}
    if folders != expected:
        yield f"there are folders {sorted(folders)}, not {sorted(expected)}"
        return
    for slug in sorted(expected):
        wiki = farm.wiki(slug)
        if list(wiki.folder.glob("pending")):
            yield f"{slug} is still marked as pending"
        if complaint := wiki.fsck():
            yield f"{slug}: fsck: {complaint}"
        if slug in others and wiki.head() != others[slug]:
            yield f"{slug} was changed"
        saved = next_save(farm.zygote, wiki.folder, f"next in {slug}\n")
        if saved.seconds > NEXT_SAVE_SECONDS or wiki.head() != saved.result["revision"]:
            yield f"the next save in {slug} took {saved.seconds:.1f} s, HEAD is {wiki.head()}"
        if leftovers := wiki.leftovers():
            yield f"{slug}: left behind: {leftovers}"


def _judge_created(farm: FarmUnderTest, outcome: Outcome) -> Iterator[str]:
    """A killed creation: a whole wiki or none, and then the name can be used at once."""
    others = {slug: farm.wiki(slug).head() for slug in ("killed", "alice")}
    exists = "second" in farm.call("registered").result
    if not exists and outcome.killed_before == "":
        yield "it was acknowledged, but is not registered"
    status = farm.call("status", slug="second", handle=_OWNER, path="/Home").result
    if status != (200 if exists else 404):
        yield f"a visit is answered {status}, while the wiki {'exists' if exists else 'does not'}"
    if not exists:
        token = farm.call("create_wiki", slug="second", handle=_OWNER).result
        if not farm.call("token_works", slug="second", token=token).result:
            yield "the token of the second try does not work"
    if set(farm.wiki("second").tree()) != _TEMPLATE_FILES:
        yield f"the new wiki holds {sorted(farm.wiki('second').tree())}"
    yield from _judge_farm(farm, {"killed", "alice", "second"}, others)


def _judge_deleted(farm: FarmUnderTest, outcome: Outcome) -> Iterator[str]:
    """A killed deletion: the wiki is as it was, or gone; made anew it inherits nothing (H6)."""
    others = {"alice": farm.wiki("alice").head()}
    exists = "killed" in farm.call("registered").result
    if exists and outcome.killed_before == "":
        yield "it was acknowledged, but the wiki is there"
    status = farm.call("status", slug="killed", handle=_OWNER, path="/Home").result
    if status != (200 if exists else 404):
        yield f"a visit is answered {status}, while the wiki {'exists' if exists else 'does not'}"
    if exists:
        before = WikiOnDisk(farm.template / "wikis" / "killed")
        if farm.wiki("killed").head() != before.head():
            yield "the wiki that was not deleted has changed"
        farm.call("delete_wiki", slug="killed")
    farm.call("create_wiki", slug="killed", handle=_OWNER)
    if set(farm.wiki("killed").tree()) != _TEMPLATE_FILES:
        yield f"made anew, the wiki holds {sorted(farm.wiki('killed').tree())}"
    if len(farm.wiki("killed").reachable()) != 1:
        yield "made anew, the wiki has a history"
    yield from _judge_farm(farm, {"killed", "alice"}, others)


def _judge_account(farm: FarmUnderTest, outcome: Outcome) -> Iterator[str]:
    """A killed deletion of an account: nothing has happened, or the next start finishes it."""
    others = {"alice": WikiOnDisk(farm.template / "wikis" / "alice").head()}
    deleted = not farm.call("account", handle=_OWNER).result["active"]
    if not deleted and outcome.killed_before == "":
        yield "it was acknowledged, but the account is there"
    yield from _judge_doors(farm, deleted)
    farm.call("recover")
    if not deleted:
        yield from _judge_farm(farm, {"killed", "alice"}, others)
        yield from _judge_doors(farm, deleted=False)
        farm.call("delete_account", handle=_OWNER)
        others = {"alice": farm.wiki("alice").head()}
    yield from _judge_doors(farm, deleted=True)
    left = farm.call("account", handle=_OWNER).result
    if left != {"active": False, "handle": "", "sessions": 0, "roles": []}:
        yield f"of the account is left {left}"
    if farm.call("members", slug="alice").result != ["did:plc:alice"]:
        yield "it still has a role on the other wiki"
    refused = farm.call("refusal_of_name", name="killed", handle="alice.test").result
    if refused != ["NameTaken", "NameTaken"]:
        yield f"somebody else can have its name: {refused}"
    yield from _judge_farm(farm, {"alice"}, others)
    if farm.call("come_back", handle=_OWNER).result != "killed":
        yield "who comes back has another name"
    yield from _judge_doors(farm, deleted=True)  # the old browser is signed in no more
    farm.call("create_wiki", slug="killed", handle=_OWNER)
    if len(farm.wiki("killed").reachable()) != 1:
        yield "who comes back finds the old history"


def _judge_doors(farm: FarmUnderTest, deleted: bool) -> Iterator[str]:
    """The browser that was signed in is let into both private wikis, or into neither."""
    for slug in ("killed", "alice"):
        status = farm.call("status_with", slug=slug, cookie=farm.cookie, path="/Home").result
        if (status == 200) is deleted:
            yield f"{slug} answers {status}, while the account {'is deleted' if deleted else 'is'}"


_LIFECYCLE: dict[str, tuple[str, dict[str, Any], Callable[..., Iterator[str]]]] = {
    "wiki create": ("create_wiki", {"slug": "second", "handle": _OWNER}, _judge_created),
    "wiki delete": ("delete_wiki", {"slug": "killed"}, _judge_deleted),
    "account delete": ("delete_account", {"handle": _OWNER}, _judge_account),
}


def _run_lifecycle(farm: FarmUnderTest, name: str, wanted: int | None) -> None:
    function, arguments, judge = _LIFECYCLE[name]
    farm.fresh()
    steps = farm.call(function, **arguments).steps
    points = _points(name, steps, wanted)
    problems = []
    for point in points:
        farm.fresh()
        outcome = farm.call(function, kill_at=point, **arguments)
        where = f"{name} killed before step {point} ({outcome.killed_before}): "
        problems += [where + problem for problem in judge(farm, outcome)]
    print(f"{name}: {len(points)} of {len(steps)} points")
    assert not problems, "\n".join(problems[:12])


def _points(name: str, steps: Sequence[str], wanted: int | None) -> list[int]:
    """Where to kill; the last one is not killed at all.

    A deletion is decided before it removes the first file: most of the points lie there.
    """
    total = len(steps) + 1
    if wanted is None or not name.endswith("delete"):
        return spread(total, wanted)
    decided = next(i for i, step in enumerate(steps, 1) if step.startswith("os.remove"))
    return [*spread(decided, wanted - 2), (decided + total) // 2, total]


@pytest.mark.parametrize("name", list(_LIFECYCLE))
def test_killed_lifecycle(farm: FarmUnderTest, name: str) -> None:
    _run_lifecycle(farm, name, 12)


@pytest.mark.soak
@pytest.mark.parametrize("name", list(_LIFECYCLE))
def test_killed_lifecycle_at_every_step(farm: FarmUnderTest, name: str) -> None:
    _run_lifecycle(farm, name, None)
