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
from .work_budgets import MOST_CHARACTERS, WorkBudget
from .working_copy import WorkingCopy

MOST_CHANGES = 100
_MOST_NAMED = 3


def make(tools: Tools, copy: WorkingCopy, change: Change) -> Done:
    """Make one change to a working copy. Raises :class:`BadValue` where it takes too much work.

    A rename made alone may take as much as there are links to rewrite: it can't be divided.
    """
    if not isinstance(change, RenamePage):
        tools = tools.within(WorkBudget("change", "divide the page", MOST_CHARACTERS))
    return _noted(tools, copy, change)


def _noted(tools: Tools, copy: WorkingCopy, change: Change) -> Done:
    """Make a change, and say whether it changed anything."""
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
    """Make all changes, in their order, within one budget of work.

    Raises :class:`BatchRefused` with the first refusal; that is a :class:`BadValue` where the
    changes take too much work together.
    """
    advice = "divide it into smaller batches" if len(changes) > 1 else "make its change alone"
    tools = tools.within(WorkBudget("batch", advice, MOST_CHARACTERS))
    done = []
    for position, change in enumerate(changes):
        try:
            done.append(_noted(tools, copy, change))
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
