"""Making one commit of files in an empty repository, by git fast-import."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from otterwiki_engine.authorship import Author, check_author

from .errors import TransferRefused
from .fetching import FETCHED_REF
from .files import SourceFile
from .git import Progress, command, environment

_CHUNK_BYTES = 1 << 20


def commit_files(
    files: Sequence[SourceFile],
    git_dir: Path,
    *,
    author: Author,
    message: str,
    max_bytes: int,
    progress: Progress,
) -> str:
    """Commit `files`, whose paths have been checked, into the repository `git_dir`.

    Returns the commit's id; `message` is stored as it is. Raises :class:`TransferRefused`.
    """
    total = sum(file.size_bytes for file in files)
    if total > max_bytes:
        raise TransferRefused(
            f"the files have {total // 1_000_000} MB together; one wiki may hold"
            f" {max_bytes // 1_000_000} MB"
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
            raise TransferRefused(f"git refused the files: {last[:300]}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()
    return (git_dir / FETCHED_REF).read_text("ascii").strip()


def _write_commit(
    stream: IO[bytes], files: Sequence[SourceFile], author: Author, message: str, progress: Progress
) -> None:
    who = f"{author.name} <{author.email}> {int(time.time())} +0000".encode()
    text = message.encode("utf-8")
    stream.write(b"commit " + FETCHED_REF.encode("ascii") + b"\n")
    stream.write(b"author " + who + b"\ncommitter " + who + b"\n")
    stream.write(b"data %d\n%s\n" % (len(text), text))
    for number, file in enumerate(files, start=1):
        with file.open() as source:
            stream.write(b"M 100644 inline " + _quoted(file.path) + b"\n")
            stream.write(b"data %d\n" % file.size_bytes)
            _copy(source, stream, file)
            stream.write(b"\n")
        progress("Reading files", number, len(files))
    stream.write(b"done\n")
    stream.flush()


def _copy(source: IO[bytes], stream: IO[bytes], file: SourceFile) -> None:
    """Bring over as many bytes as were announced, never more."""
    left = file.size_bytes
    while left:
        chunk = source.read(min(left, _CHUNK_BYTES))
        if not chunk:
            raise TransferRefused(f"{file.path} became shorter while it was read; try again")
        stream.write(chunk)
        left -= len(chunk)


def _quoted(path: str) -> bytes:
    """`path` as a C-style quoted string, which is how fast-import takes any name."""
    raw = path.encode("utf-8", "surrogateescape")
    plain = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + plain + b'"'
