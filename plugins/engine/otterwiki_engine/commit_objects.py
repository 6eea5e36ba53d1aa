"""Reading commit objects leniently.

dulwich's own parser raises on malformed author lines, which real histories contain and git shows
without complaint.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_IDENTITY = re.compile(rb"\A(?P<name>.*?) ?<(?P<email>[^>]*)>?(?: (?P<time>-?\d{1,18}))?"
                       rb"(?: (?P<offset>[-+]\d{4,6}))?\Z")  # fmt: skip
_DAY_SECONDS = 86_400
_EARLIEST_SECONDS, _LATEST_SECONDS = -62_135_510_400, 253_402_214_400  # years 1 to 9999


class ParsedCommit(NamedTuple):
    """A commit as the index keeps it; times in seconds since 1970, ids as 40 hex digits."""

    revision: str
    tree_id: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    author_time: int
    author_offset_seconds: int
    commit_time: int
    message: str


class _Identity(NamedTuple):
    name: bytes
    email: bytes
    time: int
    offset_seconds: int


def _identity(line: bytes) -> _Identity:
    match = _IDENTITY.match(line)
    if match is None:
        return _Identity(line.strip(), b"", 0, 0)
    offset = match["offset"] or b"+0000"
    digits = offset[1:]
    seconds = (int(digits[:-2]) * 60 + int(digits[-2:])) * 60
    if seconds >= _DAY_SECONDS:
        seconds = 0
    return _Identity(
        match["name"].strip(),
        match["email"].strip(),
        min(max(int(match["time"] or 0), _EARLIEST_SECONDS), _LATEST_SECONDS),
        -seconds if offset.startswith(b"-") else seconds,
    )


def parse_commit(revision: str, content: bytes) -> ParsedCommit:
    """The commit `revision` from its object's content. Text that can't be decoded is replaced."""
    head, _, message = content.partition(b"\n\n")
    tree_id = ""
    parents: list[str] = []
    author = committer = _Identity(b"", b"", 0, 0)
    encoding = "utf-8"
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"tree":
            tree_id = value.decode("ascii", "replace")
        elif key == b"parent":
            parents.append(value.decode("ascii", "replace"))
        elif key == b"author":
            author = _identity(value)
        elif key == b"committer":
            committer = _identity(value)
        elif key == b"encoding":
            encoding = value.decode("ascii", "replace").strip()

    def text(raw: bytes) -> str:
        try:
            decoded = raw.decode(encoding)
        except (LookupError, ValueError):
            return raw.decode("utf-8", "replace")
        return decoded.encode("utf-8", "replace").decode("utf-8")

    return ParsedCommit(
        revision,
        tree_id,
        tuple(parents),
        text(author.name),
        text(author.email),
        author.time,
        author.offset_seconds,
        committer.time,
        text(message),
    )
