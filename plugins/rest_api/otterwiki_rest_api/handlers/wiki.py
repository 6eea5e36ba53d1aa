"""The wiki as a whole: whether it answers."""

from __future__ import annotations

from .. import answers, queries
from ..calls import Answer, Call


def health(call: Call[queries.NoQuery, None]) -> Answer:
    """The API answers, and the repository can be read: its head is looked up."""
    call.service.wiki.repository.head()
    return Answer(answers.Health(status="ok"))
