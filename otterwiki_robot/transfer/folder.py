"""A folder of Markdown files and attachments on this machine, as the operator imports it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

from otterwiki_engine.paths import path_problem

from .errors import Problem, TransferRefused
from .files import FileSet, SourceFile, hidden_reason


def read_folder(folder: Path) -> FileSet:
    """The files below `folder`. Hidden ones (``.obsidian``, ``.DS_Store``) are left out.

    Symbolic links, special files and names a wiki can't hold are refused, all of them named, and
    never followed. Raises :class:`TransferRefused`.
    """
    files: list[SourceFile] = []
    problems: list[Problem] = []
    hidden: list[Problem] = []
    for entry in _entries(folder):
        path = os.fsencode(os.path.relpath(entry.path, folder)).decode("utf-8", "surrogateescape")
        status = entry.stat(follow_symlinks=False)
        if entry.name.startswith("."):
            hidden.append(_hidden(path, Path(entry.path), stat.S_ISDIR(status.st_mode)))
            continue
        refusal = path_problem(path)
        if stat.S_ISLNK(status.st_mode):
            refusal = "is a symbolic link; replace it by the file it stands for"
        elif not stat.S_ISREG(status.st_mode):
            refusal = "is neither a file nor a folder"
        if refusal:
            problems.append(Problem(path, refusal))
        else:
            files.append(SourceFile(path, status.st_size, partial(_open, Path(entry.path))))
    if problems:
        raise TransferRefused(f"{folder} can't be imported", tuple(problems))
    if not files:
        raise TransferRefused(f"{folder} holds no files to import")
    return FileSet(
        folder.name,
        tuple(sorted(files, key=lambda file: file.path)),
        tuple(sorted(hidden, key=lambda problem: problem.path)),
    )


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below `folder` but folders that are not hidden; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                yield from _entries(Path(entry.path))
            else:
                yield entry


def _hidden(path: str, place: Path, is_folder: bool) -> Problem:
    if is_folder:
        path += "/"
    count = sum(len(names) for _, _, names in os.walk(place)) if is_folder else 1
    return Problem(path, hidden_reason(path, count))
