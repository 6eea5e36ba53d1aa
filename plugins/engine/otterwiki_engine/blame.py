"""Which commit each line of a file comes from.

Worked out along the file's own versions (:meth:`HistoryIndex.versions`), newest first: lines that
a version has in common with what it was made from go on to that, the rest is its own. Answers are
kept in the index, and a kept answer for any older version ends the walk, so that after an edit only
one comparison is left to do.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from .errors import NotFound
from .history import HistoryIndex, Version
from .line_changes import Change, line_changes, split_lines
from .repository import Repository
from .tree_changes import ObjectReader

_MOST_STEPS_PER_VERSION = 100_000


@dataclass(frozen=True, slots=True)
class BlameLine:
    """A line: the full id of the commit it comes from, its number from 1, its text without LF."""

    revision: str
    line_number: int
    text: str


class _Span(NamedTuple):
    """`length` lines that stand at `here` in some version and at `final` in the newest one."""

    final: int
    here: int
    length: int


def blame(
    repository: Repository, history: HistoryIndex, path: str, revision: str | None = None
) -> list[BlameLine]:
    """Every line of the file `path` as of `revision` (a full id; None: HEAD).

    Bytes that are not UTF-8 are replaced in ``text``. Raises :class:`NotFound` where there is no
    such file or revision.
    """
    newest = history.version(path, revision)
    if newest is None:
        raise NotFound(f"{path} not found")
    lines = split_lines(repository.blob(newest.blob_id))
    kept = _Kept.load(history, newest.path)
    origins = kept.get(newest.revision, len(lines))
    if origins is None:
        versions = history.versions(path, revision, stop_at=kept.revisions)
        origins = _attribute(repository, versions, lines, kept)
        history.keep_blame(newest.path, newest.revision, _encode(origins))
    return [
        BlameLine(origin, number, line.decode("utf-8", "replace").rstrip("\n"))
        for number, (origin, line) in enumerate(zip(origins, lines, strict=True), 1)
    ]


def _attribute(
    repository: Repository, versions: list[Version], lines: list[bytes], kept: _Kept
) -> list[str]:
    """The revision of each of `lines`, the lines of ``versions[0]``."""
    reader = ObjectReader(repository)
    origins = [""] * len(lines)
    waiting: dict[int, list[_Span]] = {0: [_Span(0, 0, len(lines))]}
    contents: dict[int, list[bytes]] = {0: lines}
    for position, version in enumerate(versions):
        spans = waiting.pop(position, None)
        if not spans:
            continue
        known = kept.get(version.revision, None) if version.path == kept.path else None
        if known is not None:
            for final, here, length in spans:
                origins[final : final + length] = known[here : here + length]
            continue
        content = contents.pop(position, None)
        for source in version.sources:
            if content is None:
                content = split_lines(reader.blob(version.blob_id.encode("ascii")))
            if source not in contents:
                contents = {source: split_lines(reader.blob(versions[source].blob_id.encode()))}
            passed, spans = _pass_on(
                spans, line_changes(contents[source], content, _MOST_STEPS_PER_VERSION)
            )
            waiting.setdefault(source, []).extend(passed)
            if not spans:
                break
        for final, _, length in spans:
            origins[final : final + length] = [version.revision] * length
        if not waiting:
            break
    return origins


def _pass_on(spans: list[_Span], changes: list[Change]) -> tuple[list[_Span], list[_Span]]:
    """Split `spans` into what stands in the older text too (at its place there) and the rest."""
    passed: list[_Span] = []
    own: list[_Span] = []
    spans = sorted(spans, key=lambda span: span.here)
    position = 0
    for final, here, length in spans:
        # Spans of two later versions can overlap here, so changes may have to be seen again.
        while position and changes[position - 1].new_end > here:
            position -= 1
        while position < len(changes) and changes[position].new_end <= here:
            position += 1
        shift = changes[position - 1].old_end - changes[position - 1].new_end if position else 0
        end = here + length
        at = position
        while here < end:
            change = changes[at] if at < len(changes) else None
            stop = end if change is None else min(end, change.new_start)
            if stop > here:
                passed.append(_Span(final, here + shift, stop - here))
                final, here = final + stop - here, stop
            if change is not None and here < end:
                stop = min(end, change.new_end)
                if stop > here:
                    own.append(_Span(final, here, stop - here))
                    final, here = final + stop - here, stop
                shift = change.old_end - change.new_end
                at += 1
    return passed, own


# ---------------------------------------------------------------------- kept answers


def _encode(origins: list[str]) -> str:
    """Origins as JSON: [[revision, number of lines], ...]."""
    runs: list[list[str | int]] = []
    count = 0
    for index, origin in enumerate(origins):
        count += 1
        if index + 1 == len(origins) or origins[index + 1] != origin:
            runs.append([origin, count])
            count = 0
    return json.dumps(runs)


class _Kept:
    """Answers worked out earlier for versions of one path."""

    def __init__(self, path: str, data: dict[str, str]) -> None:
        self.path = path
        self._data = data

    @classmethod
    def load(cls, history: HistoryIndex, path: str) -> _Kept:
        """What the index has for `path`."""
        return cls(path, history.kept_blames(path))

    @property
    def revisions(self) -> Collection[str]:
        """The versions for which there are answers."""
        return self._data.keys()

    def get(self, revision: str, line_count: int | None) -> list[str] | None:
        """Origins of the lines as of `revision`; None where nothing is kept."""
        data = self._data.get(revision)
        if data is None:
            return None
        origins = [origin for origin, count in json.loads(data) for _ in range(count)]
        return origins if line_count in (None, len(origins)) else None
