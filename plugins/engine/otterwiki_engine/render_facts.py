"""What a render found out about itself: whether its result would be the same another time.

The parsers and guards note it while they work; whoever keeps rendered pages looks at it afterwards.
Kept per thread, for the innermost render.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class RenderFacts:
    """`embeds`: a plugin put something into the page, which may depend on anything.

    `names_page`: an address was completed with the page's own. `was_short_of_time`: something was
    left out that a faster machine would have done.
    """

    embeds: bool = False
    names_page: bool = False
    was_short_of_time: bool = False


class _Current(threading.local):
    def __init__(self) -> None:
        self.facts = RenderFacts()


_current = _Current()


@contextmanager
def gathered() -> Iterator[RenderFacts]:
    """What is noted inside; nothing of it reaches the render around it."""
    outer = _current.facts
    facts = _current.facts = RenderFacts()
    try:
        yield facts
    finally:
        _current.facts = outer


def note_embedding() -> None:
    """A plugin writes a part of the page."""
    _current.facts.embeds = True


def note_page_address() -> None:
    """The page's own address is part of the result."""
    _current.facts.names_page = True


def note_lack_of_time() -> None:
    """Something is left out for lack of time."""
    _current.facts.was_short_of_time = True
