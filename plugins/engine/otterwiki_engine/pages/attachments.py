"""Reading attachments. What one is, is said in :mod:`.attaching`."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from threading import Lock

from ..errors import NotFound
from ..repository import Repository
from ..snapshot import Snapshot
from ..wiki import Wiki
from .attaching import find_attachment, mime_type_of
from .errors import AttachmentNotFound, PageNotFound
from .names import PageNames, folder_of, page_of
from .records import AttachmentContent, AttachmentInfo
from .revisions import explained, file_at, resolve
from .working_copy import owned_files

_MOST_HEADER_BYTES = 64
_KEPT_SIZES = 20_000
_sizes: OrderedDict[str, int] = OrderedDict()  # by blob id, which names one content for ever
_sizes_lock = Lock()


def attachments_of(
    wiki: Wiki, names: PageNames, page: str, revision: str | None
) -> tuple[AttachmentInfo, ...]:
    """The files attached to a page, by name."""
    file, then = _page(wiki, names, page, revision)
    folder = folder_of(file)
    return tuple(_info(wiki, file, path, then) for path in owned_files(then.files(folder), folder))


def attachment(
    wiki: Wiki, names: PageNames, page: str, filename: str, revision: str | None
) -> AttachmentContent:
    """An attachment with its bytes."""
    file, then = _page(wiki, names, page, revision)
    folder = folder_of(file)
    path = find_attachment(owned_files(then.files(folder), folder), file, filename)
    if path is None:
        raise AttachmentNotFound(page_of(file), filename)
    return AttachmentContent(_info(wiki, file, path, then), then.read(path))


def info_of(wiki: Wiki, page_file: str, path: str, revision: str) -> AttachmentInfo:
    """What is said about the attachment at `path`, as of `revision` (a full id)."""
    return _info(wiki, page_file, path, wiki.repository.snapshot(revision))


def _page(wiki: Wiki, names: PageNames, page: str, revision: str | None) -> tuple[str, Snapshot]:
    if revision is not None:
        return file_at(wiki, names, page, resolve(wiki, revision))
    head = wiki.repository.snapshot()
    file = names.find(page, head)
    if file is None:
        raise explained(wiki, names, PageNotFound(page))
    return file, head


def _info(wiki: Wiki, page_file: str, path: str, then: Snapshot) -> AttachmentInfo:
    record = wiki.history.last_change(path, then.revision)
    if record is None:
        raise NotFound(f"{path} has no history")
    folder = folder_of(page_file)
    return AttachmentInfo(
        page=page_of(page_file),
        filename=path.removeprefix(folder + "/"),
        file=path,
        mime_type=mime_type_of(path),
        size_bytes=_size_bytes(wiki.repository, then.entries[path].blob_id),
        blob_id=then.entries[path].blob_id,
        revision=record.revision,
        last_commit=record,
    )


def _size_bytes(repository: Repository, blob_id: str) -> int:
    """Size of a blob's content, without reading all of it where that can be helped."""
    with _sizes_lock:
        known = _sizes.get(blob_id)
    if known is not None:
        return known
    size = _size_in_header(repository, blob_id)
    if size is None:
        size = len(repository.blob(blob_id))
    with _sizes_lock:
        _sizes[blob_id] = size
        if len(_sizes) > _KEPT_SIZES:
            _sizes.popitem(last=False)
    return size


def _size_in_header(repository: Repository, blob_id: str) -> int | None:
    """What a loose object's header says; None for an object that is in a pack."""
    path = repository.git_dir / "objects" / blob_id[:2] / blob_id[2:]
    try:
        with path.open("rb") as file:
            start = zlib.decompressobj().decompress(file.read(1024), _MOST_HEADER_BYTES)
    except (FileNotFoundError, zlib.error):
        return None
    kind, _, rest = start.partition(b" ")
    size, end, _ = rest.partition(b"\0")
    return int(size) if kind == b"blob" and end and size.isdigit() else None
