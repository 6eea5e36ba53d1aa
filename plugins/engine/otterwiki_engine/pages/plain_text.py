"""The words of a text without its Markdown, as a reader sees them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from .inline import Piece

_MOST_MARKS = 400  # in one heading; with more they stay where they are


def heading_text(pieces: Sequence[Piece]) -> str:
    """What a heading made of `pieces` says: as the renderer's anchors are made from it."""
    parts: list[str] = []
    for kind, text in pieces:
        if kind == "text":
            parts.append(text)
        elif kind in ("plain", "code", "footnote"):
            parts.append(_Opaque(text))
        elif kind == "math":
            parts.append(_Opaque(text.strip("$")))
        # An image says nothing here: it is shown, and has no place in an anchor.
    return " ".join(html.unescape(_without_emphasis(parts)).split())


class _Opaque(str):
    """Text in which no mark means anything."""

    __slots__ = ()


@dataclass
class _Run:
    """Some of the same mark in a row: what is left of them, and what they may do."""

    part: int
    start: int
    mark: str
    count: int
    original: int
    opens: bool
    closes: bool


def _runs(parts: Sequence[str]) -> list[_Run]:
    runs = []
    for number, part in enumerate(parts):
        position = 0
        while not isinstance(part, _Opaque) and position < len(part):
            mark = part[position]
            end = position + 1
            if mark in "*_":
                while end < len(part) and part[end] == mark:
                    end += 1
                before = part[position - 1] if position else "\n"
                behind = part[end] if end < len(part) else "\n"
                count = end - position
                runs.append(
                    _Run(
                        number,
                        position,
                        mark,
                        count,
                        count,
                        _may(mark, before, behind),
                        _may(mark, behind, before),
                    )
                )
            position = end
    return runs


def _may(mark: str, outside: str, inside: str) -> bool:
    """Whether marks between these characters can hold what `inside` belongs to."""
    if inside.isspace() or (mark == "_" and outside.isalnum() and inside.isalnum()):
        return False
    inside_is_punctuation = not inside.isalnum()
    return not inside_is_punctuation or outside.isspace() or not outside.isalnum()


def _without_emphasis(parts: Sequence[str]) -> str:
    """`parts` as one text, without the marks that pair up (CommonMark 0.31, section 6.2)."""
    runs = _runs(parts)
    if len(runs) <= _MOST_MARKS:
        for closer_index, closer in enumerate(runs):
            if closer.closes:
                _close(runs, closer_index)
    taken: dict[int, set[int]] = {}
    for run in runs:
        # Which of a run's marks are left makes no difference to the text.
        taken.setdefault(run.part, set()).update(
            range(run.start + run.count, run.start + run.original)
        )
    return "".join(
        part
        if number not in taken
        else "".join(c for place, c in enumerate(part) if place not in taken[number])
        for number, part in enumerate(parts)
    )


def _close(runs: list[_Run], closer_index: int) -> None:
    """Pair the marks of one run with those before it."""
    closer = runs[closer_index]
    opener_index = closer_index - 1
    while closer.count and opener_index >= 0:
        opener = runs[opener_index]
        if opener.count and opener.opens and opener.mark == closer.mark and _fit(opener, closer):
            pairs = 2 if opener.count >= 2 and closer.count >= 2 else 1
            opener.count -= pairs
            closer.count -= pairs
            for between in runs[opener_index + 1 : closer_index]:
                between.opens = False
            if not opener.count:
                opener_index -= 1
        else:
            opener_index -= 1


def _fit(opener: _Run, closer: _Run) -> bool:
    if opener.closes or closer.opens:
        total = opener.original + closer.original
        return total % 3 != 0 or (opener.original % 3 == 0 and closer.original % 3 == 0)
    return True
