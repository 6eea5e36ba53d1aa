"""The limits of one wiki, asked before each commit: pages, sizes, room on the disk.

A limit is compared with what a change adds. What exists can be edited, renamed and deleted at the
limit and far above it (an import may be older than the limit, or the limit lowered later). Called
under the wiki's lock and counted from the head's own tree, so of two processes that both make the
last allowed page exactly one succeeds (checklist I1).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

from otterwiki_engine.errors import QuotaExceeded
from otterwiki_engine.loose_objects import new_object
from otterwiki_engine.pagenames import PAGE_SUFFIX
from otterwiki_engine.proposals import Proposal

from .disk_use import DiskUse
from .limits import FarmLimits

#: Room past the repository's limit that is kept for edits of existing pages.
EDIT_RESERVE = 0.1
#: What a page that is too large may grow by where a page is moved and links to it are rewritten:
#: a part of its size, or this many bytes if they are more.
MOVE_GROWTH = 0.1
MOVE_GROWTH_BYTES = 10_000
#: What the smallest object takes on a disk, and objects of a commit beside the files' (its trees).
_BLOCK_BYTES = 4096
_MORE_OBJECTS = 4
_FORM_BYTES = 1_000_000  # names, messages and tokens beside the content
#: A form sends any letter outside of ASCII as three characters for each of its bytes.
_ENCODED = 3


def check(
    proposal: Proposal,
    limits: FarmLimits,
    *,
    max_pages: Callable[[], int],
    git_dir: Path,
    disk_use: DiskUse,
) -> None:
    """Raise QuotaExceeded where `proposal` goes past a limit; deletes always pass.

    `max_pages` is asked only when the number of pages grows.
    """
    check_pages(proposal, max_pages)
    check_sizes(proposal, limits)
    if limits.repository_bytes is not None:
        check_repository(proposal, limits.repository_bytes, git_dir, disk_use)


def check_pages(proposal: Proposal, max_pages: Callable[[], int]) -> None:
    """Refuse more pages than allowed, where there are more than before."""
    added = proposal.added(PAGE_SUFFIX)
    if added <= 0:
        return
    limit = max_pages()
    found = added + sum(path.endswith(PAGE_SUFFIX) for path in proposal.before.entries)
    if found <= limit:
        return
    raise QuotaExceeded(
        f"This wiki may have {limit:,} pages; with this change it would have {found:,}.",
        what="pages",
        limit=limit,
        found=found,
        advice=(
            "Delete or merge pages that are no longer needed, ask the operator of this site for"
            " more, or export the wiki and run it yourself. Existing pages can still be edited,"
            " renamed and deleted."
        ),
    )


def check_sizes(proposal: Proposal, limits: FarmLimits) -> None:
    """Refuse a page or attachment that is too large, unless it was larger before.

    Where a page is moved, others may grow a little: the links to it are rewritten.
    """
    is_move = _moves_a_page(proposal)
    for path, content in proposal.changes.items():
        if content is None:
            continue
        is_page = path.endswith(PAGE_SUFFIX)
        limit = limits.page_bytes if is_page else limits.attachment_bytes
        if limit is None or len(content) <= limit:
            continue
        before = _size_before(proposal, path, is_page)
        if is_move and is_page and before:
            before += max(int(before * MOVE_GROWTH), MOVE_GROWTH_BYTES)
        if len(content) <= before:
            continue
        name = path.rsplit("/", 1)[-1]
        shown = f"the page {name.removesuffix(PAGE_SUFFIX)}" if is_page else f"the file {name}"
        raise QuotaExceeded(
            f"A {'page' if is_page else 'file'} may have {limit:,} bytes; {shown} would have"
            f" {len(content):,}.",
            what="page_bytes" if is_page else "attachment_bytes",
            limit=limit,
            found=len(content),
            advice=(
                "Divide it into several pages that link to each other, or shorten it."
                if is_page
                else "Make it smaller, or keep it elsewhere and link to it."
            ),
        )


def _moves_a_page(proposal: Proposal) -> bool:
    """Whether pages are deleted and as many or fewer are made: somebody renames or merges."""
    entries = proposal.before.entries
    pages = {path: new for path, new in proposal.changes.items() if path.endswith(PAGE_SUFFIX)}
    made = sum(new is not None and path not in entries for path, new in pages.items())
    return 0 < made <= sum(new is None for new in pages.values())


def _size_before(proposal: Proposal, path: str, is_page: bool) -> int:
    """Bytes of what `path` holds now, or of the largest file that this change may have moved to it:
    one of the same kind that it deletes."""
    before = proposal.before
    if path in before.entries:
        return len(before.read(path))
    gone = (
        other
        for other, content in proposal.changes.items()
        if content is None and other.endswith(PAGE_SUFFIX) == is_page
    )
    return max((len(before.read(other)) for other in gone), default=0)


def check_repository(
    proposal: Proposal, limit_bytes: int, git_dir: Path, disk_use: DiskUse
) -> None:
    """Refuse what takes more room on the disk than allowed.

    Deletes and moves always pass. Edits of existing pages have a reserve of a tenth, so that a full
    wiki can still be worked on but not be grown without end by editing.
    """
    contents = [content for content in proposal.changes.values() if content is not None]
    if not contents:
        return
    growth = sum(map(len, contents)) + (len(contents) + _MORE_OBJECTS) * _BLOCK_BYTES
    size = disk_use.size_if_near(limit_bytes, git_dir, growth)
    if size is None:
        return
    known = {entry.blob_id for entry in proposal.before.entries.values()}
    new = {
        path: content
        for path, content in proposal.changes.items()
        if content is not None and new_object(b"blob", content).id not in known
    }
    if not new:
        return
    is_edit = proposal.added() <= 0 and all(path.endswith(PAGE_SUFFIX) for path in new)
    allowed = limit_bytes + int(limit_bytes * EDIT_RESERVE) if is_edit else limit_bytes
    found = size + sum(len(zlib.compress(content, 1)) for content in new.values())
    if found <= allowed:
        return
    raise QuotaExceeded(
        f"This wiki may take {limit_bytes / 1e6:,.1f} MB with its whole history; with this change"
        f" it would take {found / 1e6:,.1f} MB.",
        what="repository_bytes",
        limit=limit_bytes,
        found=found,
        advice=(
            "Deleting files does not help, for the history keeps them: ask the operator of this"
            " site for more room, or export the wiki and run it yourself. Pages and files can"
            " still be renamed and deleted."
        ),
    )


def form_bytes(limits: FarmLimits) -> int | None:
    """The largest form field that is read: a page of the largest size, however it is encoded."""
    return None if limits.page_bytes is None else _ENCODED * limits.page_bytes + _FORM_BYTES


def request_bytes(limits: FarmLimits) -> int | None:
    """The largest request that is read: such a page, or two attachments of the largest size."""
    form = form_bytes(limits)
    if form is None or limits.attachment_bytes is None:
        return None
    return max(form, 2 * limits.attachment_bytes + _FORM_BYTES)
