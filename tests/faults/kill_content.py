"""The wiki that killed operations work on, and the operations as a browser does them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .kill_oracle import KILLED_AUTHOR, Contents, Operation, as_json
from .zygote import Outcome, Zygote

ALICE = ["alice.test", "did.plc.alice@users.example.org"]
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
CONTENT: dict[str, bytes | None] = {
    "Home.md": b"# Home\n\nSee [[Plan]].\n",
    "Plan.md": b"# Plan\n\nStep one.\n",
    "Plan/picture.png": PICTURE,
    "Plan/deep/er/Page.md": b"# Deep\n\nSee [[Plan]].\n",
    "notes/next.md": b"# Next\n",
}
SAVED: Contents = {"Home.md": b"# Home\n\nSee [[Plan]]. More.\n"}
CREATED: Contents = {"new/folder/Page.md": b"# New\n"}
RENAMED: Contents = {
    "Plan.md": None,
    "Plan/picture.png": None,
    "Plan/deep/er/Page.md": None,
    "Idea.md": CONTENT["Plan.md"],
    "Idea/picture.png": PICTURE,
    "Idea/deep/er/Page.md": b"# Deep\n\nSee [[Idea]].\n",
    "Home.md": b"# Home\n\nSee [[Idea]].\n",
}
DELETED: Contents = {path: None for path in CONTENT if path.startswith("Plan")}
NUMBERS = PICTURE[::-1]
UPLOADED: Contents = {"Home/numbers.bin": NUMBERS}

#: (name, what it changes, the path it is posted to, the form)
FORMS: list[tuple[str, Contents, str, dict[str, Any]]] = [
    ("save", SAVED, "/Home/save", {"content": "# Home\n\nSee [[Plan]]. More.\n", "commit": "save"}),
    ("create", CREATED, "/new/folder/Page/save", {"content": "# New\n", "commit": "create"}),
    (
        "rename with backlinks",
        RENAMED,
        "/Plan/rename",
        {"new_pagename": "Idea", "message": "rename", "update_backlinks": "on"},
    ),
    ("delete", DELETED, "/Plan/delete", {"message": "delete", "recursive": "recursive"}),
    (
        "upload",
        UPLOADED,
        "/Home/attachments",
        {"message": "upload", "file": ["numbers.bin", NUMBERS.decode("latin-1")]},
    ),
]


def committed(name: str, changes: Contents) -> Operation:
    """The operation as the engine's own write path does it, without Otterwiki."""

    def call(zygote: Zygote, folder: Path, kill_at: int) -> Outcome:
        return zygote.call(
            "commit",
            kill_at=kill_at,
            folder=str(folder),
            changes=as_json(changes),
            author=list(KILLED_AUTHOR),
            message="killed operation",
        )

    return Operation(name, changes, call)


def posted(name: str, changes: Contents, path: str, form: dict[str, Any]) -> Operation:
    """The operation as Otterwiki does it when a form is posted to `path`."""
    return Operation(name, changes, _poster(path, form))


def _poster(path: str, form: dict[str, Any]) -> Callable[[Zygote, Path, int], Outcome]:
    def call(zygote: Zygote, folder: Path, kill_at: int) -> Outcome:
        return zygote.call(
            "change",
            kill_at=kill_at,
            folder=str(folder),
            path=path,
            form=form,
            author=list(KILLED_AUTHOR),
        )

    return call


def build(engine: Zygote, folder: Path) -> None:
    """Fill the empty wiki at `folder` by three commits of Alice."""
    for number, path in enumerate(["Home.md", "Plan.md", ""]):
        changes = {path: f"version {number}\n".encode()} if path else CONTENT
        engine.call(
            "commit",
            folder=str(folder),
            changes=as_json(changes),
            author=ALICE,
            message=f"earlier work {number}",
        )
