"""A commit that is about to be written, as the plugins that may refuse it see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from .authorship import Author
from .snapshot import Snapshot


@dataclass(frozen=True)
class Proposal:
    """Changes that will become the next commit unless a plugin refuses them.

    `before` are the files of the head they are applied to, under the wiki's lock: nobody can
    change them until the commit is made or refused. `changes` maps each path that will really
    differ to its new content, None where it is deleted; merges are done already. `actor` is a DID
    and `client` a program's name, each None where there is none.
    """

    before: Snapshot
    changes: Mapping[str, bytes | None]
    author: Author
    actor: str | None = None
    client: str | None = None

    def only(self, paths: Collection[str]) -> Proposal:
        """The same without the changes of other paths."""
        return replace(self, changes={path: self.changes[path] for path in paths})

    def added(self, suffix: str = "") -> int:
        """How many more files whose names end in `suffix` there will be; negative for fewer."""
        return sum(
            (content is not None) - (path in self.before.entries)
            for path, content in self.changes.items()
            if path.endswith(suffix)
        )
