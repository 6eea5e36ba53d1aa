"""Many writers at once: what they were told is saved, and what became of it.

A :class:`Team` starts writer processes (:mod:`.writer_process`), lets them loose together, and
collects what each save was answered. :func:`judge` then asks the git command about it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .git_facts import CommitFacts, WikiOnDisk
from .zygote import ROOT, Zygote, ZygoteError

_START_SECONDS = 60.0


class WriterFailed(Exception):
    """A writer process ended with an error; the message is the end of its log."""


@dataclass(frozen=True)
class Saved:
    """One acknowledged save. `blob` is the id of the content; `revision` "" if the door has none.

    `thread` names the thread that made it, `number` counts that thread's saves in their order.
    """

    thread: str
    wiki: str
    path: str
    author: tuple[str, str]
    blob: str
    revision: str
    number: int


@dataclass
class Answers:
    """All acknowledged saves, and the words of the refusals."""

    saved: list[Saved] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Writer:
    """One writer process: `door` names a class of :mod:`.doors`, `options` are its arguments.

    Each of `threads` threads makes `saves` saves, to all `wikis` in turn, of a `style`: overwrite
    pages of all kinds, overwrite "own pages" only, or "append" lines to one page. `python` runs it.
    """

    name: str
    door: str
    options: Mapping[str, Any]
    wikis: Sequence[str]
    threads: int
    saves: int
    style: str = "overwrite"
    python: str = sys.executable


def run_team(writers: Sequence[Writer], logs: Path, *, timeout_seconds: float) -> Answers:
    """Start all writers, let them begin together, and return what they were answered.

    Raises :class:`WriterFailed` when one fails or the time is up; none is left running.
    """
    started: list[tuple[Writer, subprocess.Popen[str], Path]] = []
    try:
        for writer in writers:
            log = logs / f"{writer.name}.log"
            with log.open("w") as errors:
                process = subprocess.Popen(
                    [writer.python, "-m", "tests.faults.writer_process", _config(writer)],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
            started.append((writer, process, log))
        for writer, process, log in started:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise WriterFailed(f"{writer.name} does not start:\n{_tail(log)}")
        for _, process, _ in started:
            if process.stdin is not None:
                process.stdin.write("go\n")
                process.stdin.flush()
        answers = Answers()
        for writer, process, log in started:
            output, _ = process.communicate(timeout=timeout_seconds)
            if process.returncode != 0:
                raise WriterFailed(f"{writer.name} failed:\n{_tail(log)}")
            _collect(output, answers)
        return answers
    finally:
        for _, process, _ in started:
            if process.poll() is None:
                process.kill()
                process.wait()


def run_until_killed(writer: Writer, logs: Path, *, kill_after: int) -> Answers:
    """Start one writer and kill it (SIGKILL) once it has said that `kill_after` saves are done.

    Its threads are then somewhere in their next saves. Returns all it managed to say.
    """
    log = logs / f"{writer.name}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [writer.python, "-m", "tests.faults.writer_process", _config(writer)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        if process.stdin is None or process.stdout is None:
            raise WriterFailed("the writer has no input or output")
        if process.stdout.readline() != "ready\n":
            raise WriterFailed(f"{writer.name} does not start:\n{_tail(log)}")
        process.stdin.write("go\n")
        process.stdin.flush()
        said = "".join(process.stdout.readline() for _ in range(kill_after))
        process.kill()
        said += process.stdout.read()
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
    answers = Answers()
    _collect(said[: said.rfind("\n") + 1], answers)
    if len(answers.saved) + len(answers.refused) < kill_after:
        raise WriterFailed(f"{writer.name} ended by itself:\n{_tail(log)}")
    return answers


def _config(writer: Writer) -> str:
    return json.dumps({**vars(writer), "options": dict(writer.options)})


def _tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-25:])


def _collect(output: str, answers: Answers) -> None:
    for line in output.splitlines():
        said = json.loads(line)
        if "refused" in said:
            answers.refused.append(said["refused"])
        else:
            answers.saved.append(Saved(**{**said, "author": tuple(said["author"])}))


# ---------------------------------------------------------------------- judging


@dataclass
class Verdict:
    """What became of the saves. All lists are empty when nothing went wrong."""

    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    crossings: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """Everything that went wrong."""
        return self.lost + self.crossings + self.other

    def __str__(self) -> str:
        shown = "\n".join(self.problems[:12])
        return (
            f"{self.acknowledged} acknowledged, {len(self.lost)} lost,"
            f" {len(self.crossings)} crossings, {len(self.other)} other problems\n{shown}"
        )


def judge(
    wikis: Mapping[str, Path],
    answers: Answers,
    *,
    before: Mapping[str, str],
    all_answered: bool = True,
) -> Verdict:
    """Compare what was acknowledged with what is reachable from each wiki's HEAD.

    `wikis` maps names to folders, `before` to the revision each stood at when the writers began.
    Unless `all_answered`, saves may be there that nobody was told of: the writer was killed.
    """
    verdict = Verdict(acknowledged=len(answers.saved))
    for name, folder in wikis.items():
        wiki = WikiOnDisk(folder)
        mine = [saved for saved in answers.saved if saved.wiki == name]
        others = {saved.blob for saved in answers.saved if saved.wiki != name}
        if before[name] and before[name] not in wiki.reachable():
            verdict.lost.append(f"{name}: what it stood at before is not reachable")
            continue
        commits = wiki.commits(f"{before[name]}..HEAD" if before[name] else "HEAD")
        _judge_saves(name, mine, commits, verdict)
        _judge_commits(name, others, commits, verdict)
        if all_answered:
            _judge_last_pages(name, mine, wiki, verdict)
        if complaint := wiki.fsck():
            verdict.other.append(f"{name}: fsck: {complaint.strip()}")
        if leftovers := wiki.leftovers():
            verdict.other.append(f"{name}: left behind: {leftovers}")
        if wiki.has_work_tree and (status := wiki.status()):
            verdict.other.append(f"{name}: git status: {status.splitlines()[:5]}")
    return verdict


def _judge_saves(
    name: str, mine: list[Saved], commits: list[CommitFacts], verdict: Verdict
) -> None:
    """Each acknowledged save is a commit of its own, by its author, with its content."""
    by_revision = {commit.revision: commit for commit in commits}
    made = Counter(
        (path, blob, commit.author) for commit in commits for path, blob in commit.blobs.items()
    )
    for saved in mine:
        what = f"{name}: save {saved.number} of {saved.path} by {saved.thread}"
        if not made[saved.path, saved.blob, saved.author]:
            verdict.lost.append(f"{what} is in no reachable commit under that name")
        elif saved.revision:
            commit = by_revision.get(saved.revision)
            if commit is None:
                verdict.lost.append(f"{what}: {saved.revision} is not reachable")
            elif commit.blobs != {saved.path: saved.blob} or commit.author != saved.author:
                verdict.other.append(f"{what}: {saved.revision} is something else: {commit}")


def _judge_commits(
    name: str, others: set[str], commits: list[CommitFacts], verdict: Verdict
) -> None:
    """No commit holds more than one save, or what was written for another wiki."""
    for commit in commits:
        if len(commit.blobs) != 1:
            verdict.other.append(f"{name}: {commit.revision} changes {sorted(commit.blobs)}")
        if others & {blob for blob in commit.blobs.values() if blob}:
            verdict.crossings.append(f"{name}: {commit.revision} holds another wiki's text")


def _judge_last_pages(name: str, mine: list[Saved], wiki: WikiOnDisk, verdict: Verdict) -> None:
    """A page that one thread alone writes ends as that thread left it."""
    tree = wiki.tree()
    threads: dict[str, set[str]] = {}
    last: dict[str, Saved] = {}
    for saved in mine:
        threads.setdefault(saved.path, set()).add(saved.thread)
        if saved.path not in last or last[saved.path].number < saved.number:
            last[saved.path] = saved
    for path, saved in last.items():
        if path not in tree:
            verdict.lost.append(f"{name}: {path} is not in HEAD")
        elif len(threads[path]) == 1 and tree[path] != saved.blob:
            verdict.lost.append(f"{name}: {path} is not as {saved.thread} left it")


def index_problems(engine: Zygote, folder: Path) -> list[str]:
    """Where a fresh process's history index differs from git log; `engine`: ``engine_calls``."""
    try:
        said: dict[str, Any] = engine.call("history", folder=str(folder)).result
    except ZygoteError as error:
        return [f"history fails: {str(error).strip().splitlines()[-1]}"]
    wiki = WikiOnDisk(folder)
    commits = wiki.commits()
    problems = []
    if said["revisions"] != [commit.revision for commit in commits]:
        problems.append("the history index lists other commits than git log")
    if said["authors"] != [list(commit.author) for commit in commits]:
        problems.append("the history index names other authors than git log")
    last: dict[str, str] = {}
    for commit in commits:
        for path in commit.blobs:
            last.setdefault(path, commit.revision)
    if said["last_change"] != {path: last[path] for path in wiki.tree()}:
        problems.append("the history index knows other last changes than git log")
    return problems
