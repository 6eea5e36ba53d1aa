"""The ways a writer can save a page. Each class is one door; a writer process opens it once.

A door's ``save`` returns the new revision ("" if that door does not tell) once the save is
acknowledged, and raises :class:`Refused` when it is not. Doors are used by several threads.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Protocol

from otterwiki_engine.authorship import Author
from otterwiki_engine.errors import Conflict, NotFound
from otterwiki_engine.history import HistoryIndex
from otterwiki_engine.repository import Repository

_MOST_RETRIES = 2000


class Refused(Exception):
    """The save was not acknowledged; the message says why."""


class Door(Protocol):
    """What a writer process needs of a door."""

    def save(self, wiki: str, path: str, text: str, author: tuple[str, str]) -> str:
        """Make `text` the content of `path`; returns the revision or ""."""
        ...


class EngineDoor:
    """The engine's own write path; `folders` maps wikis to folders.

    With `read_history` each save is followed by a look at the history index, which catches up.
    """

    def __init__(self, folders: dict[str, str], *, read_history: bool = False) -> None:
        self._repositories = {name: _open(Path(folder)) for name, folder in folders.items()}
        self._histories = (
            {name: HistoryIndex(found) for name, found in self._repositories.items()}
            if read_history
            else {}
        )

    def save(self, wiki: str, path: str, text: str, author: tuple[str, str]) -> str:
        """Overwrite a page, whatever it was."""
        try:
            result = self._repositories[wiki].commit(
                {path: text.encode()},
                base=None,
                author=Author(*author),
                message=f"{wiki}: {path} by {author[0]}",
            )
        except Conflict as conflict:
            raise Refused(str(conflict)) from conflict
        if wiki in self._histories:
            self._histories[wiki].catch_up()
        return result.revision

    def append(self, wiki: str, path: str, line: str, author: tuple[str, str]) -> tuple[str, str]:
        """Add a line to a page as it was read, again and again until nobody was faster.

        Returns the revision and the text it holds.
        """
        repository = self._repositories[wiki]
        for _ in range(_MOST_RETRIES):
            snapshot = repository.snapshot()
            try:
                text = snapshot.read(path).decode() + line
            except NotFound:
                text = line
            try:
                result = repository.commit(
                    {path: text.encode()},
                    base=snapshot.revision,
                    author=Author(*author),
                    message=f"{wiki}: line by {author[0]}",
                )
            except Conflict:
                continue
            return result.revision, text
        raise Refused(f"{_MOST_RETRIES} times somebody else was faster")


class StockDoor:
    """Otterwiki's own storage without the engine. Not safe for threads."""

    def __init__(self, folders: dict[str, str]) -> None:
        from otterwiki.gitstorage import GitStorage

        self._storages = {name: GitStorage(folder) for name, folder in folders.items()}

    def save(self, wiki: str, path: str, text: str, author: tuple[str, str]) -> str:
        """Store a page as Otterwiki's editor does."""
        try:
            self._storages[wiki].store(
                path, text, message=f"{wiki}: {path} by {author[0]}", author=author
            )
        except Exception as error:  # whatever it raises, it is no acknowledgement
            raise Refused(f"{type(error).__name__}: {error}") from error
        return ""


class ShellDoor:
    """A person with git at a shell, in the work tree of a wiki."""

    def __init__(self, folders: dict[str, str]) -> None:
        self._folders = folders

    def save(self, wiki: str, path: str, text: str, author: tuple[str, str]) -> str:
        """Write a file, ``git add`` and ``git commit`` it, trying again while git is locked out."""
        file = Path(self._folders[wiki]) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self._until_done(wiki, author, "add", "--", path)
        self._until_done(
            wiki, author, "commit", "--quiet", f"--message={wiki}: {path} by {author[0]}"
        )
        return ""

    def _until_done(self, wiki: str, author: tuple[str, str], *arguments: str) -> None:
        said = ""
        for _ in range(_MOST_RETRIES):
            done = self._git(wiki, author, *arguments)
            if done.returncode == 0:
                return
            said = f"{done.stdout.strip()} {done.stderr.strip()}"
            if "nothing to commit" in said:
                raise Refused("git commit: nothing to commit: the file was overwritten meanwhile")
        raise Refused(f"git {arguments[0]}: {said}")

    def _git(
        self, wiki: str, author: tuple[str, str], *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        name, email = author
        identity = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", name), ("EMAIL", email))
        }
        plain = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(
            ["git", *arguments],
            cwd=self._folders[wiki],
            env=plain | identity,
            capture_output=True,
            text=True,
            check=False,
        )


def _open(folder: Path) -> Repository:
    if (folder / ".git").is_dir():
        return Repository(folder / ".git", work_tree=folder)
    return Repository(folder / "repo.git", state_dir=folder)
