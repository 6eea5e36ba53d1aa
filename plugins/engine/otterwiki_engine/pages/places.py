"""Where files and folders get into each other's way.

A page's attachments and sub-pages lie in the folder that has its name; a file of that name, which
an attachment without an extension may be, leaves no room for it.
"""

from __future__ import annotations

from collections.abc import Container

from .errors import BadPageName
from .names import page_of
from .working_copy import WorkingCopy


def check_reachable(
    copy: WorkingCopy, file: str, page: str, *, leaving: Container[str] = ()
) -> None:
    """Raise :class:`BadPageName` where a page's new `file` would lie below an attachment.

    `page` is what it is called in the message, `leaving` are files that will not be there then.
    """
    above = copy.file_above(file)
    if above is not None and above not in leaving:
        raise BadPageName(page, f"{above!r} is an attachment, so nothing can lie below it")


def attachment_problem(copy: WorkingCopy, path: str) -> str | None:
    """Why nothing can be attached anew at `path`, None where it can."""
    above = copy.file_above(path)
    if above is not None:
        return f"{above!r} is an attachment, so nothing can lie below it"
    pages = copy.files_like(path)
    if pages:
        return f"{page_of(pages[0])!r} is a page, whose own files lie in the folder of that name"
    if copy.files(path):
        return f"{path!r} is a folder"
    return None
