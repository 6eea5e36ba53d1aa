"""Page names and the files they stand for: one mapping for every door.

A page's path is its file's path without ".md", in lower case where Otterwiki keeps file names so.
What is looked up may be written in another case, as long as only one page can be meant.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from ..pagenames import PAGE_SUFFIX, shadowed_by
from ..paths import path_problem
from ..snapshot import Snapshot
from .errors import BadPageName
from .settings import PageSettings

_MOST_SIMILAR = 5
MOST_PARTS = 50  # of a new page's path
_folded_pages: WeakKeyDictionary[Snapshot, dict[str, list[str]]] = WeakKeyDictionary()


def is_page(file: str) -> bool:
    """Whether the file at path `file` is a page."""
    return file.endswith(PAGE_SUFFIX) and file.rpartition("/")[2] != PAGE_SUFFIX


def may_be_page(file: str) -> bool:
    """Whether a page may ever have had the file `file`: no other path is looked for in an index."""
    return is_page(file) and path_problem(file) is None


def page_of(file: str) -> str:
    """The page's path that belongs to its file's: "notes/todo.md" -> "notes/todo"."""
    return file.removesuffix(PAGE_SUFFIX)


def folder_of(file: str) -> str:
    """The folder of a page's attachments and sub-pages, without a slash at its end."""
    return file.removesuffix(PAGE_SUFFIX)


def fold(path: str) -> str:
    """What two names that people take for the same one have in common."""
    return unicodedata.normalize("NFC", path).casefold()


def _folded(snapshot: Snapshot) -> dict[str, list[str]]:
    """Files of pages by what :func:`fold` makes of them."""
    found = _folded_pages.get(snapshot)
    if found is None:
        found = {}
        for file in snapshot.files():
            if is_page(file):
                found.setdefault(fold(file), []).append(file)
        _folded_pages[snapshot] = found
    return found


class PageNames:
    """The mapping that `settings` make. Immutable, safe for threads."""

    def __init__(self, settings: PageSettings) -> None:
        self._settings = settings

    def file_of(self, page: str) -> str:
        """The path of the file that page `page` has, or would have; "" for an empty name.

        The name may have slashes around it and end in ".md". It need not be allowed.
        """
        text = "/".join(part for part in page.split("/") if part)
        if not self._settings.retain_page_name_case:
            text = text.lower()
        if not text or text.endswith(PAGE_SUFFIX):
            return text
        return text + PAGE_SUFFIX

    def file_for_new(self, page: str) -> str:
        """As :meth:`file_of`, in Unicode's composed form (NFC), for a page that is to be made.

        Raises :class:`BadPageName` where no page can have that name, or none that a URL reaches.
        """
        file = self.file_of(unicodedata.normalize("NFC", page))
        self.check_new(page_of(file), page)
        return file

    def check_new(self, path: str, given: str = "") -> None:
        """Raise :class:`BadPageName` where no page can have this path, typed as `given`."""
        problem = _name_problem(path) or path_problem(path + PAGE_SUFFIX)
        part = None if problem else shadowed_by(path)
        if part:
            problem = f"it can't have {part!r} there, that address is taken; choose another name"
        if problem:
            raise BadPageName(given or path, problem)

    def find(self, page: str, snapshot: Snapshot) -> str | None:
        """The file of the page that is meant by `page` in `snapshot`, None where there is none.

        That very name, or the only one that differs from it in nothing but case and composition.
        """
        file = self.file_of(page)
        if is_page(file) and file in snapshot.entries:
            return file
        candidates = self.candidates(page, snapshot)
        return candidates[0] if len(candidates) == 1 else None

    def candidates(self, page: str, snapshot: Snapshot) -> list[str]:
        """Files of all pages whose names differ from `page` in nothing but case and composition."""
        return list(_folded(snapshot).get(fold(self.file_of(page)), []))

    def similar(self, page: str, snapshot: Snapshot) -> tuple[str, ...]:
        """Paths of pages somebody who asks for `page` may have meant: with the same last part."""
        wanted = fold(self.file_of(page))
        last = wanted.rpartition("/")[2]
        found = [
            page_of(file)
            for folded, files in _folded(snapshot).items()
            if folded == wanted or folded.rpartition("/")[2] == last
            for file in files
        ]
        return tuple(sorted(found)[:_MOST_SIMILAR])

    def name_of(self, page: str, title: str | None = None) -> str:
        """The last part of a page's path as Otterwiki shows it.

        Where file names are lower case, `title`, the page's first heading, says which letters are
        capitals if it is the same name; without it every word gets one.
        """
        last = page.rpartition("/")[2]
        if self._settings.retain_page_name_case:
            return last
        hint = last if title is None else title
        if hint.lower() == last.lower() and (hint != last or hint != last.lower()):
            return hint
        return _capitalised(last)

    def display_title(self, page: str, title: str | None) -> str:
        """The page's title: its first heading, else its name."""
        if title:
            return title
        name = self.name_of(page)
        return name.replace("_", " ") if self._settings.underscores_are_spaces else name


def pages_in(files: Iterable[str]) -> list[str]:
    """Paths of the pages among `files`, in their order."""
    return [page_of(file) for file in files if is_page(file)]


def _name_problem(name: str) -> str | None:
    """What is wrong with a new page's name, beyond what is wrong with its path."""
    if not name:
        return "it is empty"
    parts = name.split("/")
    if len(parts) > MOST_PARTS:
        return f"it has more than {MOST_PARTS} parts"
    if any(part in (".", "..") for part in parts):
        return "a part of it is '.' or '..', which browsers take out of addresses"
    if any(part != part.strip() for part in parts):
        return "a part of it begins or ends with a space"
    if any(part.endswith(PAGE_SUFFIX) for part in parts):
        return "a part of it ends in '.md', which is for files"
    return None


def _capitalised(text: str) -> str:
    """`text` with a capital at the beginning of every word, all else in lower case.

    As Otterwiki does it: an apostrophe and the letter sharp s belong to their word.
    """
    parts = []
    in_word = False
    for character in text:
        belongs = character in "'ß"
        if belongs:
            parts.append(character)
        else:
            parts.append(character.lower() if in_word else character.title())
        in_word = belongs or character.islower() or character.isupper() or character.istitle()
    return "".join(parts)
