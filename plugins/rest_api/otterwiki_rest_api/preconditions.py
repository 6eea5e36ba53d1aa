"""If-Match and If-None-Match (RFC 9110, 13.1), and the base of a change that they stand for.

The entity tag of a page begins with its revision, so `If-Match` and `revision` in the body say the
same thing. What is refused for a header is answered with 412, for a body's revision with 409.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.datastructures import ETags
from werkzeug.http import parse_etags

from .refusals import Refused, bad_field

ANY_REVISION = "HEAD"  # for the page service: whatever is there
_TAG = re.compile(r"(?P<revision>[0-9a-f]{4,64})(?:-[\w-]+)?")


@dataclass(frozen=True)
class ChangeBase:
    """What a change is based on: `revision` for the page service, None where none was named.

    `must_be_new`: what is written must not be there yet (``If-None-Match: *``).
    """

    revision: str | None
    must_be_new: bool = False


class Preconditions:
    """The conditional headers of one request, None where they were not sent."""

    def __init__(self, if_match: str | None, if_none_match: str | None) -> None:
        self._if_match = None if if_match is None else parse_etags(if_match)
        self._if_none_match = None if if_none_match is None else parse_etags(if_none_match)

    def base(
        self,
        named: str | None,
        current: Callable[[], str | None],
        *,
        may_be_new: bool = False,
    ) -> ChangeBase:
        """The base of a change whose body names the revision `named`.

        `current` looks up the revision there is now; it is asked where If-Match names several.
        `may_be_new` tells that the change can make what it changes. Raises 412 for a condition that
        can't hold, 422 where header and body disagree, or a header has no meaning.
        """
        if self._if_none_match is not None:
            self._check_if_none_match(self._if_none_match, named, may_be_new=may_be_new)
            return ChangeBase(None, must_be_new=True)
        if self._if_match is None:
            return ChangeBase(named)
        wanted = self._revision(self._if_match, current)
        if named is not None and not wanted.startswith(named.lower()):
            raise bad_field("body", "revision", "it is not the one of If-Match; send one of them")
        return ChangeBase(wanted)

    def _check_if_none_match(self, tags: ETags, named: str | None, *, may_be_new: bool) -> None:
        if not (tags.star_tag and may_be_new):
            raise bad_field(
                "header",
                "If-None-Match",
                "with a change, only * has a meaning, and only where a page or file is written",
            )
        if self._if_match is not None or named is not None:
            raise bad_field(
                "header", "If-None-Match", "what must not exist can't be based on a revision"
            )

    @staticmethod
    def _revision(tags: ETags, current: Callable[[], str | None]) -> str:
        if tags.star_tag:
            return ANY_REVISION
        # An empty tag is None to Werkzeug.
        strong = [
            found["revision"] for tag in tags.as_set() if tag and (found := _TAG.fullmatch(tag))
        ]
        if len(strong) == 1:
            return strong[0]
        now = current() if strong else None
        if now is None or now not in strong:
            raise Refused(
                412,
                "precondition_failed",
                "Nothing was changed: If-Match names no revision that is there now. Take the ETag"
                " of a fresh answer.",
                current_revision=now,
            )
        return now
