"""A worker process: `python -m tests.bench.worker CONFIG`, CONFIG being a WorkerConfig as JSON.

Reads one message a line from standard input and answers each with one line on what was standard
output when it started (prints of the application go to standard error). It has one thread.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TextIO
from urllib.parse import quote

from .browser import Browser, FormFields
from .guards_share import measure_share
from .messages import BenchError, WorkerConfig
from .sites import Site, loaded_plugins, open_site

_AUTHOR = ("Bench Writer", "writer@example.org")


class Worker:
    """Answers messages by calling the site; every operation is a method `do_<op>`."""

    def __init__(self, site: Site, browser: Browser) -> None:
        self.site = site
        self.browser = browser

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Run the operation `message["op"]` with the rest of the message as its arguments."""
        arguments = dict(message)
        operation = getattr(self, "do_" + arguments.pop("op"))
        result: dict[str, Any] = operation(**arguments)
        return result

    def do_sign_in(self, link: str) -> dict[str, Any]:
        """Sign in; the cookies returned sign fresh workers in."""
        self.site.sign_in(self.browser, link)
        return {"cookies": [[*key, value] for key, value in self.browser.cookies.items()]}

    def do_pages(self) -> dict[str, Any]:
        """The Markdown files of the wiki and their sizes in bytes."""
        with self.site.active():
            files, _ = self.site.storage.list()
            pages = {name: self.site.storage.size(name) for name in files if name.endswith(".md")}
        return {"pages": pages}

    def do_request(self, path: str, host: str | None = None) -> dict[str, Any]:
        """A timed GET, of another host than the usual one where `host` is given."""
        answer = self.browser.get(path, host=host)
        return {
            "seconds": answer.seconds,
            "status": answer.status,
            "size_bytes": len(answer.body),
        }

    def do_enter(self, hosts: list[str]) -> dict[str, Any]:
        """Open the front page of each of these hosts, by way of the root host where it asks for
        that, so that every one of them knows this browser's session."""
        for host in hosts:
            answer = self.browser.follow("/", host=host)
            if answer.status != 200:
                raise BenchError(f"{host} answered {answer.status}")
        return {}

    def do_memory(self) -> dict[str, Any]:
        """What this process holds in memory at this moment, in bytes, and its open files."""
        return {"resident_bytes": _resident_bytes(), "files": len(os.listdir("/proc/self/fd"))}

    def do_save(self, page: str, stamp: str) -> dict[str, Any]:
        """Open the editor (untimed), add a line and post its form as a browser would (timed)."""
        url = "/" + quote(page)
        fields = FormFields(self.browser.get(f"{url}/edit").text, form_id="saveform")
        if "csrf_token" not in fields.inputs or "content_editor" not in fields.textareas:
            raise BenchError(f"the editor of {page} has no save form")
        text = _edited(fields.textareas["content_editor"], stamp)
        form = fields.inputs | {"content": text, "commit": f"Edit {page}: {stamp}"}
        answer = self.browser.post(f"{url}/save", form)
        if answer.status != 302:
            raise BenchError(f"saving {page} answered {answer.status}: {answer.text[:300]}")
        return {"seconds": answer.seconds, "status": answer.status, "commits": 1}

    def do_store(self, page: str, stamp: str) -> dict[str, Any]:
        """A timed `storage.store` of an edited page, as a save makes it."""
        filename = f"{page}.md"
        with self.site.active():
            storage = self.site.storage
            text = _edited(storage.load(filename), stamp)
            start = time.perf_counter()
            changed = storage.store(
                filename=filename, content=text, message=f"Edit: {stamp}", author=_AUTHOR
            )
            seconds = time.perf_counter() - start
        if not changed:
            raise BenchError(f"storing {filename} says that nothing has changed")
        return {"seconds": seconds, "commits": 1}

    def do_share_of_guards(self, page: str, views: int) -> dict[str, Any]:
        """How much of `views` page views goes into sessions and permissions; the farm only."""
        return asdict(measure_share(self.browser, "/" + quote(page), views))

    def do_count_fsyncs(self, page: str) -> dict[str, Any]:
        """How often one `storage.store` calls os.fsync (or fdatasync) in this process."""
        count = 0
        originals = {name: getattr(os, name) for name in ("fsync", "fdatasync")}

        def counting(original: Callable[[Any], None]) -> Callable[[Any], None]:
            def call(file: Any) -> None:
                nonlocal count
                count += 1
                original(file)

            return call

        for name, original in originals.items():
            setattr(os, name, counting(original))
        try:
            self.do_store(page, "count of fsync calls")
        finally:
            for name, original in originals.items():
                setattr(os, name, original)
        return {"fsyncs": count, "commits": 1}


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _edited(text: str, stamp: str) -> str:
    return f"{text.rstrip()}\n\nA measured edit: {stamp}.\n"


def main(config_json: str, messages: TextIO, answers: TextIO) -> None:
    """Start the site, say so, and answer messages until the input ends."""
    config = WorkerConfig(**json.loads(config_json))
    start = time.perf_counter()
    site = open_site(config)
    browser = Browser(site.application, config.host)
    browser.cookies = {(domain, name): value for domain, name, value in config.cookies}
    worker = Worker(site, browser)
    ready = {"startup_seconds": time.perf_counter() - start, "plugins": loaded_plugins()}
    print(json.dumps(ready), file=answers, flush=True)
    for line in messages:
        try:
            answer = worker.answer(json.loads(line))
        except BenchError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    own_output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    main(sys.argv[1], sys.stdin, own_output)
