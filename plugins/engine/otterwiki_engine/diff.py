"""Unified diffs in git's format, as Otterwiki's pages read them (with unidiff).

Differences from what git prints, all for the reader's sake: path names are not quoted (unidiff
does not undo it), control characters in them are shown as escapes; a name that contains " b/" gets
no ``diff --git`` line, which would be ambiguous; text that is not UTF-8 has its bad bytes replaced;
files above 2 MiB count as binary.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterator
from typing import NamedTuple

from .line_changes import Change, line_changes, split_lines
from .renames import is_binary, with_renames
from .repository import Repository
from .tree_changes import FileChange, FileState, ObjectReader, tree_changes

CONTEXT_LINES = 3
MOST_TEXT_BYTES = 2 * 1024 * 1024
_SHORT_ID = 7
_NO_ID = "0" * _SHORT_ID
_NO_FILE = "/dev/null"
_NO_NEWLINE = "\\ No newline at end of file\n"
_SECTION = re.compile(rb"[A-Za-z_$]")  # how git tells a line that names what follows
_MOST_SECTION_BYTES = 80
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def diff(
    repository: Repository, rev_a: str, rev_b: str, *, paths: Collection[str] | None = None
) -> str:
    """What changed from revision `rev_a` to `rev_b` (full ids), with renames found.

    With `paths`, only files of these names (old or new) are looked at, which is much quicker where
    the revisions are far apart. Raises :class:`NotFound` for an unknown revision.
    """
    trees = [repository.commit_object(revision).tree for revision in (rev_a, rev_b)]
    return _diff_trees(repository, trees[0], trees[1], paths)


def show(repository: Repository, revision: str) -> str:
    """What commit `revision` (a full id) changed: against its first parent, or an empty tree.

    Raises :class:`NotFound` for an unknown revision.
    """
    commit = repository.commit_object(revision)
    before = None
    if commit.parents:
        before = repository.commit_object(commit.parents[0].decode("ascii")).tree
    return _diff_trees(repository, before, commit.tree, None)


def _diff_trees(
    repository: Repository, before: bytes | None, after: bytes, paths: Collection[str] | None
) -> str:
    reader = ObjectReader(repository)
    changes = tree_changes(reader, before, after)
    if paths is not None:
        wanted = {path.encode("utf-8", "surrogateescape") for path in paths}
        changes = [change for change in changes if change.path in wanted]
    parts: list[str] = []
    for change in with_renames(reader, changes):
        parts.extend(_file_diff(reader, change))
    return "".join(parts)


class _Side(NamedTuple):
    """One side of a file's diff, as it is printed: name with its prefix, mode and short id."""

    name: str
    mode: str
    short_id: str
    content: bytes


def _file_diff(reader: ObjectReader, change: FileChange) -> Iterator[str]:
    old, new = _side(reader, change.old, "a/"), _side(reader, change.new, "b/")
    yield from _header(change, old, new)
    if old.short_id == new.short_id and old.content == new.content:
        return  # only the name or the mode changed
    if _is_shown_as_text(old.content) and _is_shown_as_text(new.content):
        hunks = list(_hunks(split_lines(old.content), split_lines(new.content)))
        if hunks or " b/" in old.name + new.name:
            yield f"--- {_file_name(old.name)}\n+++ {_file_name(new.name)}\n"
        yield from hunks
    else:
        yield f"Binary files {old.name} and {new.name} differ\n"


def _side(reader: ObjectReader, state: FileState | None, prefix: str) -> _Side:
    if state is None:
        return _Side(_NO_FILE, "", _NO_ID, b"")
    if stat.S_ISREG(state.mode) or stat.S_ISLNK(state.mode):
        content = reader.blob(state.blob_id)
    else:
        content = b"Subproject commit %s\n" % state.blob_id
    short_id = state.blob_id[:_SHORT_ID].decode("ascii")
    return _Side(prefix + _shown(state.path), f"{state.mode:06o}", short_id, content)


def _shown(path: bytes) -> str:
    """A path on one line."""
    text = path.decode("utf-8", "replace")
    return _CONTROL.sub(lambda match: f"\\{ord(match[0]):03o}", text)


def _file_name(name: str) -> str:
    """A name in a ``---`` or ``+++`` line; one with a space is ended by a tab, as git does."""
    return name + "\t" if " " in name else name


def _is_shown_as_text(content: bytes) -> bool:
    return len(content) <= MOST_TEXT_BYTES and not is_binary(content)


def _header(change: FileChange, old: _Side, new: _Side) -> Iterator[str]:
    old_name = old.name if change.old else "a" + new.name[1:]
    new_name = new.name if change.new else "b" + old.name[1:]
    if " b/" in old_name[2:] or " b/" in new_name[2:]:
        # Where the first name ends can't be told in such a line; the ---/+++ lines say it.
        yield f"index {old.short_id}..{new.short_id}\n"
        return
    yield f"diff --git {old_name} {new_name}\n"
    if change.old is None:
        yield f"new file mode {new.mode}\n"
    elif change.new is None:
        yield f"deleted file mode {old.mode}\n"
    elif old.mode != new.mode:
        yield f"old mode {old.mode}\nnew mode {new.mode}\n"
    if change.similarity_percent is not None:
        yield f"similarity index {change.similarity_percent}%\n"
        yield f"rename from {old_name[2:]}\nrename to {new_name[2:]}\n"
    if old.short_id != new.short_id or old.content != new.content:
        mode = f" {new.mode}" if old.mode == new.mode else ""
        yield f"index {old.short_id}..{new.short_id}{mode}\n"


def _hunks(old: list[bytes], new: list[bytes]) -> Iterator[str]:
    """The changed places with their context, those that touch joined into one."""
    groups: list[list[Change]] = []
    for change in line_changes(old, new):
        if groups and change.old_start - groups[-1][-1].old_end <= 2 * CONTEXT_LINES:
            groups[-1].append(change)
        else:
            groups.append([change])
    section, searched = "", 0
    for group in groups:
        start = max(0, group[0].old_start - CONTEXT_LINES)
        section = _section(old, searched, start) or section  # no line is looked at twice
        searched = start
        yield _hunk(old, new, group, section)


def _hunk(old: list[bytes], new: list[bytes], group: list[Change], section: str) -> str:
    first, last = group[0], group[-1]
    before = min(CONTEXT_LINES, first.old_start)
    after = min(CONTEXT_LINES, len(old) - last.old_end)
    old_start, old_end = first.old_start - before, last.old_end + after
    new_start, new_end = first.new_start - before, last.new_end + after
    parts = [f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@{section}\n"]
    position = old_start
    for change in group:
        parts.extend(_line(" ", line) for line in old[position : change.old_start])
        parts.extend(_line("-", line) for line in old[change.old_start : change.old_end])
        parts.extend(_line("+", line) for line in new[change.new_start : change.new_end])
        position = change.old_end
    parts.extend(_line(" ", line) for line in old[position:old_end])
    return "".join(parts)


def _range(start: int, end: int) -> str:
    """A range of lines as git counts: from 1, a length of 1 left out, empty ones one up."""
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _section(lines: list[bytes], first: int, start: int) -> str:
    """The last line above `start`, from `first` on, that could be a heading of what follows, as
    git guesses it.
    """
    for line in reversed(lines[first:start]):
        if _SECTION.match(line):
            return " " + line[:_MOST_SECTION_BYTES].decode("utf-8", "replace").rstrip()
    return ""


def _line(sign: str, line: bytes) -> str:
    text = sign + line.decode("utf-8", "replace")
    return text if text.endswith("\n") else f"{text}\n{_NO_NEWLINE}"
