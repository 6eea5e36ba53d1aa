"""What a zygote can be asked to do with Otterwiki's own storage, without the engine.

The same harness over this storage must find faults: that is how we know it can.
"""

from __future__ import annotations

from otterwiki.gitstorage import GitStorage


def commit(
    folder: str, changes: dict[str, str | None], author: list[str], message: str
) -> dict[str, str]:
    """Store one page, as Otterwiki's editor does; returns the revision HEAD stands at then."""
    storage = GitStorage(folder)
    for path, text in changes.items():
        if text is None:
            storage.delete(path, message=message, author=author)
        else:
            storage.store(path, text, message=message, author=author)
    return {"revision": storage.repo.head.commit.hexsha}
