"""Records of the page service in the API's shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from typing import Any, TypeVar

from otterwiki_engine.history_records import CommitRecord
from otterwiki_engine.pages import cursors, records

from .. import answers

#: Of a heading where it is named: a long one stands in the path of all sections below it.
MOST_TITLE_CHARACTERS = 500
_T = TypeVar("_T")


def commit(record: CommitRecord) -> answers.Commit:
    """A commit as `last_commit` shows it. Addresses of people are left out."""
    return answers.Commit(
        revision=record.revision,
        author=record.author_name,
        date=record.datetime,
        message=record.message,
    )


def summary(page: records.PageSummary) -> answers.PageSummary:
    """A page in a list."""
    return answers.PageSummary(
        name=page.name,
        path=page.path,
        title=page.title,
        category=page.category,
        tags=list(page.tags),
        last_updated=page.last_updated.astimezone(UTC).date(),
        updated_at=page.last_updated,
        content_length=page.word_count,
        size_bytes=page.size_bytes,
        revision=page.revision,
    )


def section(info: records.SectionInfo) -> answers.Section:
    """A section without its text."""
    return answers.Section(
        number=info.number,
        title=info.title[:MOST_TITLE_CHARACTERS],
        level=info.level,
        path=[title[:MOST_TITLE_CHARACTERS] for title in info.path],
        anchor=info.anchor,
        line=info.line,
        line_count=info.line_count,
        size_characters=info.size_characters,
    )


def written(done: records.Written) -> answers.Written:
    """What a change of a page did."""
    return answers.Written(
        name=done.name,
        path=done.path,
        revision=done.revision,
        created=done.created,
        changed=done.changed,
        merged=done.merged,
        parent=done.parent,
        diff=done.diff,
        diff_truncated=done.diff_truncated,
        with_files=list(done.with_files),
    )


def moves(pairs: Iterable[tuple[str, str]]) -> list[answers.Move]:
    """Paths before and after."""
    return [answers.Move(old_path=old, new_path=new) for old, new in pairs]


def part(
    items: Sequence[_T], *, key: Callable[[_T], Any], name: str, limit: int, cursor: str | None
) -> tuple[list[_T], str | None]:
    """At most `limit` of `items` behind `cursor`, and the cursor of what follows, None at the end.

    `items` are sorted by `key`, which gives each a place of its own (text, or a tuple of texts and
    numbers); `name` names the list and its conditions, for no other list takes its cursors. Raises
    BadCursor.
    """
    query = cursors.query_key(name)
    rest = list(items)
    if cursor is not None:
        place, _ = cursors.read_cursor(query, cursor, lambda: (_place(key(item)) for item in items))
        rest = [item for item in rest if _place(key(item)) > place]
    shown = rest[:limit]
    more = len(rest) > len(shown)
    return shown, cursors.make_cursor(query, _place(key(shown[-1]))) if more else None


def _place(key: Any) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    return "\0".join(f"{each:012d}" if isinstance(each, int) else str(each) for each in parts)
