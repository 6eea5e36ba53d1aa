"""What happened: histories, differences, changes of the wiki."""

from __future__ import annotations

import re
from datetime import datetime

from .. import answers, queries
from ..calls import Answer, Call
from ..refusals import bad_field

_TIME = re.compile(r"\d{4}-\d\d-\d\d")


def page_history(call: Call[queries.HistoryQuery, None]) -> Answer:
    """The commits of a page, newest first."""
    found = call.service.history(call.page, call.query.limit, call.query.cursor)
    return Answer(
        answers.History(
            path=found.path,
            exists=found.exists,
            history=[
                answers.Version(
                    revision=version.revision,
                    author=version.author_name,
                    date=version.datetime,
                    message=version.message,
                    path=version.path,
                )
                for version in found.versions
            ],
            next_cursor=found.next_cursor,
        )
    )


def page_diff(call: Call[queries.DiffQuery, None]) -> Answer:
    """What changed in a page from one revision to another."""
    found = call.service.diff(call.page, call.query.from_revision, call.query.to_revision)
    return Answer(
        answers.Difference(
            path=found.path,
            from_revision=found.from_revision,
            to_revision=found.to_revision,
            added=found.added,
            removed=found.removed,
            diff=found.unified,
            diff_truncated=found.truncated,
        )
    )


def changelog(call: Call[queries.ChangelogQuery, None]) -> Answer:
    """The commits of the wiki, newest first."""
    since = None if call.query.since is None else _since(call.query.since)
    found = call.service.recent_changes(call.query.limit, call.query.cursor, since)
    return Answer(
        answers.Changelog(
            entries=[
                answers.ChangeEntry(
                    revision=entry.revision,
                    author=entry.author_name,
                    date=entry.datetime,
                    message=entry.message,
                    pages_affected=list(entry.pages),
                    files_affected=list(entry.files),
                )
                for entry in found.entries
            ],
            total=found.total,
            head=found.head,
            next_cursor=found.next_cursor,
        )
    )


def _since(text: str) -> str | datetime:
    """A revision as it is; a time (it begins like 2026-11-23) as one."""
    if not _TIME.match(text):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not 1970 <= moment.year <= 9998:
        raise bad_field("query", "since", "it is neither a revision nor a time (ISO 8601)")
    return moment
