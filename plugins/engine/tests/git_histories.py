"""Histories made by real git, for comparing the engine's answers with git's own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from otterwiki_engine.repository import Repository

FIRST_SECONDS = 1_600_000_000
Tree = Mapping[str, bytes]


class History:
    """A bare repository filled commit by commit through ``git fast-import``, with fixed times."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.git_dir = folder / "repo.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.git_dir)], check=True)
        self._stream = b""
        self._mark = 0

    def commit(
        self,
        files: Tree,
        *,
        parents: Sequence[int] | None = None,
        message: str | None = None,
        seconds: int | None = None,
        offset: str = "+0000",
        modes: Mapping[str, str] | None = None,
    ) -> int:
        """Add a commit whose whole tree is `files`; returns its mark. Parent: the one before.

        A file's mode is 100644 unless `modes` says otherwise; for 160000 (a submodule) the content
        is a commit id.
        """
        if parents is None:
            parents = [self._mark] if self._mark else []
        self._mark += 1
        mark = self._mark
        when = FIRST_SECONDS + mark * 60 if seconds is None else seconds
        who = f"Author {mark % 3} <author{mark % 3}@example.org> {when} {offset}"
        text = (message if message is not None else f"commit {mark}\n").encode()
        lines = [f"commit refs/marks/m{mark}\nauthor {who}\ncommitter {who}\n".encode()]
        lines.append(b"data %d\n%s\n" % (len(text), text))
        lines += [
            f"{'merge' if index else 'from'} refs/marks/m{parent}\n".encode()
            for index, parent in enumerate(parents)
        ]
        lines.append(b"deleteall\n")
        for path, content in files.items():
            mode = (modes or {}).get(path, "100644")
            name = path.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
            if mode == "160000":
                lines.append(f'M {mode} {content.decode()} "{name}"\n'.encode())
            else:
                lines.append(f'M {mode} inline "{name}"\n'.encode())
                lines.append(b"data %d\n%s\n" % (len(content), content))
        self._stream += b"".join(lines)
        return mark

    def finish(self, head: int | None = None) -> Repository:
        """Write everything, put HEAD at mark `head` (the last one) and open the repository."""
        subprocess.run(
            ["git", "-C", str(self.git_dir), "fast-import", "--quiet", "--force"],
            input=self._stream,
            check=True,
        )
        self._stream = b""
        self.git("update-ref", "refs/heads/main", self.revision(head or self._mark))
        return Repository(self.git_dir, state_dir=self.folder)

    def revision(self, mark: int) -> str:
        """Full id of the commit made under `mark`."""
        return self.git("rev-parse", f"refs/marks/m{mark}").strip()

    def git(self, *arguments: str) -> str:
        """What real git answers, names unquoted."""
        return git(self.git_dir, *arguments)


def git(git_dir: Path, *arguments: str) -> str:
    """What real git answers about the repository at `git_dir`, names unquoted."""
    done = subprocess.run(
        ["git", "-c", "core.quotePath=false", "-C", str(git_dir), *arguments],
        check=True,
        capture_output=True,
    )
    return done.stdout.decode("utf-8", "replace")


def lines(*numbers: object, end: str = "\n") -> bytes:
    """A text of one line per argument."""
    return "".join(f"line {number}{end}" for number in numbers).encode()


def long_text(name: str, count: int = 12) -> bytes:
    """A text that resembles no other one."""
    return "".join(f"{name}: sentence {number} of {count}.\n" for number in range(count)).encode()
