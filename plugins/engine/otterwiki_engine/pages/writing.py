"""Whole pages and exact replacements: write, edit, append, prepend. See :mod:`.changes`."""

from __future__ import annotations

from .changes import AppendText, EditPage, PrependText, WritePage
from .names import page_of
from .places import check_reachable
from .text_edits import replace_once
from .texts import (
    check_editable,
    check_keeps_bytes,
    check_new_text,
    check_size,
    decode,
    encode,
)
from .tools import Done, Tools
from .working_copy import WorkingCopy


def page_text(copy: WorkingCopy, file: str) -> str:
    """The text of a page that exists, for editing it; raises :class:`NotText`."""
    return check_editable(page_of(file), decode(copy.read(file) or b""))


def put_text(copy: WorkingCopy, file: str, text: str) -> None:
    """Give the page that text; raises :class:`QuotaExceeded` where it is too long."""
    content = encode(text)
    check_size(page_of(file), len(copy.read(file) or b""), len(content))
    copy.put(file, content)


def write_page(tools: Tools, copy: WorkingCopy, change: WritePage) -> Done:
    """Create or replace a page."""
    content = check_new_text(change.page, change.content, "content")
    file = copy.find(change.page)
    if file is None:
        file = tools.names.file_for_new(change.page)
        tools.bases.check_absent(copy, file, change.base)
        check_reachable(copy, file, change.page)
        put_text(copy, file, content)
        page = page_of(file)
        return Done("write", page, file, f"Create {page}", created=True)
    if change.base is None:
        raise tools.bases.exists(copy, file)
    tools.bases.check(copy, file, change.base)
    page = page_of(file)
    check_keeps_bytes(page, decode(copy.read(file) or b""), content)
    put_text(copy, file, content)
    return Done("write", page, file, f"Update {page}")


def edit_page(tools: Tools, copy: WorkingCopy, change: EditPage) -> Done:
    """Replace what occurs exactly once."""
    file = copy.get(change.page)
    page = page_of(file)
    new = check_new_text(page, change.new, "new text")
    tools.bases.check(copy, file, change.base)
    text, replaced = replace_once(page, page_text(copy, file), change.old, new)
    check_keeps_bytes(page, replaced, new)
    put_text(copy, file, text)
    return Done("edit", page, file, f"Edit {page}")


def append_text(tools: Tools, copy: WorkingCopy, change: AppendText) -> Done:
    """Put text at the end of a page or of one of its sections."""
    addition = check_new_text(change.page, change.text)
    file = copy.find(change.page)
    if file is None and change.create and change.section is None:
        return _create(tools, copy, "append", change.page, addition, change.base)
    file = file or copy.get(change.page)
    page = page_of(file)
    tools.bases.check(copy, file, change.base)
    text = page_text(copy, file)
    if change.section is None:
        put_text(copy, file, tools.sections.append_to_page(text, addition))
        return Done("append", page, file, f"Append to {page}")
    new, section = tools.sections.append_to_section(page, text, change.section, addition)
    put_text(copy, file, new)
    return Done("append", page, file, f"Append to {page} ({section.title})")


def prepend_text(tools: Tools, copy: WorkingCopy, change: PrependText) -> Done:
    """Put text at the top of a page, after its front matter."""
    addition = check_new_text(change.page, change.text)
    file = copy.find(change.page)
    if file is None and change.create:
        return _create(tools, copy, "prepend", change.page, addition, change.base)
    file = file or copy.get(change.page)
    page = page_of(file)
    tools.bases.check(copy, file, change.base)
    put_text(copy, file, tools.sections.prepend(page_text(copy, file), addition))
    return Done("prepend", page, file, f"Prepend to {page}")


def _create(
    tools: Tools, copy: WorkingCopy, action: str, name: str, text: str, base: str | None
) -> Done:
    file = tools.names.file_for_new(name)
    tools.bases.check_absent(copy, file, base)
    check_reachable(copy, file, name)
    put_text(copy, file, text)
    page = page_of(file)
    return Done(action, page, file, f"Create {page}", created=True)
