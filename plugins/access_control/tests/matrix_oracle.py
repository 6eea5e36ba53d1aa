"""What the answer to a request must be, said independently of the code that decides it.

Roles and credentials are written down here from the product's rules; what a route asks for is read
from ``docs/permissions.md``, the page a person reads. None of it calls the project.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "permissions.md"


class Kind(enum.Enum):
    """How a request ends."""

    SERVED = "served"
    SIGN_IN = "sent to the sign-in page"  # a program is told 401
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"


#: | | read | write, upload | settings | of the product's table of roles.
OF_ROLE: Mapping[str, frozenset[str]] = {
    "nobody": frozenset(),
    "stranger": frozenset(),
    "viewer": frozenset({"read"}),
    "editor": frozenset({"read", "write", "upload"}),
    "owner": frozenset({"read", "write", "upload", "settings"}),
}
#: No token changes settings, members or tokens.
OF_TOKEN = frozenset({"read", "write", "upload"})


@dataclass(frozen=True)
class Claim:
    """What is true of whoever asks: their role today, and what they show for it.

    `credential` is none, session, token or bad (an Authorization header that is not this wiki's).
    """

    role: str
    credential: str

    @property
    def is_known(self) -> bool:
        """Whether a person is known behind the request."""
        return self.credential in ("session", "token")


def rights(claim: Claim, *, is_public: bool, is_suspended: bool) -> frozenset[str]:
    """What the claim allows on a wiki."""
    if is_suspended or claim.credential == "bad":
        return frozenset()
    of_role = OF_ROLE[claim.role] if claim.credential in ("session", "token") else frozenset()
    allowed = of_role | (frozenset({"read"}) if is_public else frozenset())
    return allowed & OF_TOKEN if claim.credential == "token" else allowed


def outcome(
    need: str,
    claim: Claim,
    *,
    sends_form: bool,
    wants_json: bool,
    is_public: bool,
    is_suspended: bool,
) -> Kind:
    """What must come back where a route asks for `need` (a cell of the document)."""
    allowed = rights(claim, is_public=is_public, is_suspended=is_suspended)
    ask_to_sign_in = Kind.UNAUTHORIZED if wants_json else Kind.SIGN_IN
    if claim.credential == "bad":
        return Kind.UNAUTHORIZED
    if is_suspended and claim.is_known and OF_ROLE[claim.role]:
        return Kind.FORBIDDEN
    if "read" not in allowed:
        return Kind.NOT_FOUND if claim.is_known else ask_to_sign_in
    if need == "404":
        return Kind.NOT_FOUND
    word, _, person = need.partition(", ")
    if word in allowed and (not person or claim.is_known):
        return Kind.SERVED
    if claim.is_known or (sends_form and not wants_json):
        return Kind.FORBIDDEN
    return ask_to_sign_in


def tables(document: str) -> dict[str, list[dict[str, str]]]:
    """The tables of a Markdown page by the heading above them; rows by column name."""
    found: dict[str, list[dict[str, str]]] = {}
    heading, columns = "", list[str]()
    for line in document.splitlines():
        if line.startswith("#"):
            heading, columns = line.lstrip("# "), []
        elif not line.startswith("|"):
            columns = []
        elif not columns:
            columns = _cells(line)
        elif not re.fullmatch(r"[|\s:-]+", line) or "---" not in line:
            found.setdefault(heading, []).append(dict(zip(columns, _cells(line), strict=True)))
    return found


def needs(document: str, heading: str = "Routes of a wiki") -> dict[tuple[str, str], str]:
    """(endpoint, method) -> what the document says it asks for; HEAD is asked what GET is."""
    found = {}
    for row in tables(document)[heading]:
        if "endpoint" not in row:
            continue
        endpoint = row["endpoint"].strip("`")
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            need = row["GET" if method == "HEAD" else method]
            if need:
                found[endpoint, method] = need
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
