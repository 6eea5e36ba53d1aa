"""Files that become one commit, wherever they come from: a folder, a zip file or an upload.

What can't be in a wiki is left out of the commit and reported, file by file.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import IO

from otterwiki_engine.paths import path_problem

from .checks import Limits, file_problem, same_but_case
from .errors import Problem

_ADDED_BY_SYSTEMS = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
# Raster images and PDF are shown by browsers as what their name says: so they must be it.
_SIGNATURES = {
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".gif": (b"GIF87a", b"GIF89a"),
    ".webp": (b"RIFF",),
    ".pdf": (b"%PDF-",),
}


@dataclass(frozen=True)
class SourceFile:
    """A file to bring: its path in the wiki, its size, and how its bytes are read."""

    path: str
    size_bytes: int
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class FileSet:
    """Files with the name of what they came in, and what was left out of them already.

    ``taken_off`` is the folder that was around everything and is not part of the paths, or "".
    """

    name: str
    files: tuple[SourceFile, ...]
    left_out: tuple[Problem, ...] = ()
    taken_off: str = ""


def is_hidden(path: str) -> bool:
    """Whether a part of `path` is hidden, or one that an operating system adds by itself."""
    return any(
        part.startswith(".") or part.casefold() in _ADDED_BY_SYSTEMS for part in path.split("/")
    )


def without_hidden(files: Iterable[SourceFile]) -> tuple[list[SourceFile], list[Problem]]:
    """The files that are not hidden, and one line for each hidden file or folder left out."""
    kept: list[SourceFile] = []
    hidden: Counter[str] = Counter()
    for file in files:
        if is_hidden(file.path):
            hidden[_hidden_part(file.path)] += 1
        else:
            kept.append(file)
    return kept, [Problem(path, hidden_reason(path, count)) for path, count in hidden.items()]


def hidden_reason(path: str, count: int) -> str:
    """Why the hidden file or folder `path` (folders end in a slash) stays behind."""
    if not path.endswith("/"):
        return "is a hidden file"
    return f"is a hidden folder ({count} file{'' if count == 1 else 's'})"


def _hidden_part(path: str) -> str:
    """`path` up to its first hidden part; a folder ends in a slash."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        if is_hidden(parts[depth - 1]):
            return "/".join(parts[:depth]) + ("/" if depth < len(parts) else "")
    return path


def without_outer_folder(files: Sequence[SourceFile]) -> tuple[list[SourceFile], str]:
    """The files without the one folder around them all, and its name ("" where there is none)."""
    outer = {file.path.partition("/")[0] for file in files}
    if len(outer) != 1 or any("/" not in file.path for file in files):
        return list(files), ""
    (name,) = outer
    return [replace(file, path=file.path[len(name) + 1 :]) for file in files], name


def composed(files: Iterable[SourceFile]) -> list[SourceFile]:
    """The files with their names composed (NFC), as people type them in links and addresses."""
    return [replace(file, path=unicodedata.normalize("NFC", file.path)) for file in files]


def screen(files: Iterable[SourceFile], limits: Limits) -> tuple[list[SourceFile], list[Problem]]:
    """The files that can come in, by path, and each one that can't with its reason."""
    kept: dict[str, SourceFile] = {}
    left_out: list[Problem] = []
    for file in sorted(files, key=lambda file: file.path):
        reason = path_problem(file.path) or _content_problem(file, limits)
        if reason is None and file.path in kept:
            reason = "is there twice"
        if reason:
            left_out.append(Problem(file.path, reason))
        else:
            kept[file.path] = file
    for problem in same_but_case(kept):
        inside = [
            path for path in kept if path == problem.path or path.startswith(problem.path + "/")
        ]
        left_out.extend(Problem(path, problem.reason) for path in inside)
        for path in inside:
            del kept[path]
    return list(kept.values()), left_out


def _content_problem(file: SourceFile, limits: Limits) -> str | None:
    def read() -> bytes:
        with file.open() as stream:
            return stream.read(file.size_bytes + 1)

    reason = file_problem(file.path, file.size_bytes, read, limits)
    if reason:
        return reason
    suffix = "." + file.path.rpartition(".")[2].lower()
    signatures = _SIGNATURES.get(suffix)
    if signatures is None:
        return None
    with file.open() as stream:
        start = stream.read(16)
    if start.startswith(signatures):
        return None
    if start.startswith(b"version https://"):
        return "stands for a file kept in Git LFS, which is not here"
    return f"is not what its name says: no {suffix[1:].upper()} file begins like that"
