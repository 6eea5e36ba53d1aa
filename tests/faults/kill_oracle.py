"""What must be true of a wiki whose writer was killed, at whichever moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .git_facts import WikiOnDisk, blob_id
from .writers import index_problems
from .zygote import Outcome, Zygote, ZygoteError

NEXT_SAVE_SECONDS = 5.0
KILLED_AUTHOR = ("killed.test", "did.plc.killed@users.robot.localhost")
NEXT_AUTHOR = ("next.test", "did.plc.next@users.robot.localhost")
_NEXT_PATH = "notes/next.md"

Contents = Mapping[str, bytes | None]


@dataclass(frozen=True)
class Operation:
    """One thing a user does. `call` performs it; `changes` are the files it means to change.

    `call(zygote, folder, kill_at)` runs it as :data:`KILLED_AUTHOR`. What :data:`NEXT_AUTHOR` does
    afterwards goes through the engine.
    """

    name: str
    changes: Contents
    call: Callable[[Zygote, Path, int], Outcome]

    def __str__(self) -> str:
        return self.name


@dataclass
class Report:
    """What a matrix found. `problems` is empty when the wiki kept its promises at every point."""

    points: int = 0
    committed: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        shown = "\n".join(self.problems[:12])
        return f"{len(self.problems)} problems at {self.points} points\n{shown}"


def as_json(changes: Contents) -> dict[str, str | None]:
    """File contents as they travel to a zygote."""
    return {
        path: None if content is None else content.decode("latin-1")
        for path, content in changes.items()
    }


def next_save(zygote: Zygote, folder: Path, text: str, *, kill_at: int = 0) -> Outcome:
    """Another person saves another page."""
    return zygote.call(
        "commit",
        kill_at=kill_at,
        folder=str(folder),
        changes={_NEXT_PATH: text},
        author=list(NEXT_AUTHOR),
        message="next save",
    )


class KillMatrix:
    """Runs one operation on copies of `template`, killed at given steps, and judges each copy.

    `acting` performs the operation, `engine` is a zygote of ``engine_calls`` for what follows.
    `template` is a wiki's folder, or a farm's with the wiki at `inner` and others at `untouched`.
    """

    def __init__(
        self,
        template: Path,
        place: Path,
        operation: Operation,
        acting: Zygote,
        engine: Zygote,
        *,
        inner: str = "",
        untouched: Sequence[str] = (),
    ) -> None:
        self._template = template
        self._place = place
        self._folder = place / inner
        self._untouched = {name: WikiOnDisk(template / name).head() for name in untouched}
        self._operation = operation
        self._acting = acting
        self._engine = engine
        before = WikiOnDisk(template / inner)
        self._tree_before = before.tree()
        self._head_before = before.head()
        self._status_before = before.status() if before.has_work_tree else ""
        self._tree_after = dict(self._tree_before)
        for path, content in operation.changes.items():
            if content is None:
                self._tree_after.pop(path, None)
            else:
                self._tree_after[path] = blob_id(content)

    def count_steps(self) -> int:
        """How many steps the operation has here, by running it undisturbed."""
        self._fresh_copy()
        outcome = self._operation.call(self._acting, self._place, 0)
        problems = list(self._judge_outcome(outcome))
        if problems:
            raise AssertionError(f"{self._operation} does not work undisturbed: {problems}")
        return len(outcome.steps)

    def run(self, points: list[int]) -> Report:
        """Kill before each of the steps `points`, each time in a fresh copy of the template."""
        report = Report()
        for point in points:
            self._fresh_copy()
            outcome = self._operation.call(self._acting, self._place, point)
            report.points += 1
            where = f"{self._operation} killed before step {point} ({outcome.killed_before}): "
            wiki = WikiOnDisk(self._folder)
            if wiki.head() != self._head_before:
                report.committed += 1
            found = [*self._judge_outcome(outcome), *self._judge_aftermath()]
            report.problems.extend(where + problem for problem in found)
        return report

    def run_twice(self, points: list[tuple[int, int]]) -> Report:
        """As :meth:`run`, and the next save, which repairs, is killed at a step of its own."""
        report = Report()
        for first, second in points:
            self._fresh_copy()
            outcome = self._operation.call(self._acting, self._place, first)
            repair = next_save(self._engine, self._folder, "repairs\n", kill_at=second)
            report.points += 1
            where = (
                f"{self._operation} killed before step {first} ({outcome.killed_before}), the"
                f" next save before step {second} ({repair.killed_before}): "
            )
            found = self._judge_aftermath(killed_next_save=True)
            report.problems.extend(where + problem for problem in found)
        return report

    # ------------------------------------------------------------------ judging

    def _judge_outcome(self, outcome: Outcome) -> Iterator[str]:
        """Right after the kill: the operation is wholly there or wholly absent."""
        wiki = WikiOnDisk(self._folder)
        if not outcome.killed_before and wiki.tree() != self._tree_after:
            yield "it was acknowledged, but is not in HEAD"
        yield from self._judge_history(wiki, {KILLED_AUTHOR: self._operation.changes}, 1)

    def _judge_history(
        self, wiki: WikiOnDisk, expected: Mapping[tuple[str, str], Contents], most_commits: int
    ) -> Iterator[str]:
        """Earlier work is there, and each new commit is whole and under its own author's name."""
        if self._head_before not in wiki.reachable():
            yield "earlier commits are not reachable from HEAD any more"
            return
        commits = wiki.commits(f"{self._head_before}..HEAD")
        if len(commits) > most_commits:
            yield f"{len(commits)} commits were made"
        for commit in commits:
            changes = expected.get(commit.author)
            if changes is None:
                yield f"a commit is by {commit.author}"
                continue
            wanted = {path: content and blob_id(content) for path, content in changes.items()}
            strange = {
                path: blob for path, blob in commit.blobs.items() if wanted.get(path, "") != blob
            }
            if strange:
                yield f"the commit of {commit.author[0]} changes {strange}"
            elif changes is self._operation.changes and commit.blobs != self._whole():
                yield f"the commit holds only {sorted(commit.blobs)}"

    def _whole(self) -> dict[str, str | None]:
        """The paths the operation changes in the template's tree."""
        paths = {*self._tree_before, *self._tree_after}
        return {
            path: self._tree_after.get(path)
            for path in paths
            if self._tree_before.get(path) != self._tree_after.get(path)
        }

    def _judge_aftermath(self, *, killed_next_save: bool = False) -> Iterator[str]:
        """The next save works and is only itself; then everything agrees; a retry does it all."""
        wiki = WikiOnDisk(self._folder)
        next_texts: dict[str, bytes | None] = {_NEXT_PATH: b"next\n"}
        try:
            saved = next_save(self._engine, self._folder, "next\n")
        except ZygoteError as error:
            yield f"the next save fails: {str(error).strip().splitlines()[-1]}"
            return
        if saved.seconds > NEXT_SAVE_SECONDS:
            yield f"the next save took {saved.seconds:.1f} s"
        if wiki.head() != saved.result["revision"]:
            yield "the next save is not HEAD"
        if saved.result["changed"] != [_NEXT_PATH]:
            yield f"the next save changed {saved.result['changed']}"
        if killed_next_save:
            commits = wiki.commits(f"{self._head_before}..HEAD")
            if {commit.author for commit in commits} - {KILLED_AUTHOR, NEXT_AUTHOR}:
                yield "a commit is by somebody else"
            texts = {c.blobs.get(_NEXT_PATH) for c in commits if c.author == NEXT_AUTHOR}
            if texts - {blob_id(b"next\n"), blob_id(b"repairs\n")}:
                yield "the next author's commits hold something else"
        else:
            changes = {KILLED_AUTHOR: self._operation.changes, NEXT_AUTHOR: next_texts}
            yield from self._judge_history(wiki, changes, 2)
        yield from self._judge_files(wiki)
        yield from index_problems(self._engine, self._folder)
        expected = self._tree_after | {_NEXT_PATH: blob_id(b"next\n")}
        if wiki.tree() != expected:
            try:
                self._operation.call(self._acting, self._place, 0)
            except ZygoteError as error:
                yield f"retrying it fails: {str(error).strip().splitlines()[-1]}"
        if wiki.tree() != expected:
            yield "retrying it does not bring what it should"
        yield from self._judge_files(wiki)
        if complaint := wiki.fsck():
            yield f"fsck: {complaint.strip()}"

    def _judge_files(self, wiki: WikiOnDisk) -> Iterator[str]:
        """Nobody writes at the moment: no locks, and index and files agree with HEAD."""
        if leftovers := wiki.leftovers():
            yield f"left behind: {leftovers}"
        for name, head in self._untouched.items():
            if WikiOnDisk(self._place / name).head() != head:
                yield f"{name} changed too"
        if wiki.has_work_tree and (status := wiki.status()) != self._status_before:
            yield f"git status: {status.splitlines()}"

    def _fresh_copy(self) -> None:
        if self._place.exists():
            shutil.rmtree(self._place)
        shutil.copytree(self._template, self._place, symlinks=True)
