"""Reading and building git trees, with parsed trees kept in memory (they are immutable)."""

from __future__ import annotations

import stat
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

from dulwich.objects import parse_tree

from .errors import BadPath
from .loose_objects import NewObject, new_object
from .paths import component_problem
from .snapshot import Entry, RawEntry, Snapshot

FILE_MODE = 0o100644
TREE_MODE = 0o040000
_KEPT_TREES = 2048
_ID_BYTES = 20

RawTree = dict[bytes, RawEntry]


@dataclass(frozen=True)
class ParsedTree:
    """One tree object: all it holds, and the part of it that may be served."""

    entries: RawTree
    files: list[tuple[str, Entry]]
    folders: list[tuple[str, str]]

    @classmethod
    def parse(cls, content: bytes) -> ParsedTree:
        """Read a tree object's content; links, submodules and bad names are not servable."""
        entries: RawTree = {}
        files: list[tuple[str, Entry]] = []
        folders: list[tuple[str, str]] = []
        for raw_name, mode, raw_id in parse_tree(content, _ID_BYTES):
            entry = RawEntry(mode, raw_id.decode("ascii"))
            entries[raw_name] = entry
            try:
                name = raw_name.decode("utf-8")
            except UnicodeDecodeError:
                continue
            if component_problem(name):
                continue
            if entry.is_file:
                files.append((name, Entry(mode, entry.id)))
            elif entry.is_directory:
                folders.append((name, entry.id))
        return cls(entries, files, folders)


_EMPTY = ParsedTree({}, [], [])


class TreeReader:
    """Parsed trees of one repository. `read_object` gives the raw content of a tree by id."""

    def __init__(self, read_object: Callable[[str], bytes]) -> None:
        self._read_object = read_object
        self._trees: OrderedDict[str, ParsedTree] = OrderedDict()
        self._lock = Lock()

    def _parsed(self, tree_id: str | None) -> ParsedTree:
        if tree_id is None:
            return _EMPTY
        with self._lock:
            known = self._trees.get(tree_id)
            if known is not None:
                self._trees.move_to_end(tree_id)
                return known
        parsed = ParsedTree.parse(self._read_object(tree_id))
        with self._lock:
            self._trees[tree_id] = parsed
            while len(self._trees) > _KEPT_TREES:
                self._trees.popitem(last=False)
        return parsed

    def get(self, tree_id: str | None) -> RawTree:
        """Entries of a tree by raw name. Callers must not change the returned dictionary."""
        return self._parsed(tree_id).entries

    def find(self, tree_id: str | None, path: str) -> RawEntry | None:
        """What stands at `path`, directories, links and submodules included."""
        *directories, name = path.encode("utf-8", "surrogateescape").split(b"/")
        for directory in directories:
            entry = self.get(tree_id).get(directory)
            if entry is None or not entry.is_directory:
                return None
            tree_id = entry.id
        return self.get(tree_id).get(name)

    def flatten(self, tree_id: str | None) -> dict[str, Entry]:
        """All servable files below a tree, by full path: no links, no submodules, no bad names."""
        found: dict[str, Entry] = {}
        pending = [("", tree_id)]
        while pending:
            prefix, current = pending.pop()
            parsed = self._parsed(current)
            for name, entry in parsed.files:
                found[prefix + name] = entry
            pending.extend((f"{prefix}{name}/", folder_id) for name, folder_id in parsed.folders)
        for path in [path for path in found if path.startswith("-")]:
            del found[path]
        return found


def entries_of(before: Snapshot, changes: Mapping[str, str | None]) -> dict[str, Entry | None]:
    """What `changes` (path -> blob id, None removes) make of the files of `before`."""
    known = before.entries
    return {
        path: Entry(known[path].mode if path in known else FILE_MODE, blob_id) if blob_id else None
        for path, blob_id in changes.items()
    }


def build_tree(
    reader: TreeReader, tree_id: str | None, changes: Mapping[str, str | None]
) -> tuple[str, list[NewObject]]:
    """The tree that results from `changes` (path -> blob id, None removes), and its new objects.

    Entries not named in `changes` are kept as they are, byte for byte. Raises :class:`BadPath`
    where a path leads through a file, a link or a submodule, or would replace a directory.
    """
    nested: dict[str, dict[str, str | None]] = {}
    here: dict[str, str | None] = {}
    for path, blob_id in changes.items():
        first, slash, rest = path.partition("/")
        if slash:
            nested.setdefault(first, {})[rest] = blob_id
        else:
            here[first] = blob_id
    entries = dict(reader.get(tree_id))
    objects: list[NewObject] = []
    for name, inner in nested.items():
        raw_name = name.encode("utf-8")
        existing = entries.get(raw_name)
        if here.get(name) is None and name in here:
            existing = None  # the file of that name goes in the same change
        if existing is not None and not existing.is_directory:
            raise BadPath(f"{name}/{next(iter(inner))}", f"{name!r} is a file, not a folder")
        try:
            subtree_id, subtree_objects = build_tree(
                reader, existing.id if existing else None, inner
            )
        except BadPath as error:
            raise BadPath(f"{name}/{error.path}", error.reason) from None
        objects.extend(subtree_objects)
        if subtree_objects and _is_empty(subtree_objects[-1]):
            objects.pop()
            entries.pop(raw_name, None)
        else:
            entries[raw_name] = RawEntry(TREE_MODE, subtree_id)
    for name, blob_id in here.items():
        raw_name = name.encode("utf-8")
        existing = entries.get(raw_name)
        if blob_id is None:
            if existing is not None and existing.is_file:
                del entries[raw_name]
            continue
        if existing is not None and existing.is_directory:
            raise BadPath(name, "a folder of that name exists")
        if existing is not None and not existing.is_file:
            raise BadPath(name, "it is a symbolic link or a submodule")
        entries[raw_name] = RawEntry(existing.mode if existing else FILE_MODE, blob_id)
    tree = _serialise(entries)
    return tree.id, [*objects, tree]


def _is_empty(tree: NewObject) -> bool:
    return tree.framed == b"tree 0\0"


def _serialise(entries: RawTree) -> NewObject:
    """The tree object; git sorts directories as if their names ended with a slash."""

    def order(item: tuple[bytes, RawEntry]) -> bytes:
        return item[0] + b"/" if stat.S_ISDIR(item[1].mode) else item[0]

    content = b"".join(
        b"%o %s\0%s" % (entry.mode, name, bytes.fromhex(entry.id))
        for name, entry in sorted(entries.items(), key=order)
    )
    return new_object(b"tree", content)
