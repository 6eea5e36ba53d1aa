"""Which function makes which change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..errors import EngineError
from . import attaching, deleting, renaming, section_writing, writing
from .changes import (
    AppendText,
    Change,
    DeleteAttachment,
    DeletePage,
    EditPage,
    InsertAfterSection,
    InsertBeforeSection,
    PrependText,
    PutAttachment,
    RenamePage,
    ReplaceSection,
    RestorePage,
    WritePage,
)
from .errors import BadValue, BatchRefused
from .tools import Done, Tools
from .working_copy import WorkingCopy

MOST_CHANGES = 100
_MOST_NAMED = 3


def make(tools: Tools, copy: WorkingCopy, change: Change) -> Done:
    """Make one change to a working copy."""
    before = copy.edits
    done = _make(tools, copy, change)
    return done if copy.edits != before else replace(done, changed=False)


def _make(tools: Tools, copy: WorkingCopy, change: Change) -> Done:
    match change:
        case WritePage():
            return writing.write_page(tools, copy, change)
        case EditPage():
            return writing.edit_page(tools, copy, change)
        case AppendText():
            return writing.append_text(tools, copy, change)
        case PrependText():
            return writing.prepend_text(tools, copy, change)
        case ReplaceSection():
            return section_writing.replace(tools, copy, change)
        case InsertBeforeSection():
            return section_writing.insert_before_section(tools, copy, change)
        case InsertAfterSection():
            return section_writing.insert_after_section(tools, copy, change)
        case RenamePage():
            return renaming.rename_page(tools, copy, change)
        case DeletePage():
            return deleting.delete_page(tools, copy, change)
        case RestorePage():
            return deleting.restore_page(tools, copy, change)
        case PutAttachment():
            return attaching.put_attachment(tools, copy, change)
        case DeleteAttachment():
            return attaching.delete_attachment(tools, copy, change)
    raise BadValue("change", f"{type(change).__name__} is none that is known")


def make_all(tools: Tools, copy: WorkingCopy, changes: Sequence[Change]) -> tuple[Done, ...]:
    """Make all changes, in their order. Raises :class:`BatchRefused` with the first refusal."""
    done = []
    for position, change in enumerate(changes):
        try:
            done.append(make(tools, copy, change))
        except EngineError as error:
            raise BatchRefused(position, error) from error
    return tuple(done)


def check_batch(changes: Sequence[Change]) -> None:
    """Raise :class:`BadValue` for an empty batch, or one with too many changes."""
    if not changes:
        raise BadValue("batch", "it has no changes")
    if len(changes) > MOST_CHANGES:
        raise BadValue("batch", f"it has {len(changes)} changes, {MOST_CHANGES} are allowed")


def message_of(done: Sequence[Done]) -> str:
    """The commit message that says what a batch did."""
    if len(done) == 1:
        return done[0].message
    pages = list(dict.fromkeys(one.page for one in done))
    named = ", ".join(pages[:_MOST_NAMED])
    more = f" and {len(pages) - _MOST_NAMED} more" if len(pages) > _MOST_NAMED else ""
    listed = "\n".join(f"- {one.message}" for one in done)
    return f"Change {named}{more}\n\n{listed}"
