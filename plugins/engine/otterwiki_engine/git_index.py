"""git's index file, read and written with dulwich."""

from __future__ import annotations

import os
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

from .errors import RepositoryDamaged
from .snapshot import Entry

IndexEntries = dict[bytes, IndexEntry | ConflictedIndexEntry]
_CHECKSUM_BYTES = 20


def read(path: Path) -> IndexEntries:
    """Entries of the index file by raw path; none where the file does not exist yet.

    Raises :class:`RepositoryDamaged` for features of git that dulwich does not read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    file = BytesIO(content)
    entries, _, _ = read_index_dict_with_version(file)
    if file.tell() < len(content) - _CHECKSUM_BYTES:
        # dulwich reads optional extensions only; git gives the others lower-case names.
        raise RepositoryDamaged(
            f"{path} uses a feature of git that is not supported here"
            " (a split or sparse index); turn it off in the repository's configuration"
        )
    return entries


def updated(root: Path, entries: IndexEntries, changes: Mapping[str, Entry | None]) -> bytes:
    """Content of the index file once the files of `changes` are on disk below `root`."""
    for path, entry in changes.items():
        name = path.encode()
        if entry is None:
            entries.pop(name, None)
            continue
        found = os.lstat(root / path)
        entries[name] = index_entry_from_stat(found, entry.blob_id.encode(), entry.mode)
    output = BytesIO()
    writer = IndexChecksumWriter(output)
    write_index_dict(writer, entries)
    writer.write_checksum()
    return output.getvalue()
