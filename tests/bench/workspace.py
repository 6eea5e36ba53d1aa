"""The folder a run works in: the content, a clone for each Otterwiki, a farm that imported it."""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from .generated_content import Shape, generate
from .messages import ROOT, BenchError, Side, WorkerConfig
from .worker_process import WorkerProcess, clean_environment

_DOMAIN = "robot.localhost"
_PORT = 8000
_SLUG = "measured"
_OWNER = "owner.test"
_OTTERWIKI_HOST = "wiki.localhost:8080"


@dataclass
class Workspace:
    """`folder` must be on the kind of disk that is to be measured; the caller removes it."""

    folder: Path
    content: Path
    login_link: str = ""
    cookies: dict[Side, list[tuple[str, str, str]]] = field(default_factory=dict)
    _secret: str = field(default_factory=lambda: secrets.token_hex(32))

    def prepare(self) -> None:
        """Clone and import the content. Raises BenchError in the words of what failed."""
        for side in ("stock", "work_tree"):
            _run(["git", "clone", "--quiet", str(self.content), str(self.folder / side)], {})
        self._robot("init")
        self._robot("user", "add", _OWNER)
        self._robot("wiki", "create", _SLUG, "--owner", _OWNER)
        self._robot("wiki", "import", _SLUG, str(self.content))
        self.login_link = json.loads(self._robot("login-link", _OWNER, "--json"))["url"]

    def start(self, side: Side) -> WorkerProcess:
        """A new worker of `side`, signed in once `sign_in` has been called for that side."""
        config = WorkerConfig(
            side=side,
            host=f"{_SLUG}.{_DOMAIN}:{_PORT}" if side == "ours" else _OTTERWIKI_HOST,
            repository=None if side == "ours" else str(self.folder / side),
            cookies=self.cookies.get(side, []),
        )
        return WorkerProcess(config, self._settings(side), self.folder / f"{side}.log")

    def sign_in(self, worker: WorkerProcess) -> None:
        """Sign the worker in and remember its cookies for later workers of its side."""
        side = worker.config.side
        self.cookies[side] = worker.call("sign_in", link=self.login_link)["cookies"]

    def register_wikis(self, count: int) -> list[str]:
        """Make `count` more wikis of the same owner, as people make them; returns their hosts."""
        made = _run(
            [sys.executable, "-m", "tests.bench.registering", str(count), _OWNER],
            self._settings("ours"),
        )
        return [f"{slug}.{_DOMAIN}:{_PORT}" for slug in made.split()]

    def forget_derived(self, side: Side) -> None:
        """Delete what `side` has worked out of the commits and kept on disk; no worker runs.

        Stock keeps headings in its database, ours files of their own.
        """
        if side != "ours":
            with closing(sqlite3.connect(self.folder / f"{side}.db")) as connection, connection:
                connection.execute("DELETE FROM cache")
        git_dir, database = "repo.git", "wiki.db"
        wiki = self.folder / "home" / "wikis" / _SLUG if side == "ours" else None
        for path in wiki.iterdir() if wiki else ():
            if path.name == git_dir or path.name.startswith(database):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def count_commits(self, side: Side) -> int:
        """The number of commits reachable from HEAD in the repository of `side`."""
        git_dir = (
            self.folder / "home" / "wikis" / _SLUG / "repo.git"
            if side == "ours"
            else self.folder / side / ".git"
        )
        return int(_run(["git", f"--git-dir={git_dir}", "rev-list", "--count", "HEAD"], {}))

    def _settings(self, side: Side) -> dict[str, str]:
        if side == "ours":
            return {
                "ROBOT_HOME": str(self.folder / "home"),
                "ROBOT_DOMAIN": _DOMAIN,
                "ROBOT_WEB_PORT": str(_PORT),
                "ROBOT_DEV": "1",
                "ROBOT_MAX_PAGES": "100000",
            }
        return {
            "REPOSITORY": str(self.folder / side),
            "SECRET_KEY": self._secret,
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{self.folder / side}.db",
            "RETAIN_PAGE_NAME_CASE": "true",
        }

    def _robot(self, *arguments: str) -> str:
        command = [sys.executable, "-c", "from otterwiki_robot.cli import main; main()"]
        return _run([*command, *arguments], self._settings("ours"))


def open_workspace(folder: Path, content: str | None, shape: Shape, *, seed: int) -> Workspace:
    """A prepared workspace on `content` (a repository or bundle), or on generated content."""
    if content is None:
        path = folder / "content.git"
        generate(path, shape, seed=seed)
    else:
        path = Path(content).resolve()
        if not path.exists():
            raise BenchError(f"there is no repository or bundle {content}")
    workspace = Workspace(folder, path)
    workspace.prepare()
    return workspace


def _run(command: list[str], settings: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=clean_environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
        raise BenchError(f"{' '.join(command)} failed:\n" + "\n".join(words))
    return done.stdout
