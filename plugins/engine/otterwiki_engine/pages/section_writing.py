"""Changes of one section of a page. See :mod:`.changes` and :mod:`.section_edits`."""

from __future__ import annotations

from collections.abc import Callable

from .changes import InsertAfterSection, InsertBeforeSection, ReplaceSection
from .errors import SectionChanged
from .names import page_of
from .records import SectionInfo
from .texts import check_keeps_bytes, check_new_text, decode
from .tools import Done, Tools
from .working_copy import WorkingCopy
from .writing import page_text, put_text

_Change = ReplaceSection | InsertBeforeSection | InsertAfterSection


def replace(tools: Tools, copy: WorkingCopy, change: ReplaceSection) -> Done:
    """Put text in the place of a section; a base is required."""

    def edit(page: str, text: str, section: str) -> tuple[str, SectionInfo]:
        check_keeps_bytes(page, tools.sections.section_text(page, text, section)[0], change.text)
        return tools.sections.replace_section(page, text, section, change.text, change.keep_heading)

    file = copy.get(change.page)
    if change.base is None:
        raise tools.bases.required(copy, file)
    return _change(tools, copy, change, "replace_section", "Update", edit)


def insert_before_section(tools: Tools, copy: WorkingCopy, change: InsertBeforeSection) -> Done:
    """Put text before a section."""

    def edit(page: str, text: str, section: str) -> tuple[str, SectionInfo]:
        return tools.sections.insert_before(page, text, section, change.text)

    return _change(tools, copy, change, "insert_before", "Insert before a section of", edit)


def insert_after_section(tools: Tools, copy: WorkingCopy, change: InsertAfterSection) -> Done:
    """Put text behind a section."""

    def edit(page: str, text: str, section: str) -> tuple[str, SectionInfo]:
        return tools.sections.insert_after(page, text, section, change.text)

    return _change(tools, copy, change, "insert_after", "Insert after a section of", edit)


def _change(
    tools: Tools,
    copy: WorkingCopy,
    change: _Change,
    action: str,
    words: str,
    edit: Callable[[str, str, str], tuple[str, SectionInfo]],
) -> Done:
    file = copy.get(change.page)
    page = page_of(file)
    check_new_text(page, change.text)
    text, section = page_text(copy, file), change.section
    merged = False
    if change.base is not None and tools.bases.is_stale(copy, file, change.base):
        section = _unchanged(tools, copy, file, change, text)
        merged = True
    new, info = edit(page, text, section)
    put_text(copy, file, new)
    return Done(action, page, file, f"{words} {page} ({info.title})", merged=merged)


def _unchanged(tools: Tools, copy: WorkingCopy, file: str, change: _Change, text: str) -> str:
    """The section of `text` that is, with path and content, the one `change` was made on.

    Raises :class:`StaleBase` where the change is not to be merged, :class:`SectionChanged` where
    there is no such section any more.
    """
    page, base = page_of(file), change.base or ""
    origin = copy.origin(file) or file
    stale = tools.bases.stale(copy, origin, base, page)
    before = tools.bases.content_at(copy, base, origin) if change.merge else None
    if before is None:
        raise stale
    content, path = tools.sections.section_text(page, decode(before), change.section)
    found = tools.sections.same_section(text, path, content)
    if found is None:
        raise SectionChanged(
            page,
            f"The section {change.section!r} of {page!r} has changed since revision {base[:12]},"
            " or the page is cut into other sections now. Read it again.",
            file=stale.file,
            base=stale.base,
            head=stale.head,
        )
    return found
