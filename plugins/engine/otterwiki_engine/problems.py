"""What a program is told that was refused: problem details (RFC 9457), in one shape everywhere.

Every door that answers programs (REST, the management API, the farm's front door) builds its
refusals here. Nothing of HTTP but status numbers is known to this module.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"
#: What every refusal has; `code` besides, where a program may want to tell refusals of one status
#: apart.
STANDARD_MEMBERS = ("type", "title", "status", "detail", "error")


def problem(
    status: int, detail: str, *, code: str | None = None, **members: Any
) -> tuple[dict[str, Any], int]:
    """The JSON object of a refusal, and its HTTP status.

    `detail` is a sentence for a person, repeated as `error`. `code` is one word for programs.
    `members` are further ones (`current_revision`, say); those that are None are left out. The
    type is ``about:blank``, so the title is that of the status (RFC 9457, 4.2.1). Raises ValueError
    where a member has the name of a standard one.
    """
    clashing = {*members} & {*STANDARD_MEMBERS}
    if clashing:
        raise ValueError(f"these members have a meaning already: {', '.join(sorted(clashing))}")
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "error": detail,
    }
    further = {"code": code, **members}
    document.update({name: value for name, value in further.items() if value is not None})
    return document, status
