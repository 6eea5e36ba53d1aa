"""Three-way merge of page texts, line by line (the algorithm is the merge3 package's)."""

from __future__ import annotations

from dataclasses import dataclass

from merge3 import Merge3

from .matching import BoundedMatcher

OURS_MARKER = "<<<<<<< your text"
MIDDLE_MARKER = "======="
THEIRS_MARKER = ">>>>>>> current text"


@dataclass(frozen=True)
class MergeResult:
    """`text` with everything merged that does not overlap, and the number of overlaps left.

    Each overlap stands in `text` between marker lines: first "ours", then "theirs".
    """

    text: str
    conflicts: int


def _lines(text: str) -> list[str]:
    """Lines with their line feeds; a last line without one gets it, so that markers stand alone."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last + "\n"] if last else [])


def merge_text(base: str, ours: str, theirs: str) -> MergeResult:
    """Apply to `theirs` what changed from `base` to `ours`.

    All three are whole texts. A text that misses its last line feed is given one.
    """
    merger = Merge3(_lines(base), _lines(ours), _lines(theirs), sequence_matcher=BoundedMatcher)
    merged: list[str] = []
    conflicts = 0
    for group in merger.merge_groups():
        if group[0] != "conflict":
            merged.extend(group[1])
            continue
        conflicts += 1
        merged.append(OURS_MARKER + "\n")
        merged.extend(group[2])
        merged.append(MIDDLE_MARKER + "\n")
        merged.extend(group[3])
        merged.append(THEIRS_MARKER + "\n")
    return MergeResult("".join(merged), conflicts)


def has_markers(text: str) -> bool:
    """Whether `text` still contains marker lines made by :func:`merge_text`."""
    lines = set(text.replace("\r\n", "\n").split("\n"))
    return OURS_MARKER in lines or THEIRS_MARKER in lines


def merge_bytes(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """The merged content, or None where it is not text or the changes overlap."""
    try:
        texts = [content.decode("utf-8") for content in (base, ours, theirs)]
    except UnicodeDecodeError:
        return None
    if any("\0" in text for text in texts):
        return None
    result = merge_text(*texts)
    return None if result.conflicts else result.text.encode("utf-8")
