"""Renaming a page with everything in its folder, and the links to it. See :mod:`.changes`.

"notes/todo" has the file "notes/todo.md" and the folder "notes/todo", where its attachments and
sub-pages lie; all of it moves. A page can be moved into its own folder, out of it, and to another
case of its own name.
"""

from __future__ import annotations

from .changes import RenamePage
from .errors import BadValue, PageNotFound
from .names import folder_of, is_page, page_of
from .places import check_reachable
from .relinking import relink
from .tools import Done, Tools
from .working_copy import WorkingCopy


def rename_page(tools: Tools, copy: WorkingCopy, change: RenamePage) -> Done:
    """Rename a page (or a folder of pages that is none itself)."""
    old_file = _old_file(tools, copy, change.page)
    if copy.exists(old_file):
        tools.bases.check(copy, old_file, change.base)
    new_file = tools.names.file_for_new(change.new_page)
    if new_file == old_file:
        raise BadValue("new name", f"the page is called {page_of(old_file)!r} already")
    moves = _moves(tools, copy, old_file, new_file)
    _check_free(tools, copy, moves)
    relinked = relink(tools, copy, moves) if change.update_links else {}
    copy.move(moves)
    updated = {moves.get(file, file): content for file, content in relinked.items()}
    for file, content in updated.items():
        copy.put(file, content)
    old_page, new_page = page_of(old_file), page_of(new_file)
    return Done(
        "rename",
        new_page,
        new_file,
        f"Rename {old_page} to {new_page}",
        old_page=old_page,
        moved=moves,
        updated_pages=tuple(sorted(map(page_of, updated))),
    )


def _old_file(tools: Tools, copy: WorkingCopy, page: str) -> str:
    file = copy.find(page)
    if file is None:
        file = tools.names.file_of(page)
        if not file or not copy.files(folder_of(file)):
            raise PageNotFound(page)
    return file


def _moves(tools: Tools, copy: WorkingCopy, old_file: str, new_file: str) -> dict[str, str]:
    """New paths of all files that are renamed, by their old ones.

    Raises :class:`BadPageName` where a sub-page would get an address that means something else.
    """
    old_folder, new_folder = folder_of(old_file), folder_of(new_file)
    moves = {old_file: new_file} if copy.exists(old_file) else {}
    for path in copy.files(old_folder):
        moved = new_folder + path[len(old_folder) :]
        if is_page(path):
            tools.names.check_new(page_of(moved))
        moves.setdefault(path, moved)
    return moves


def _check_free(tools: Tools, copy: WorkingCopy, moves: dict[str, str]) -> None:
    """Raise :class:`PageExists` where something that stays lies at a new path, or where a page
    that stays has a new one's name in another case; :class:`BadPageName` below an attachment."""
    for new in moves.values():
        there = copy.files_like(page_of(new)) if is_page(new) else copy.files(new)
        if copy.exists(new):
            there.append(new)
        for other in there:
            if other not in moves:
                raise tools.bases.exists(copy, other)
        check_reachable(copy, new, page_of(new), leaving=moves)
