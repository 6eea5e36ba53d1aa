"""The files of the head with changes that are not committed yet.

Every change of the service, alone or in a batch, is made to one of these; what differs from the
head in the end becomes one commit. A working copy knows what it has asked its head, so that what
was made on one head need not be made again where another gives the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..snapshot import Entry, Snapshot
from .errors import PageNotFound
from .names import PageNames, fold, folder_of, is_page, page_of


class WorkingCopy:
    """The files of `head`, as they will be. For one change at a time.

    ``head`` is not touched, and its files are asked for here only; ``edits`` counts what was
    changed so far. Paths are those of files unless they are called pages.
    """

    def __init__(self, head: Snapshot, names: PageNames) -> None:
        self.head = head
        self.names = names
        self._changes: dict[str, bytes | None] = {}
        self._moved_from: dict[str, str] = {}
        self.edits = 0
        # What was asked of the head, with the answers.
        self._entries: dict[str, Entry | None] = {}
        self._listings: dict[str, list[str]] = {}
        self._named: dict[str, list[str]] = {}
        self._depends_on_head = False

    def depend_on_head(self) -> None:
        """Note that something besides the head's files was looked at: its history, an index."""
        self._depends_on_head = True

    def holds_on(self, head: Snapshot) -> bool:
        """Whether the same changes would be made of `head`: it answers all as this copy's did."""
        if head.revision == self.head.revision:
            return True
        if self._depends_on_head:
            return False
        find = self.names.candidates
        return (
            all(head.get(path) == entry for path, entry in self._entries.items())
            and all(head.files(folder) == found for folder, found in self._listings.items())
            and all(find(page, head) == found for page, found in self._named.items())
        )

    def entry(self, path: str) -> Entry | None:
        """The file at `path` in the head."""
        found = self._entries[path] = self.head.get(path)
        return found

    def _listing(self, folder: str) -> list[str]:
        found = self._listings[folder] = self.head.files(folder)
        return found

    def _candidates(self, page: str) -> list[str]:
        found = self._named[page] = self.names.candidates(page, self.head)
        return found

    @property
    def changes(self) -> dict[str, bytes | None]:
        """What differs from the head: new contents by path, None where a file is gone."""
        return {path: new for path, new in self._changes.items() if new != self._original(path)}

    def _original(self, path: str) -> bytes | None:
        return self.head.read(path) if self.entry(path) is not None else None

    def read(self, path: str) -> bytes | None:
        """Content of a file, None where there is none."""
        if path in self._changes:
            return self._changes[path]
        return self._original(path)

    def exists(self, path: str) -> bool:
        """Whether there is a file of that name."""
        if path in self._changes:
            return self._changes[path] is not None
        return self.entry(path) is not None

    def files(self, folder: str) -> list[str]:
        """Paths of all files below `folder`, sorted; of the whole wiki for ""."""
        found = {path for path in self._listing(folder) if self.exists(path)}
        below = folder + "/" if folder else ""
        found |= {
            path
            for path, content in self._changes.items()
            if content is not None and path.startswith(below)
        }
        return sorted(found)

    def changed_files(self) -> Iterator[str]:
        """Paths of files that were put here or removed, also where nothing differs in the end."""
        yield from self._changes

    def put(self, path: str, content: bytes) -> None:
        """Give the file `path` that content."""
        self._set(path, content)

    def remove(self, path: str) -> None:
        """Take the file away."""
        self._set(path, None)
        self._moved_from.pop(path, None)

    def _set(self, path: str, content: bytes | None) -> None:
        self.edits += content != self.read(path)
        self._changes[path] = content

    def move(self, moves: dict[str, str]) -> None:
        """Rename files, all at once: old path -> new path. Nothing may lie at a new path but what
        is moved away."""
        contents = {old: self.read(old) for old in moves}
        origins = {old: self.origin(old) for old in moves}
        for old in moves:
            self.remove(old)
        for old, new in moves.items():
            content = contents[old]
            if content is not None:
                self._set(new, content)
                origin = origins[old]
                if origin is not None:
                    self._moved_from[new] = origin

    def origin(self, path: str) -> str | None:
        """What the file was called in the head; None where it was not there."""
        if path in self._moved_from:
            return self._moved_from[path]
        return path if self.entry(path) is not None else None

    def find(self, page: str) -> str | None:
        """The file of page `page`, see :meth:`PageNames.find`."""
        file = self.names.file_of(page)
        if is_page(file) and self.exists(file):
            return file
        found = self.files_like(page)
        return found[0] if len(found) == 1 else None

    def files_like(self, page: str) -> list[str]:
        """Files of all pages whose names differ from `page` in nothing but case and composition,
        sorted."""
        wanted = fold(self.names.file_of(page))
        candidates = {path for path in self._changes if is_page(path) and fold(path) == wanted}
        candidates.update(self._candidates(page))
        return sorted(path for path in candidates if self.exists(path))

    def file_above(self, path: str) -> str | None:
        """The file that stands where `path` needs a folder, None where none does."""
        while "/" in path:
            path = path.rpartition("/")[0]
            if self.exists(path):
                return path
        return None

    def get(self, page: str) -> str:
        """As :meth:`find`; raises :class:`PageNotFound`."""
        file = self.find(page)
        if file is None:
            raise PageNotFound(page)
        return file

    def owned_files(self, page_file: str) -> list[str]:
        """Paths of the attachments of a page: files in its folder that belong to no sub-page."""
        folder = folder_of(page_file)
        return owned_files(self.files(folder), folder)

    def sub_pages(self, page_file: str) -> list[str]:
        """Paths of the pages below a page (not of their files), sorted."""
        return [page_of(path) for path in self.files(folder_of(page_file)) if is_page(path)]


def owned_files(files: list[str], folder: str) -> list[str]:
    """Which of `files`, all that lie below `folder`, are attachments of the page `folder`.

    A file deeper down belongs to the nearest page above it.
    """
    pages = {folder_of(path) for path in files if is_page(path)}
    found = []
    for path in files:
        if is_page(path):
            continue
        owner = path.rpartition("/")[0]
        while owner != folder and owner not in pages:
            owner = owner.rpartition("/")[0]
        if owner == folder:
            found.append(path)
    return found
