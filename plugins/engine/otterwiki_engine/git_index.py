"""git's index file, read and written with dulwich."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from dulwich.index import (
    ConflictedIndexEntry,
    IndexChecksumWriter,
    IndexEntry,
    index_entry_from_stat,
    read_index_dict_with_version,
    write_index_dict,
)
from dulwich.objects import ObjectID

from .errors import RepositoryDamaged
from .snapshot import Entry

IndexEntries = dict[bytes, IndexEntry | ConflictedIndexEntry]
_CHECKSUM_BYTES = 20


def read(path: Path) -> IndexEntries:
    """Entries of the index file by raw path; none where the file does not exist yet.

    Raises :class:`RepositoryDamaged` for features of git that dulwich does not read, and for a
    file that a power cut cut off.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    file = BytesIO(content)
    try:
        entries, _, _ = read_index_dict_with_version(file)
    except (AssertionError, ValueError, LookupError, struct.error) as error:
        raise RepositoryDamaged(
            f"{path} is damaged ({error}); remove it and run `git reset`"
        ) from error
    if file.tell() < len(content) - _CHECKSUM_BYTES:
        # dulwich reads optional extensions only; git gives the others lower-case names.
        raise RepositoryDamaged(
            f"{path} uses a feature of git that is not supported here"
            " (a split or sparse index); turn it off in the repository's configuration"
        )
    return entries


def update(
    entries: IndexEntries, path: str, entry: Entry | None, status: os.stat_result | None
) -> None:
    """Let `entries` say that `path` is `entry` (None: gone).

    `status` is the file's, where it is known to have that content; without it git compares the
    contents at its next look.
    """
    name = path.encode()
    if entry is None:
        entries.pop(name, None)
    elif status is None:
        entries[name] = IndexEntry(
            0, 0, 0, 0, entry.mode, 0, 0, 0, ObjectID(entry.blob_id.encode())
        )
    else:
        entries[name] = index_entry_from_stat(status, entry.blob_id.encode(), entry.mode)


def updated(
    entries: IndexEntries,
    changes: Mapping[str, Entry | None],
    statuses: Mapping[str, os.stat_result],
) -> bytes:
    """Content of the index file with `changes` made to `entries`; see :func:`update`."""
    for path, entry in changes.items():
        update(entries, path, entry, statuses.get(path))
    output = BytesIO()
    writer = IndexChecksumWriter(output)
    write_index_dict(writer, entries)
    writer.write_checksum()
    return output.getvalue()
