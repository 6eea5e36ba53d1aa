"""Histories for tests, made with git's own commands, the forbidden ones included."""

from __future__ import annotations

import subprocess
from pathlib import Path

WHO = {
    "GIT_AUTHOR_NAME": "Dora",
    "GIT_AUTHOR_EMAIL": "dora@example.org",
    "GIT_COMMITTER_NAME": "Dora",
    "GIT_COMMITTER_EMAIL": "dora@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "PATH": "/usr/bin:/bin:/usr/local/bin",
}


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """Output of a git command run in `folder`."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=WHO, input=stdin, capture_output=True, check=True
    )
    return done.stdout.decode("utf-8", "surrogateescape").strip()


class History:
    """A bare repository that is written tree by tree, so that any path and mode can be in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
        self.head: str | None = None

    def blob(self, content: bytes) -> str:
        """Store a blob; returns its id."""
        return git(self.folder, "hash-object", "-w", "--stdin", stdin=content)

    def tree(self, *entries: tuple[str, str, bytes]) -> str:
        """Store a tree of (mode, id, name), unchecked; returns its id."""
        raw = b"".join(
            mode.encode() + b" " + name + b"\0" + bytes.fromhex(object_id)
            for mode, object_id, name in sorted(entries, key=lambda entry: entry[2])
        )
        arguments = ("hash-object", "-t", "tree", "-w", "--literally", "--stdin")
        return git(self.folder, *arguments, stdin=raw)

    def commit(self, tree: str, message: str = "a commit") -> str:
        """Commit a tree on the branch; returns the commit's id."""
        parent = ("-p", self.head) if self.head else ()
        self.head = git(self.folder, "commit-tree", tree, *parent, "-m", message)
        git(self.folder, "update-ref", "refs/heads/main", self.head)
        return self.head

    def write(self, **pages: bytes) -> str:
        """Commit these files and no others; a name's "__" stands for "/" and "_md" for ".md"."""
        entries = []
        for name, content in pages.items():
            path = name.replace("_md", ".md")
            entries.append(("100644", self.blob(content), path.encode()))
        return self.commit(self.tree(*entries))
