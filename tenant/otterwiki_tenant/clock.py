"""Time as the registry's tables keep it: ISO 8601 text in UTC, fixed width.

Because the width is fixed, text order is time order, in SQLite and in PostgreSQL alike.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """`moment` (aware) as text, e.g. ``2026-11-23T02:03:04Z``; fractions are cut off."""
    return moment.astimezone(UTC).strftime(_FORMAT)


def parse(text: str) -> datetime:
    """The aware datetime written as `text`; raises ValueError for any other format."""
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)


def timestamp_before(moment: datetime, seconds: int) -> str:
    """The text of the moment `seconds` before `moment`."""
    return timestamp(moment - timedelta(seconds=seconds))
