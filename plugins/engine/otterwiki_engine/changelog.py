"""Otterwiki's changelog without making an entry of every commit there ever was.

Otterwiki looks up names, addresses and types of all files of all commits, and shows a hundred. Here
an entry is made when it is looked at, and its files when they are: paging looks at the revisions of
the other entries only.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from otterwiki.helper import auto_url
from otterwiki.server import storage
from otterwiki.util import guess_mimetype
from otterwiki.wiki import Changelog

from .history_records import CommitRecord
from .storage_common import metadata_of, otterwiki_errors


class Entry(dict[str, Any]):
    """One commit as the changelog's template and the feeds take it."""

    def __init__(self, record: CommitRecord, short: str, *, external: bool) -> None:
        super().__init__(metadata_of(record, short))
        self._external = external
        self._names: list[str] = self.pop("files")

    def __missing__(self, key: str) -> Any:
        if key != "files":
            raise KeyError(key)
        revision = self["revision"]
        files = self["files"] = {}
        for filename in self._names:
            name, url = auto_url(filename, revision, _external=self._external)
            files[filename] = {"name": name, "url": url, "mimetype": guess_mimetype(filename)}
        return files


class Log(Sequence[Entry]):
    """The whole history, newest first; every entry is made when it is asked for, each time."""

    def __init__(
        self, records: Sequence[CommitRecord], short: Mapping[str, str], *, external: bool
    ) -> None:
        self._records = records
        self._short = short
        self._external = external

    def __len__(self) -> int:
        return len(self._records)

    def _entry(self, record: CommitRecord) -> Entry:
        return Entry(record, self._short[record.revision], external=self._external)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self._entry(record) for record in self._records[index]]
        return self._entry(self._records[index])

    def __iter__(self) -> Iterator[Entry]:
        return map(self._entry, self._records)


@otterwiki_errors
def get(_self: Any, _external: bool = False) -> Log:
    """As :meth:`Changelog.get`; `_external` makes addresses absolute."""
    history = storage.wiki.history
    records = history.log()
    short = history.abbreviations([record.revision for record in records])
    return Log(records, short, external=_external)


def install() -> None:
    """Let every changelog be made so; the storage has to be the engine's already."""
    Changelog.get = get
