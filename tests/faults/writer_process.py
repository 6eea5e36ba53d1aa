"""One writer: ``python -m tests.faults.writer_process CONFIG`` (a Writer as JSON).

Says "ready", waits for a line, saves from several threads, and prints one line (JSON) for each
acknowledged or refused save.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .doors import Refused
from .git_facts import blob_id

_output = threading.Lock()


def page_for(writer: str, thread: int, number: int, kind: int) -> str:
    """A page of one of four kinds: shared by all, the thread's own, in a shared folder, new."""
    match kind:
        case 0:
            return "Shared.md"
        case 1:
            return f"Own {writer} {thread}.md"
        case 2:
            return f"notes/Shared {number % 3}.md"
        case _:
            return f"new/{writer}/{thread}/Page {number}.md"


def text_for(wiki: str, path: str, author: str, number: int) -> str:
    """A page that says which save of which wiki it is; no two saves have the same."""
    lines = "\n".join(f"Line {i} of save {number}." for i in range(number % 7 + 1))
    return f"# {path} in {wiki}\n\nSave {number} of {author} for {wiki}.\n\n{lines}\n"


class _Thread:
    """What one thread of the writer does, with an author of its own where the door lets it."""

    def __init__(self, door: Any, config: dict[str, Any], thread: int) -> None:
        self._door = door
        self._config = config
        self._thread = thread
        self._name = f"{config['name']}-{thread}"

    def run(self) -> None:
        save = self._append if self._config["style"] == "append" else self._overwrite
        wikis = self._config["wikis"]
        for number in range(self._config["saves"]):
            # each wiki gets every kind of page, and neighbours in time differ in wiki
            wiki = wikis[(number + number // 4 + self._thread) % len(wikis)]
            try:
                save(wiki, number)
            except Refused as refusal:
                _print({"refused": str(refusal)})

    def _author(self, wiki: str) -> tuple[str, str]:
        fixed = getattr(self._door, "author_of", None)
        if fixed is not None:
            author: tuple[str, str] = fixed(wiki)
            return author
        return f"{self._name}.test", f"did.plc.{self._name}@users.example.org"

    def _overwrite(self, wiki: str, number: int) -> None:
        kind = number % 4 if self._config["style"] == "overwrite" else 1 + number % 2 * 2
        path = page_for(self._config["name"], self._thread, number, kind)
        text = text_for(wiki, path, self._name, number)
        revision = self._door.save(wiki, path, text, self._author(wiki))
        self._acknowledged(wiki, path, text, revision, number)

    def _append(self, wiki: str, number: int) -> None:
        line = f"Line {number} of {self._name} for {wiki}.\n"
        revision, text = self._door.append(wiki, "List.md", line, self._author(wiki))
        self._acknowledged(wiki, "List.md", text, revision, number)

    def _acknowledged(self, wiki: str, path: str, text: str, revision: str, number: int) -> None:
        _print(
            {
                "thread": self._name,
                "wiki": wiki,
                "path": path,
                "author": self._author(wiki),
                "blob": blob_id(text.encode()),
                "revision": revision,
                "number": number,
            }
        )


def _print(said: dict[str, Any]) -> None:
    with _output:
        print(json.dumps(said), flush=True)


def main(config_json: str) -> None:
    """Open the door, wait for the word, save."""
    config = json.loads(config_json)
    module, _, name = config["door"].rpartition(":")
    door = getattr(importlib.import_module(module), name)(**config["options"])
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(config["threads"]) as pool:
        futures = [
            pool.submit(_Thread(door, config, thread).run) for thread in range(config["threads"])
        ]
        for future in futures:
            future.result()


if __name__ == "__main__":
    main(sys.argv[1])
