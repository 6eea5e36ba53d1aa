"""What the history index answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """One commit.

    ``revision`` and ``parents`` are full ids, ``datetime`` is the author's time in the author's
    own UTC offset, ``message`` is the message as stored. ``files`` are the paths the commit
    touched, in git's order: a renamed file under its new name, and none for a merge commit, as
    ``git log --name-only`` has it.
    """

    revision: str
    author_name: str
    author_email: str
    datetime: datetime
    message: str
    files: tuple[str, ...]
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """One content a file has had, for blame.

    ``revision`` is the commit that made it, ``path`` the file's name in that commit and
    ``blob_id`` its content. ``sources`` are the positions, in the same list of versions, of what
    it was made from: none for a new file, one as a rule, several for a merge commit that differs
    from all its parents.
    """

    revision: str
    path: str
    blob_id: str
    sources: tuple[int, ...]
