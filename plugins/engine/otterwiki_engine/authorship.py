"""Who made a commit and what it says, in the form git can carry (security checklist F5).

A commit names the human as its author; the engine adds the trailers ``Actor:`` (the DID) and
``Client:`` (the program used) by itself. Such lines typed by a user are neutralised, so that a
trailer can be believed.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from .errors import BadText

MAX_NAME_CHARACTERS = 256
MAX_MESSAGE_CHARACTERS = 65_536

_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069<>]")
_NOT_IN_MESSAGES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_TRAILER = re.compile(r"^[ \t]*(actor|client)[ \t]*:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Author:
    """A commit's author: display name and e-mail address (may be empty, as git allows)."""

    name: str
    email: str


def _check_name(field: str, text: object) -> str:
    if not isinstance(text, str):
        raise BadText(field, "it is not text")
    if _NOT_IN_NAMES.search(text):
        raise BadText(field, "it contains a line break, a control character, '<' or '>'")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadText(field, "it is not valid Unicode") from None
    if len(text) > MAX_NAME_CHARACTERS:
        raise BadText(field, f"it is longer than {MAX_NAME_CHARACTERS} characters")
    return text.strip()


def check_author(author: Author) -> Author:
    """Return `author` without surrounding space; raise :class:`BadText` where git would break.

    An empty name becomes "Anonymous", as Otterwiki itself calls a person it does not know.
    """
    name = _check_name("author name", author.name) or "Anonymous"
    return Author(name=name, email=_check_name("author e-mail", author.email))


def clean_message(message: str | None) -> str:
    """The message as it will be stored: LF line ends, control characters gone, no forged trailers.

    Raises :class:`BadText` when it is longer than 65,536 characters.
    """
    text = (message or "").replace("\r\n", "\n").replace("\r", "\n")
    text = _NOT_IN_MESSAGES.sub("", text)
    text = text.encode("utf-8", "replace").decode("utf-8")
    if len(text) > MAX_MESSAGE_CHARACTERS:
        raise BadText("commit message", f"it is longer than {MAX_MESSAGE_CHARACTERS} characters")
    return _TRAILER.sub(lambda match: f"({match.group(1)}):", text)


def with_trailers(message: str, actor: str | None, client: str | None) -> str:
    """`message` (already clean) followed by the trailers that name `actor` (a DID) and `client`."""
    lines = []
    if actor:
        lines.append(f"Actor: {_check_name('actor', actor)}")
    if client:
        lines.append(f"Client: {_check_name('client', client)}")
    if not lines:
        return message
    return message.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n"


def commit_content(tree_id: str, parent: str | None, author: Author, message: str) -> bytes:
    """A commit object's content: author and committer are the same person, time is now."""
    now = int(time.time())
    offset_minutes = time.localtime(now).tm_gmtoff // 60
    sign = "-" if offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(offset_minutes), 60)
    who = f"{author.name} <{author.email}> {now} {sign}{hours:02d}{minutes:02d}"
    lines = [f"tree {tree_id}"]
    if parent:
        lines.append(f"parent {parent}")
    lines += [f"author {who}", f"committer {who}", "", message]
    return "\n".join(lines).encode("utf-8")
