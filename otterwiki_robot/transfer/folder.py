"""Making one commit of a folder of Markdown files and attachments, by git fast-import."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from otterwiki_engine.authorship import Author, check_author
from otterwiki_engine.paths import path_problem

from .errors import Problem, TransferRefused
from .fetching import FETCHED_REF
from .git import Progress, command, environment

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class _File:
    """A file to bring: its path in the wiki and on disk, and its size when it was looked at."""

    path: str
    source: Path
    size_bytes: int


def commit_folder(
    folder: Path,
    git_dir: Path,
    *,
    author: Author,
    message: str,
    max_bytes: int,
    progress: Progress,
) -> str:
    """Commit the files below `folder` into the empty repository `git_dir`; returns the commit id.

    Hidden files and folders (``.obsidian``, ``.DS_Store``) are left out; `message` is stored as it
    is. Symbolic links, special files and names a wiki can't hold are refused, all of them named.
    Raises :class:`TransferRefused`.
    """
    files, problems = _look_through(folder)
    if problems:
        raise TransferRefused(f"{folder} can't be imported", tuple(problems))
    if not files:
        raise TransferRefused(f"{folder} holds no files to import")
    total = sum(file.size_bytes for file in files)
    if total > max_bytes:
        raise TransferRefused(
            f"{folder} holds {total // 1_000_000} MB; one wiki may hold {max_bytes // 1_000_000} MB"
        )
    process = subprocess.Popen(
        command(git_dir, "fast-import", "--quiet", "--done"),
        env=environment({}),
        cwd=git_dir,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        if process.stdin is None:
            raise TransferRefused("git can't be talked to: its input was not opened")
        complaint = ""
        try:
            _write_commit(process.stdin, files, check_author(author), message, progress)
            process.stdin.close()
        except BrokenPipeError:
            complaint = "it ended early; "
        if process.stderr is not None:
            complaint += process.stderr.read().decode("utf-8", "replace").strip()
        if process.wait() != 0:
            last = complaint.splitlines()[0] if complaint else "no reason given"
            raise TransferRefused(f"git refused the files of {folder}: {last[:300]}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()
    return (git_dir / FETCHED_REF).read_text("ascii").strip()


def _look_through(folder: Path) -> tuple[list[_File], list[Problem]]:
    files: list[_File] = []
    problems: list[Problem] = []
    for entry in _entries(folder):
        path = os.fsencode(os.path.relpath(entry.path, folder)).decode("utf-8", "surrogateescape")
        status = entry.stat(follow_symlinks=False)
        refusal = path_problem(path)
        if stat.S_ISLNK(status.st_mode):
            refusal = "is a symbolic link; replace it by the file it stands for"
        elif not stat.S_ISREG(status.st_mode):
            refusal = "is neither a file nor a folder"
        if refusal:
            problems.append(Problem(path, refusal))
        else:
            files.append(_File(path, Path(entry.path), status.st_size))
    return sorted(files, key=lambda file: file.path), problems


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below `folder` that is not a folder and not hidden; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))
            else:
                yield entry


def _write_commit(
    stream: IO[bytes], files: list[_File], author: Author, message: str, progress: Progress
) -> None:
    who = f"{author.name} <{author.email}> {int(time.time())} +0000".encode()
    text = message.encode("utf-8")
    stream.write(b"commit " + FETCHED_REF.encode("ascii") + b"\n")
    stream.write(b"author " + who + b"\ncommitter " + who + b"\n")
    stream.write(b"data %d\n%s\n" % (len(text), text))
    for number, file in enumerate(files, start=1):
        with file.source.open("rb") as source:
            stream.write(b"M 100644 inline " + _quoted(file.path) + b"\n")
            stream.write(b"data %d\n" % file.size_bytes)
            _copy(source, stream, file)
            stream.write(b"\n")
        progress("Reading files", number, len(files))
    stream.write(b"done\n")
    stream.flush()


def _copy(source: IO[bytes], stream: IO[bytes], file: _File) -> None:
    left = file.size_bytes
    while left:
        chunk = source.read(min(left, _CHUNK_BYTES))
        if not chunk:
            raise TransferRefused(f"{file.source} became shorter while it was read; try again")
        stream.write(chunk)
        left -= len(chunk)


def _quoted(path: str) -> bytes:
    """`path` as a C-style quoted string, which is how fast-import takes any name."""
    raw = path.encode("utf-8", "surrogateescape")
    plain = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + plain + b'"'
