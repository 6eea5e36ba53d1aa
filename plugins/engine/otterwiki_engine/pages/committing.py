"""From changes to one commit: worked out, checked and written in one step.

Whether a change may be made, and what it makes of the files, depends on the head. So it is worked
out on the head it is committed to: once before the wiki's lock is taken (most refusals and all
slow work happen there), and again under it if the head has moved and
says something else about what was looked at. Nobody waits longer than that,
and nobody who appends to a page is turned away because somebody else did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..paths import NO_COMMIT
from ..repository import CommitResult, Repository, Work
from ..snapshot import Snapshot
from .records import Writer
from .working_copy import WorkingCopy

_T = TypeVar("_T")


@dataclass(frozen=True)
class Plan(Generic[_T]):
    """What a change makes of the files of one head: ``copy`` has them, ``outcome`` is what the
    service answers with, ``message`` says what happens."""

    copy: WorkingCopy
    outcome: _T
    message: str


@dataclass(frozen=True)
class Committed(Generic[_T]):
    """A plan that was carried out, and the commit it became."""

    plan: Plan[_T]
    result: CommitResult


def commit(
    repository: Repository,
    make: Callable[[Snapshot], Plan[_T]],
    *,
    by: Writer,
    message: str | None,
) -> Committed[_T]:
    """Carry out the plan that `make` makes for the files of HEAD, in one commit.

    `make` may be called several times, also under the wiki's lock: it must not write and should be
    quick, and all it learns of the head it asks its working copy (or says so there). What it raises
    is raised here. `message` None or "" takes the plan's.
    """
    plan = make(repository.snapshot(repository.head() or NO_COMMIT))

    def work(head: Snapshot) -> Work:
        nonlocal plan
        if not plan.copy.holds_on(head):
            plan = make(head)
        given = message if message and message.strip() else None
        return Work(plan.copy.changes, given or plan.message)

    result = repository.commit_work(work, author=by.author, actor=by.did, client=by.client)
    return Committed(plan, result)
