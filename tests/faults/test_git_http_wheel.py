"""Wheels of git_http and the engine beside a stock Otterwiki: the wiki can be cloned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT, run

import pytest

from . import engine_wheel
from .http_door import Browser
from .servers import free_port, plain_environment, running
from .zygote import ROOT, Zygote

_FOLDER = ROOT / "plugins" / "git_http"
_PACKAGE = _FOLDER / "otterwiki_git_http"
_KEY = "a-key-of-this-wiki"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheels of both distributions, the plugin's first."""
    place = tmp_path_factory.mktemp("wheels")
    own = engine_wheel.build_wheel(place / "git_http", _FOLDER)
    return [own, engine_wheel.build_wheel(place / "engine")]


@contextmanager
def otterwiki(python: str, wiki: Path, place: Path, port: int, **settings: str) -> Iterator[None]:
    """A stock Otterwiki with accounts of its own, which nobody has yet, and a key."""
    decided = {
        "REPOSITORY": str(wiki),
        "SECRET_KEY": "not a secret, used in tests",
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{place / 'wiki.db'}",
        "OTTERWIKI_API_KEY": _KEY,
        **settings,
    }
    command = [python, "-m", "gunicorn", "otterwiki.server:app", "--no-control-socket"]
    options = [f"--bind=127.0.0.1:{port}", "--workers=2", "--threads=2"]
    with running([*command, *options], decided, port, place / "otterwiki.log", place):
        yield


def git(*arguments: str, cwd: Path | None = None) -> tuple[int, str]:
    """git's exit status, and all it printed."""
    settings = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    done = run(
        ["git", *arguments],
        cwd=cwd,
        env=plain_environment(settings),
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def test_the_wheel_holds_every_file_of_the_package(wheels: list[Path]) -> None:
    expected = {
        f"otterwiki_git_http/{path.relative_to(_PACKAGE)}"
        for path in _PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in engine_wheel.contents(wheels[0]) if ".dist-info/" not in name}
    assert held == expected


def test_a_stock_otterwiki_is_cloned(wheels: list[Path], tmp_path: Path, engine: Zygote) -> None:
    """By anybody while it is open; then with the key only. A page saved in it is fetched."""
    python = str(engine_wheel.environment_with(*wheels))
    wiki = tmp_path / "wiki"
    engine.call("create", folder=str(wiki), work_tree=True)
    port, clone = free_port(), tmp_path / "clone"
    address = f"http://127.0.0.1:{port}/repo.git"
    opened = {"READ_ACCESS": "ANONYMOUS", "WRITE_ACCESS": "ANONYMOUS"}
    with otterwiki(python, wiki, tmp_path, port, **opened):
        assert git("clone", address, str(clone)) == (0, f"Cloning into '{clone}'...\n")
        browser = Browser(port, f"127.0.0.1:{port}")
        page = browser.send("GET", "/New/edit").text
        token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
        base = page.partition('name="base" value="')[2].partition('"')[0]
        form = {"csrf_token": token, "base": base, "content": "# New\n", "commit": "x"}
        assert browser.send("POST", "/New/save", form).status == 302
        assert git("pull", "--quiet", cwd=clone) == (0, "")
        assert (clone / "new.md").read_text() == "# New\n"
        assert git("fsck", "--full", "--strict", "--no-progress", cwd=clone) == (0, "")
        status, said = git("push", "origin", "HEAD:other", cwd=clone)
        assert status != 0
        assert "remote: This repository can be cloned and fetched, but not pushed to." in said
        plugins = browser.send("GET", "/-/help/plugins").text
        assert "Git clone" in plugins
    closed = {"READ_ACCESS": "APPROVED", "WRITE_ACCESS": "APPROVED"}
    with otterwiki(python, wiki, tmp_path, port, **closed):
        status, said = git("clone", address, str(tmp_path / "none"))
        assert (status, "could not read Username" in said) == (128, True)
        wrong = address.replace("//", "//x:wrong@")
        status, said = git("clone", wrong, str(tmp_path / "none"))
        assert (status, "Authentication failed" in said) == (128, True)
        right = address.replace("//", f"//x:{_KEY}@")
        assert git("clone", "--quiet", "--depth", "1", right, str(tmp_path / "key")) == (0, "")
        header = ["-c", f"http.extraHeader=Authorization: Bearer {_KEY}"]
        assert git(*header, "clone", "--quiet", address, str(tmp_path / "bearer")) == (0, "")
    assert git("status", "--porcelain", cwd=wiki) == (0, ""), "nothing of ours lies in the pages"
