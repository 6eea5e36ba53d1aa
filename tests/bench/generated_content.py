"""A wiki's repository made from a seed, for runs without CONTENT.

Its shape follows a long-lived personal notes wiki: many short pages in many folders, a few long
ones, one index page that is rewritten all the time, a handful of pictures and renames, edits
spread over years.
"""

from __future__ import annotations

import random
import struct
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_WORDS = """
    archive backup branch browser buffer cache channel cluster column command commit compiler
    config container cookie counter cursor daemon database decode deploy digest domain editor
    encode engine export filter folder function gateway graph header history hostname import
    index inspect interval journal kernel keyboard label latency library limit locale lookup
    manifest margin matrix memory merge message metric migrate mirror module monitor network
    notebook object offset operator package parser partition password patch pattern payload
    pipeline plugin pointer policy process profile prompt protocol proxy query queue record
    recover redirect register release remote render replica report request resolve restore retry
    router runtime sample schedule schema scope script search secret segment server session
    shell signal socket source stream string summary switch symbol syntax table template
    terminal thread timeout token trace transfer trigger tunnel update upload validate variable
    vector version virtual volume watcher webhook widget window worker wrapper
""".split()
_FILLERS = """
    the a this that with from into when where before after only always never how why and or but
""".split()
_PEOPLE = (("Ada Example", "ada@example.org"), ("Bo Example", "bo@example.org"))
_EPOCH = 1_600_000_000
_INDEX_PAGE = "Contents.md"


@dataclass(frozen=True)
class Shape:
    """How much to generate. `index_revisions` rewrites of the long page are part of `commits`."""

    pages: int
    folders: int
    commits: int
    index_revisions: int
    images: int


FULL_SHAPE = Shape(pages=500, folders=60, commits=1_500, index_revisions=350, images=12)
QUICK_SHAPE = Shape(pages=24, folders=6, commits=90, index_revisions=20, images=2)


def generate(git_dir: Path, shape: Shape, *, seed: int) -> None:
    """Create the bare repository `git_dir` with branch main; the same seed gives the same commits.

    Raises subprocess.CalledProcessError when git fails.
    """
    subprocess.run(
        ["git", "init", "--quiet", "--bare", "--initial-branch=main", str(git_dir)], check=True
    )
    stream = b"".join(_Writer(shape, random.Random(seed)).commits())
    subprocess.run(["git", "-C", str(git_dir), "fast-import", "--quiet"], input=stream, check=True)


class _Writer:
    """Makes up one history, commit by commit, as a fast-import stream."""

    def __init__(self, shape: Shape, chance: random.Random) -> None:
        self.shape = shape
        self.chance = chance
        self.pages: dict[str, str] = {}
        self.summaries: dict[str, str] = {}
        self.count = 0

    def commits(self) -> Iterator[bytes]:
        shape, chance = self.shape, self.chance
        folders = [f"{_WORDS[i % len(_WORDS)]}-notes" for i in range(shape.folders)]
        yield self._commit("Welcome", {"Home.md": b"# Home\n\nSee [[Contents]].\n"})
        edits = shape.commits - shape.pages - shape.index_revisions - shape.images - 1
        plan = ["page"] * shape.pages + ["index"] * shape.index_revisions
        plan += ["edit"] * edits + ["image"] * shape.images
        chance.shuffle(plan)
        for step in ["page", *plan[: plan.index("page")], *plan[plan.index("page") + 1 :]]:
            if step == "page":
                yield self._new_page(folders)
            elif step == "index":
                yield self._commit("Update contents", {_INDEX_PAGE: self._index().encode()})
            elif step == "image":
                page = chance.choice(list(self.pages))
                path = f"{page.removesuffix('.md')}/picture-{self.count}.png"
                yield self._commit("Add a picture", {path: _picture(chance)})
            elif self.count % 200 == 0:
                yield self._rename()
            else:
                yield self._edit()
        yield self._commit("Update contents", {_INDEX_PAGE: self._index().encode()})

    def _new_page(self, folders: list[str]) -> bytes:
        # Squaring makes a few folders large and most of them small.
        folder = folders[int(len(folders) * self.chance.random() ** 2)]
        title = " ".join(self.chance.sample(_WORDS, 3))
        path = f"{folder}/{title.replace(' ', '-')}.md"
        if path in self.pages:
            path = path.replace(".md", f"-{self.count}.md")
        self.pages[path] = self._text(title)
        self.summaries[path] = self._sentence()
        return self._commit(f"Add {title}", {path: self.pages[path].encode()})

    def _edit(self) -> bytes:
        path = self.chance.choice(list(self.pages))
        paragraphs = self.pages[path].split("\n\n")
        at = self.chance.randrange(1, len(paragraphs) + 1)
        paragraphs.insert(at, self._sentence())
        self.pages[path] = "\n\n".join(paragraphs)
        self.summaries[path] = self._sentence()
        return self._commit(f"Edit: {self._sentence()}", {path: self.pages[path].encode()})

    def _rename(self) -> bytes:
        old = self.chance.choice(list(self.pages))
        new = old.replace(".md", "-moved.md")
        self.pages[new] = self.pages.pop(old)
        self.summaries[new] = self.summaries.pop(old)
        return self._commit("Rename a page", {}, renamed=(old, new))

    def _commit(
        self, message: str, files: dict[str, bytes], renamed: tuple[str, str] | None = None
    ) -> bytes:
        self.count += 1
        name, email = _PEOPLE[self.count % len(_PEOPLE)]
        when = _EPOCH + self.count * 40_000
        parts = [
            f"commit refs/heads/main\nauthor {name} <{email}> {when} +0000\n"
            f"committer {name} <{email}> {when} +0000\n".encode(),
            _data(message.encode()),
        ]
        if renamed:
            parts.append("R {} {}\n".format(*renamed).encode())
        for path, content in files.items():
            parts.append(f"M 100644 inline {path}\n".encode() + _data(content))
        return b"".join(parts)

    def _sentence(self) -> str:
        words = []
        for _ in range(self.chance.randint(8, 18)):
            words.append(self.chance.choice(_WORDS if self.chance.random() < 0.6 else _FILLERS))
        return " ".join(words).capitalize() + "."

    def _paragraph(self) -> str:
        return " ".join(self._sentence() for _ in range(self.chance.randint(1, 4)))

    def _text(self, title: str) -> str:
        chance = self.chance
        blocks = [f"# {title.capitalize()}", self._paragraph()]
        # A log-normal length: most pages are two or three screens, a few are very long.
        for number in range(max(1, int(chance.lognormvariate(1.7, 0.8)))):
            blocks.append(f"## {' '.join(chance.sample(_WORDS, 2)).capitalize()} {number}")
            blocks.append(self._paragraph())
            extra = chance.random()
            if extra < 0.4:
                lines = (f"{word} = compute({number})" for word in chance.sample(_WORDS, 6))
                blocks.append("```python\n" + "\n".join(lines) + "\n```")
            elif extra < 0.6:
                blocks.append("\n".join(f"- **{w}**: {self._sentence()}" for w in _WORDS[:4]))
            elif extra < 0.7:
                cells = "\n".join(f"| {w} | {self._sentence()} |" for w in chance.sample(_WORDS, 4))
                blocks.append(f"| name | meaning |\n|---|---|\n{cells}")
            if self.pages and chance.random() < 0.4:
                other = chance.choice(list(self.pages)).removesuffix(".md")
                blocks.append(f"See [[{other}]] and <https://example.org/{chance.choice(_WORDS)}>.")
        return "\n\n".join(blocks) + "\n"

    def _index(self) -> str:
        lines = ["# Contents", ""]
        folder = ""
        for path in sorted(self.pages):
            here, name = path.split("/")
            if here != folder:
                folder = here
                lines += ["", f"## {folder}", ""]
            link = path.removesuffix(".md")
            lines.append(f"* [{name.removesuffix('.md')}](/{link}) - {self.summaries[path]}")
        return "\n".join(lines) + "\n"


def _data(content: bytes) -> bytes:
    return b"data %d\n" % len(content) + content + b"\n"


def _picture(chance: random.Random, side: int = 160) -> bytes:
    """A PNG of `side` x `side` coloured noise: fit for thumbnails, and it does not compress."""
    rows = b"".join(b"\0" + chance.randbytes(3 * side) for _ in range(side))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
