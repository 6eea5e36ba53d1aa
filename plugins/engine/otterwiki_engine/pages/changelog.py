"""What happened: the history of a page across its renames, and of the wiki."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from ..history_records import CommitRecord
from ..wiki import Wiki
from .cursors import check_limit, make_cursor, query_key, read_cursor
from .differences import diff_of
from .errors import BadCursor, BadValue, PageNotFound
from .names import PageNames, is_page, page_of, pages_in
from .records import ChangeEntry, Difference, PageHistory, PageVersion, RecentChanges
from .revisions import explained, last_file_of, resolve

_CHUNK = 500  # commits looked at in one go for the one a cursor names


def page_history(
    wiki: Wiki, names: PageNames, page: str, limit: int, cursor: str | None
) -> PageHistory:
    """A page's commits, newest first, under its earlier names too."""
    check_limit(limit)
    file = last_file_of(wiki, names, page)
    if file is None:
        raise explained(wiki, names, PageNotFound(page))
    key = query_key("history", file)

    def log(count: int, offset: int) -> list[CommitRecord]:
        return wiki.history.log(file, limit=count, offset=offset)

    records, start = _after(wiki, log, key, limit, cursor, file)
    more = len(records) > limit
    records = records[:limit]
    names_then = _names_then(wiki, file, records)
    versions = tuple(
        PageVersion(
            revision=record.revision,
            path=page_of(name),
            author_name=record.author_name,
            author_email=record.author_email,
            datetime=record.datetime,
            message=record.message,
        )
        for record, name in zip(records, names_then, strict=True)
    )
    following = make_cursor(key, records[-1].revision, start + limit - 1) if more else None
    exists = file in wiki.repository.snapshot().entries
    return PageHistory(page_of(file), exists, versions, following)


def _names_then(wiki: Wiki, file: str, records: list[CommitRecord]) -> list[str]:
    """What `file` was called in each of these commits of its log."""
    if not records:
        return []
    newest, oldest = (wiki.history.path_at(file, records[end].revision) for end in (0, -1))
    if newest == oldest:
        return [newest] * len(records)
    return [wiki.history.path_at(file, record.revision) for record in records]


def recent_changes(
    wiki: Wiki, limit: int, cursor: str | None, since: str | datetime | None
) -> RecentChanges:
    """The wiki's commits, newest first, as far back as `since`."""
    check_limit(limit)
    key = query_key("changes", since)
    known = None if since is None else _since(wiki, since)

    def log(count: int, offset: int) -> list[CommitRecord]:
        if known is None:
            return wiki.history.log(limit=count, offset=offset)
        return known[offset : offset + count]

    records, start = _after(wiki, log, key, limit, cursor)
    more = len(records) > limit
    records = records[:limit]
    return RecentChanges(
        entries=tuple(map(_entry, records)),
        total=wiki.history.count() if known is None else len(known),
        head=wiki.repository.head(),
        next_cursor=make_cursor(key, records[-1].revision, start + limit - 1) if more else None,
    )


def page_diff(
    wiki: Wiki, names: PageNames, page: str, from_revision: str, to_revision: str | None
) -> Difference:
    """What changed in a page between two revisions, under the names it had in them."""
    before = resolve(wiki, from_revision)
    after = resolve(wiki, "HEAD" if to_revision is None else to_revision)
    snapshots = wiki.repository.snapshot(before), wiki.repository.snapshot(after)
    files: list[str] = []
    current = last_file_of(wiki, names, page)
    if current is not None:
        files = [wiki.history.path_at(current, revision) for revision in (before, after)]
    if not any(file in then.entries for file, then in zip(files, snapshots, strict=False)):
        found = [names.find(page, then) for then in snapshots]
        files = [file for file in found if file is not None]
    if not files:
        raise explained(wiki, names, PageNotFound(page, revision=after))
    found_diff = diff_of(wiki.repository, before, after, set(files))
    return Difference(
        path=page_of(files[-1]),
        from_revision=before,
        to_revision=after,
        unified=found_diff.text,
        added=found_diff.added,
        removed=found_diff.removed,
        truncated=found_diff.truncated,
    )


def _entry(record: CommitRecord) -> ChangeEntry:
    return ChangeEntry(
        revision=record.revision,
        author_name=record.author_name,
        author_email=record.author_email,
        datetime=record.datetime,
        message=record.message,
        pages=tuple(pages_in(record.files)),
        files=tuple(file for file in record.files if not is_page(file)),
    )


def _since(wiki: Wiki, since: str | datetime) -> list[CommitRecord]:
    """The commits after revision `since`, or not before that time, newest first."""
    records = wiki.history.log()
    if isinstance(since, datetime):
        earliest = since if since.tzinfo else since.replace(tzinfo=UTC)
        return [record for record in records if record.datetime >= earliest]
    if not isinstance(since, str):
        raise BadValue("since", "it is neither a revision nor a time")
    revision = resolve(wiki, since)
    found: list[CommitRecord] = []
    for record in records:
        if record.revision == revision:
            break
        found.append(record)
    return found


def _after(
    wiki: Wiki,
    log: Callable[[int, int], list[CommitRecord]],
    key: str,
    limit: int,
    cursor: str | None,
    file: str | None = None,
) -> tuple[list[CommitRecord], int]:
    """At most `limit` + 1 commits of a log from where `cursor` goes on; how many come before them.

    `log` gives so many commits after so many, of `file` if it is only that one's. New ones come at
    its beginning, so the commit that the cursor names is where it was, or further down.
    """
    if cursor is None:
        return log(limit + 1, 0), 0
    revision, position = read_cursor(key, cursor)
    if wiki.history.find(revision, file) != revision:
        raise BadCursor  # the history was rewritten
    while chunk := log(_CHUNK, position):
        for index, record in enumerate(chunk):
            if record.revision == revision:
                start = position + index + 1
                return log(limit + 1, start), start
        position += len(chunk)
    raise BadCursor
