"""Rewriting the links to what is renamed, in every page that has one."""

from __future__ import annotations

from ..pagenames import PAGE_SUFFIX
from .link_rewriting import rewrite_links
from .names import is_page, page_of
from .texts import decode, encode
from .tools import Tools
from .working_copy import WorkingCopy


def relink(tools: Tools, copy: WorkingCopy, moves: dict[str, str]) -> dict[str, bytes]:
    """New contents of the pages whose links change when the files `moves` (old path -> new path)
    are renamed, by their paths until now. To be called before they are. Raises
    :class:`~.errors.BadValue` when the budget is spent.

    Links to renamed pages and to their attachments lead to the new names; relative links of pages
    that move themselves lead where they led.
    """
    moved = _moved_paths(moves)

    def find(path: str) -> str | None:
        if path in moved:
            return path
        file = copy.find(path)
        return page_of(file) if file else None

    copy.depend_on_head()  # on the index
    changed: dict[str, bytes] = {}
    for file in _candidates(tools, copy, moves):
        content = copy.read(file)
        if content is None or b"\0" in content:
            continue
        text = decode(content)
        tools.spend(text)
        rewritten = rewrite_links(text, page_of(file), moved, tools.settings, find=find)
        if rewritten.text != text:
            changed[file] = encode(rewritten.text)
    return changed


def _moved_paths(moves: dict[str, str]) -> dict[str, str]:
    """New paths of the pages, and of the folders of other files, by their old ones."""
    moved: dict[str, str] = {}
    for old, new in moves.items():
        if is_page(old):
            moved[page_of(old)] = page_of(new)
        else:
            moved[old.rpartition("/")[0]] = new.rpartition("/")[0]
    return moved


def _candidates(tools: Tools, copy: WorkingCopy, moves: dict[str, str]) -> list[str]:
    """Files of the pages that may have a link to rewrite.

    The index knows the head's links; pages that are different in `copy` are all looked at.
    """
    linking = tools.index.linking_to(list(_moved_paths(moves)))
    files = {path + PAGE_SUFFIX for path in linking}
    files.update(path for path in (*moves, *copy.changed_files()) if is_page(path))
    return sorted(files)
