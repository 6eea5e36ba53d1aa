"""Two wikis served on loopback by the plugin's routes, without Otterwiki: for real git to talk to.

Who may read is decided by the test; on a farm and on a stock Otterwiki it is asked elsewhere.
"""

from __future__ import annotations

import os
import subprocess
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.serving import WSGIRequestHandler, make_server

from otterwiki_engine import current, hooks
from otterwiki_engine.actor import Actor, Permission
from otterwiki_engine.authorship import Author
from otterwiki_engine.errors import BadCredential
from otterwiki_engine.hooks import hookimpl
from otterwiki_engine.repository import Repository
from otterwiki_engine.wiki import Wiki
from otterwiki_git_http import routes
from otterwiki_git_http.commit_hooks import ReplacedHistories
from otterwiki_git_http.settings import Settings

ALICE = Author("Alice", "alice@example.org")
READER = Actor(handle="reader", permissions=frozenset({Permission.READ}))


def git(*arguments: str, cwd: Path | None = None, check: bool = True, **more: str) -> str:
    """Run git as a person's would, without their configuration; returns all it printed.

    Raises :class:`subprocess.CalledProcessError`, with what it printed, unless `check` is off.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        "GIT_AUTHOR_NAME": "Cloner",
        "GIT_AUTHOR_EMAIL": "cloner@example.org",
        "GIT_COMMITTER_NAME": "Cloner",
        "GIT_COMMITTER_EMAIL": "cloner@example.org",
        **more,
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace")
    if check and done.returncode != 0:
        raise AssertionError(f"git {' '.join(arguments)}: {said}")
    return said


@dataclass
class Site:
    """The wikis "red" and "blue"; the host name says which. `readers` may read each.

    A reader is named by the password of Basic, or the token of Bearer; "" is anybody.
    """

    wikis: dict[str, Wiki]
    settings: Settings
    port: int = 0
    readers: dict[str, set[str]] = field(default_factory=lambda: {"red": {""}, "blue": {""}})
    requests: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _path: None

    def url(self, name: str = "red", password: str = "") -> str:
        """Where a wiki is cloned from."""
        who = f"anybody:{password}@" if password else ""
        return f"http://{who}{name}.localhost:{self.port}/repo.git"

    def git(self, *arguments: str, **options: Any) -> str:
        """git that finds both hosts on the loopback interface."""
        found = [
            f"http.curloptResolve={name}.localhost:{self.port}:127.0.0.1" for name in self.wikis
        ]
        settings = [part for setting in found for part in ("-c", setting)]
        return git(*settings, *arguments, **options)

    def save(self, path: str, content: str | bytes | None, name: str = "red") -> str:
        """Commit one file; returns the new revision."""
        raw = content.encode() if isinstance(content, str) else content
        repository = self.wikis[name].repository
        return repository.commit({path: raw}, base=None, author=ALICE, message=path).revision

    def repository(self, name: str = "red") -> Repository:
        """A wiki's repository."""
        return self.wikis[name].repository

    def kept(self, name: str = "red") -> list[str]:
        """The names of kept packs, without their endings."""
        folder = self.repository(name).state_dir / "git-http"
        return sorted(path.stem for path in folder.glob("*.pack"))

    def named(self) -> str:
        """The wiki that the request being served is for."""
        return request.host.partition(".")[0]

    @hookimpl(tryfirst=True)
    def resolve_actor(self, request: Any) -> Actor:
        """By Basic's password or Bearer's token, as `readers` say now."""
        self.requests.append(f"{request.method} {request.full_path.rstrip('?')}")
        self.before(request.path)
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        who = value
        if kind == "Basic":
            who = b64decode(value).decode().partition(":")[2]
        readers = self.readers[self.named()]
        if who and who not in readers:
            raise BadCredential("That is no token of this wiki.")
        return READER if who in readers or "" in readers else Actor()


class _Quiet(WSGIRequestHandler):
    def log(self, *_arguments: Any) -> None:
        """The tests look at answers."""


@contextmanager
def serving(
    folder: Path, settings: Settings | None = None, pages: Mapping[str, bytes] | None = None
) -> Iterator[Site]:
    """Two new wikis below `folder`, each with its own pages, on a free port."""
    wikis = {}
    for name in ("red", "blue"):
        repository = Repository.create(folder / name / "repo.git", state_dir=_made(folder / name))
        wikis[name] = Wiki(repository)
        first = pages or {"Home.md": f"# Home of {name}\n\ncanary-{name}\n".encode()}
        repository.commit(dict(first), base=None, author=ALICE, message="first")
    with serving_wikis(wikis, settings) as site:
        yield site


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@contextmanager
def serving_wikis(wikis: dict[str, Wiki], settings: Settings | None = None) -> Iterator[Site]:
    """The same for wikis that are there; they are closed at the end."""
    site = Site(wikis, settings or Settings())
    app = Flask("clones")
    app.config["SECRET_KEY"] = "only for tests"
    CSRFProtect(app)
    routes.install(app, site.settings)
    before = current._resolver
    current.use_resolver(lambda: site.wikis[site.named()])
    hooks.manager.register(site)
    replaced = ReplacedHistories(site.settings)
    hooks.manager.register(replaced)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        hooks.manager.unregister(site)
        hooks.manager.unregister(replaced)
        current.use_resolver(before)
        for wiki in wikis.values():
            wiki.close()
