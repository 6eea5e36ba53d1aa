"""What a zygote can be asked to do with the engine alone, on a bare repository or a work tree.

Contents travel as JSON strings that stand for bytes, one character a byte (Latin-1).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from otterwiki_engine.authorship import Author
from otterwiki_engine.history import HistoryIndex
from otterwiki_engine.repository import Repository


def create(folder: str, *, work_tree: bool) -> None:
    """Make an empty wiki."""
    place = Path(folder)
    if work_tree:
        Repository.create(place / ".git", work_tree=place)
    else:
        place.mkdir()
        Repository.create(place / "repo.git", state_dir=place)


def commit(
    folder: str, changes: dict[str, str | None], author: list[str], message: str
) -> dict[str, Any]:
    """Make one commit as any door does; returns its revision and the paths it changed."""
    repository = _open(Path(folder))
    result = repository.commit(
        {
            path: text.encode("latin-1") if text is not None else None
            for path, text in changes.items()
        },
        base=None,
        author=Author(*author),
        message=message,
    )
    return {"revision": result.revision, "changed": list(result.changed)}


def revert(folder: str, revision: str, author: list[str], message: str) -> dict[str, Any]:
    """Undo one commit."""
    repository = _open(Path(folder))
    result = repository.revert(revision, author=Author(*author), message=message)
    return {"revision": result.revision, "changed": list(result.changed)}


def history(folder: str) -> dict[str, Any]:
    """What the history index says: all commits, newest first, and each file's last change."""
    repository = _open(Path(folder))
    index = HistoryIndex(repository)
    records = index.log()
    last = {path: index.last_change(path) for path in repository.snapshot().files()}
    return {
        "revisions": [record.revision for record in records],
        "authors": [[record.author_name, record.author_email] for record in records],
        "last_change": {path: record and record.revision for path, record in last.items()},
    }


def _open(folder: Path) -> Repository:
    if (folder / ".git").is_dir():
        return Repository(folder / ".git", work_tree=folder)
    return Repository(folder / "repo.git", state_dir=folder)
