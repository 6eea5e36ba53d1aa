"""What the API itself refuses, before or beside the engine."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_NONE: Mapping[str, str] = MappingProxyType({})


class Refused(Exception):
    """A request that gets a problem for an answer.

    `detail` is a sentence for a person, `code` a word for programs, `members` further members of
    the problem, `headers` further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] = _NONE,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.members = members


def bad_field(where: str, field: str, message: str) -> Refused:
    """422: one value that can't be what it should; `where` is path, query, header or body."""
    return bad_fields([{"in": where, "field": field, "message": message}])


def bad_fields(errors: list[dict[str, str]]) -> Refused:
    """422: values that can't be what they should, each with ``in``, ``field`` and ``message``."""
    shown = "; ".join(f"{error['field'] or 'body'}: {error['message']}" for error in errors[:5])
    more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
    return Refused(422, "bad_value", f"Nothing was done. {shown}{more}.", errors=errors)
