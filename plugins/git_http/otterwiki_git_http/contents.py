"""Which objects come with a list of commits: each folder and file that is new with one of them.

A commit is compared with its first parent, folder by folder, so that of a large wiki only what a
save touched is looked at. What a file or folder was before is kept as a hint for a delta.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .objects import Entries, ObjectReader, is_elsewhere, is_folder

_NOTHING: Entries = frozenset()


class Ids(Protocol):
    """A set of object ids, which may be large and on the disk."""

    def __contains__(self, object_id: bytes, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object to send; `before` is the one that its content was made from, if that is known."""

    id: bytes
    before: bytes | None = None


class _Either:
    """Ids that are in one of two sets."""

    def __init__(self, one: Ids, other: set[bytes]) -> None:
        self._one = one
        self._other = other

    def __contains__(self, object_id: bytes, /) -> bool:
        return object_id in self._other or object_id in self._one


def new_objects(
    reader: ObjectReader, commits: Sequence[bytes], had: Ids, *, had_commits: Sequence[bytes] = ()
) -> Iterator[Wanted]:
    """The objects of `commits` (parents before children) that are not in `had`, each once.

    All that `had_commits` hold is not sent either.
    """
    seen = set[bytes]()
    for commit_id in had_commits:
        _add_all(reader, reader.commit(commit_id).tree, seen)
    known = _Either(had, seen)
    sent_or_had = {*commits, *had_commits}
    for commit_id in commits:
        if commit_id in known:
            continue
        facts = reader.commit(commit_id)
        seen.add(commit_id)
        yield Wanted(commit_id)
        first = facts.parents[0] if facts.parents else None
        before = None
        if first is not None and (first in sent_or_had or first in had):
            before = reader.commit(first).tree
        yield from _new_in_tree(reader, facts.tree, before, known, seen)


def _new_in_tree(
    reader: ObjectReader, tree: bytes, before: bytes | None, known: Ids, seen: set[bytes]
) -> Iterator[Wanted]:
    """The folder `tree` and what is new below it. One level deep at a time, however deep it is."""
    todo = [(tree, before)]
    while todo:
        tree_id, old_id = todo.pop()
        if tree_id in known:
            continue
        seen.add(tree_id)
        yield Wanted(tree_id, old_id)
        new, old = reader.tree(tree_id), reader.tree(old_id) if old_id else _NOTHING
        earlier = {(name, mode): object_id for name, mode, object_id in old - new}
        for entry in sorted(new - old):
            name, mode, object_id = entry
            if object_id in known or is_elsewhere(entry):
                continue
            if is_folder(entry):
                todo.append((object_id, earlier.get((name, mode))))
                continue
            seen.add(object_id)
            yield Wanted(object_id, earlier.get((name, mode)))


def _add_all(reader: ObjectReader, tree: bytes, seen: set[bytes]) -> None:
    todo = [tree]
    while todo:
        tree_id = todo.pop()
        if tree_id in seen:
            continue
        seen.add(tree_id)
        for entry in reader.tree(tree_id):
            if is_folder(entry):
                todo.append(entry[2])
            else:
                seen.add(entry[2])
