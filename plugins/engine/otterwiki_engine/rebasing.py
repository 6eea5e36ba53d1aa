"""What a change made on one revision means on another, later one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .errors import BadRevision, Conflict, NotFound
from .merge import merge_bytes
from .paths import NO_COMMIT
from .snapshot import Snapshot

Changes = Mapping[str, bytes | None]


def rebase(
    changes: Changes,
    *,
    base: str | None,
    head: str | None,
    merge: bool,
    snapshot: Callable[[str], Snapshot],
) -> tuple[dict[str, bytes | None], tuple[str, ...]]:
    """What `changes` made on revision `base` mean on `head`; also the paths that were merged.

    `base` and `head` are full ids, `base` None where the change takes `head` as it is; `snapshot`
    gives the files of a revision. A path that changed since `base` raises :class:`Conflict`, unless
    `merge` is set and the changes do not overlap.
    """
    wanted = dict(changes)
    if base is None or base == (head or NO_COMMIT):
        return wanted, ()
    theirs = snapshot(head or NO_COMMIT)
    try:
        before = snapshot(base)
    except (NotFound, BadRevision):
        raise Conflict(
            tuple(wanted), base, head, f"revision {base[:12]} is not in this wiki's history"
        ) from None
    merged: list[str] = []
    conflicts: list[str] = []
    for path, content in changes.items():
        old, new = before.get(path), theirs.get(path)
        if old == new or (new is None and content is None):
            continue
        if new is not None and content is not None and theirs.read(path) == content:
            continue
        result = None
        if merge and old and new and content is not None:
            result = merge_bytes(before.read(path), content, theirs.read(path))
        if result is None:
            conflicts.append(path)
        else:
            wanted[path] = result
            merged.append(path)
    if conflicts:
        raise Conflict(tuple(sorted(conflicts)), base, head)
    return wanted, tuple(merged)
