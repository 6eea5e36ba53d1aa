"""Unified diffs as the service hands them out: of a few files, and never without end."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ..diff import diff, show
from ..repository import Repository

MOST_DIFF_CHARACTERS = 200_000


class Diff(NamedTuple):
    """A unified diff; ``text`` may be cut (``truncated``), the line counts are of all of it."""

    text: str
    truncated: bool
    added: int
    removed: int


NO_DIFF = Diff("", False, 0, 0)


def diff_of(
    repository: Repository, before: str | None, after: str | None, files: Collection[str]
) -> Diff:
    """What changed in `files` from one revision to another (full ids), with renames among them.

    `before` None stands for the wiki before its first commit, `after`; `after` None gives nothing.
    """
    if after is None or before == after or not files:
        return NO_DIFF
    if before is None:
        text = show(repository, after)
    else:
        text = diff(repository, before, after, paths=files)
    added, removed = _counts(text)
    if len(text) <= MOST_DIFF_CHARACTERS:
        return Diff(text, False, added, removed)
    end = text.rfind("\n", 0, MOST_DIFF_CHARACTERS) + 1
    return Diff(text[: end or MOST_DIFF_CHARACTERS], True, added, removed)


def _counts(text: str) -> tuple[int, int]:
    """Added and removed lines of a unified diff."""
    added = removed = 0
    in_hunk = False
    for line in text.split("\n"):
        if line.startswith("@@ "):
            in_hunk = True
        elif line.startswith(("diff --git ", "index ", "new file mode ", "deleted file mode ")):
            in_hunk = False
        elif in_hunk:
            added += line.startswith("+")
            removed += line.startswith("-")
    return added, removed
