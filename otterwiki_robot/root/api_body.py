"""The JSON object in the body of a request to the API, read member by member.

What is not understood is refused, never passed over: a misspelt member changes nothing silently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import request
from werkzeug.exceptions import BadRequest, UnprocessableEntity, UnsupportedMediaType


def read_body(*members: str) -> Body:
    """The body of this request, which may have those members.

    Raises UnsupportedMediaType (415), BadRequest (400) for what is no JSON, UnprocessableEntity
    (422) for what is no object or has further members, and RequestEntityTooLarge (413).
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send a JSON object, with Content-Type: application/json.")
    try:
        found = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise UnprocessableEntity("The body must be a JSON object.")
    unknown = sorted(found.keys() - {*members})
    if unknown:
        raise UnprocessableEntity(
            f"There is no member {unknown[0][:80]!r}. There are: {', '.join(members)}."
        )
    return Body(found)


class Body:
    """Typed members; None where one is missing or null. A wrong type is UnprocessableEntity."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def text(self, name: str) -> str | None:
        """Text."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            raise UnprocessableEntity(f"{name} must be text.")
        return value

    def one_of(self, name: str, *allowed: str) -> str:
        """One of those words."""
        value = self.text(name)
        if value is None or value not in allowed:
            raise UnprocessableEntity(f"{name} must be one of: {', '.join(allowed)}.")
        return value

    def flag(self, name: str) -> bool | None:
        """true or false."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise UnprocessableEntity(f"{name} must be true or false.")
        return value

    def whole_number(self, name: str) -> int | None:
        """A whole number."""
        value = self._values.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise UnprocessableEntity(f"{name} must be a whole number.")
        return value
