"""One Otterwiki with the engine installed, serving whichever of two small wikis a test picks."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_wikis import ALICE, make_bare, make_work_tree

from otterwiki_engine import current
from otterwiki_engine.paths import NO_COMMIT
from otterwiki_engine.wiki import Wiki


@functools.cache
def boot() -> Any:
    """The process's Otterwiki application, started on first use with no other plugin than ours."""
    if "otterwiki.server" in sys.modules:
        raise RuntimeError("something else started Otterwiki in this process: run it in its own")
    from otterwiki.plugins import plugin_manager

    for name in ("tenant", "access_control", "content_security", "git_http", "rest_api"):
        if plugin_manager.has_plugin(name):
            plugin_manager.unregister(name=name)
    folder = Path(tempfile.mkdtemp(prefix="otterwiki-engine-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_work_tree(folder / "start-up").close()
    os.environ.update(
        REPOSITORY=str(folder / "start-up"),
        SECRET_KEY="only-for-the-tests-of-the-engine",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder}/preferences.db",
    )
    from otterwiki.server import app

    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    return app


class Site:
    """Two wikis, "red" and "blue"; each thread looks at the one it picked, first at "red"."""

    def __init__(self, app: Any, red: Wiki, blue: Wiki) -> None:
        self.app = app
        self.wikis = {"red": red, "blue": blue}
        self._picked = threading.local()

    def pick(self, name: str) -> Any:
        """Serve wiki `name` to this thread from now on; returns a new test client."""
        self._picked.name = name
        return self.app.test_client()

    @property
    def wiki(self) -> Wiki:
        """The wiki this thread picked."""
        return self.wikis[getattr(self._picked, "name", "red")]

    def put(self, path: str, content: str | bytes | None, author: Any = ALICE) -> str:
        """Commit one file (None deletes) to this thread's wiki; returns the new revision."""
        raw = content.encode() if isinstance(content, str) else content
        result = self.wiki.repository.commit(
            {path: raw}, base=None, author=author, message=f"change {path}"
        )
        return result.revision

    def read(self, path: str) -> str | None:
        """What is committed at `path` in this thread's wiki now."""
        snapshot = self.wiki.repository.snapshot()
        return snapshot.read(path).decode() if snapshot.get(path) else None

    def head(self) -> str:
        """Full id of this thread's wiki's HEAD."""
        return self.wiki.repository.head() or NO_COMMIT


@pytest.fixture(scope="session")
def otterwiki_app() -> Any:
    """The one application of this process."""
    return boot()


#: Put on a test that has to hold beside a work tree too; else wikis are bare, as on a farm.
both_kinds = pytest.mark.parametrize("site", ["bare", "worktree"], indirect=True)


@pytest.fixture
def site(request: pytest.FixtureRequest, otterwiki_app: Any, tmp_path: Path) -> Iterator[Site]:
    """Two wikis of one kind: "red" under test, and "blue", which has a page of its own."""
    make = make_work_tree if getattr(request, "param", "bare") == "worktree" else make_bare
    red, blue = (Wiki(make(tmp_path / name)) for name in ("red", "blue"))
    made = Site(otterwiki_app, red, blue)
    before = current._resolver
    current.use_resolver(lambda: made.wiki)
    made.pick("blue")
    made.put("home.md", "# Blue Home\n\n## Blue Heading\n")
    made.pick("red")
    yield made
    current.use_resolver(before)
    red.close()
    blue.close()
