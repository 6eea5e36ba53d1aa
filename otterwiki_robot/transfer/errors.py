"""How an import or export says no, in words a person can act on."""

from __future__ import annotations

from dataclasses import dataclass

SHOWN_PROBLEMS = 20


def printable(text: str) -> str:
    """`text` with everything that is not printable written as an escape."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


@dataclass(frozen=True)
class Problem:
    """One thing in a history that can't come in.

    ``revision`` is the commit it was first seen in, or None when it concerns the newest one.
    """

    path: str
    reason: str
    revision: str | None = None

    @property
    def shown_path(self) -> str:
        """The path, fit for people to read."""
        return printable(self.path)

    def __str__(self) -> str:
        where = f" (in commit {self.revision[:10]})" if self.revision else ""
        return f"{printable(self.path)}{where}: {self.reason}"


class TransferRefused(Exception):
    """An import or export that was not done; nothing was changed.

    ``problems`` is everything found wrong with the content; the message names the first twenty of
    them after the ``reason``.
    """

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        self.reason = message
        if problems:
            named = "; ".join(str(problem) for problem in problems[:SHOWN_PROBLEMS])
            more = len(problems) - SHOWN_PROBLEMS
            message = f"{message}: {named}" + (f"; and {more} more" if more > 0 else "")
        super().__init__(message)
        self.problems = problems
