"""git against the farm's real server, two processes of threads: clones while people save."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .farms import DOMAIN, CommandFarm
from .http_door import HttpDoor
from .servers import running

_SAVES = 40
_PEOPLE = ["alice", "robert"]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandFarm]:
    """Two people, each with a private wiki, served by `robot web`."""
    folder = tmp_path_factory.mktemp("clones")
    made = CommandFarm.make(folder, _PEOPLE)
    with running(made.web_command, made.settings, made.port, folder / "web.log"):
        yield made


def token_of(farm: CommandFarm, slug: str) -> str:
    """A token that may read."""
    said = farm.robot("token", "create", slug, "--name", "cloner", "--role", "viewer", "--json")
    token: str = json.loads(said)["token"]
    return token


def address(farm: CommandFarm, slug: str, token: str = "") -> str:
    """Where the wiki is cloned from."""
    who = f"anybody:{token}@" if token else ""
    return f"http://{who}{slug}.{DOMAIN}:{farm.port}/repo.git"


def git(farm: CommandFarm, *arguments: str, check: bool = True, cwd: Path | None = None) -> str:
    """All that git printed; raises AssertionError where it failed, unless `check` is off."""
    options = ["-c", "user.name=Cloner", "-c", "user.email=cloner@example.org"]
    for slug in _PEOPLE:
        options += ["-c", f"http.curloptResolve={slug}.{DOMAIN}:{farm.port}:127.0.0.1"]
    done = subprocess.run(
        ["git", *options, *arguments],
        cwd=cwd or farm.folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stdout
    return done.stdout


def test_clones_while_people_save_in_their_browsers(farm: CommandFarm, tmp_path: Path) -> None:
    door = HttpDoor(farm.port, {"alice": farm.site("alice")})

    def save_all() -> None:
        for number in range(_SAVES):
            door.save("alice", f"Page {number % 5}.md", f"# Save {number}\n", ("x", "x"))

    remote = address(farm, "alice", token_of(farm, "alice"))
    git(farm, "clone", "--quiet", "--bare", remote, str(tmp_path / "fetched"))
    clones = 0
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(save_all)
        while not writer.done() or clones == 0:
            clone = tmp_path / f"clone-{clones}"
            git(farm, "clone", "--quiet", "--bare", remote, str(clone))
            git(farm, "fetch", "--quiet", "origin", "main:main", cwd=tmp_path / "fetched")
            # The branch's own pack is sent, with what was saved since git was told of the head.
            options = ("--full", "--strict", "--no-progress", "--no-dangling")
            assert git(farm, "fsck", *options, cwd=clone) == ""
            clones += 1
        writer.result()
    git(farm, "fetch", "--quiet", "origin", "main:main", cwd=tmp_path / "fetched")
    repository = farm.home / "wikis" / "alice" / "repo.git"
    head = git(farm, "rev-parse", "main", cwd=repository)
    assert git(farm, "rev-parse", "main", cwd=tmp_path / "fetched") == head
    assert git(farm, "fsck", "--strict", "--no-progress", cwd=tmp_path / "fetched") == ""
    authors = git(farm, "log", "--format=%an", "main", cwd=tmp_path / "fetched")
    assert authors.count("alice.test") >= _SAVES


def test_large_requests_come_in_pieces_and_packed(farm: CommandFarm, tmp_path: Path) -> None:
    """git packs what it sends, and does not say beforehand how much it is."""
    remote, clone = address(farm, "robert", token_of(farm, "robert")), tmp_path / "clone"
    door = HttpDoor(farm.port, {"robert": farm.site("robert")})
    door.save("robert", "Earlier.md", "# E\n", ("x", "x"))
    git(farm, "clone", "--quiet", "--depth", "1", remote, str(clone))
    for number in range(120):
        git(farm, "commit", "--quiet", "--allow-empty", "-m", f"own {number}", cwd=clone)
    HttpDoor(farm.port, {"robert": farm.site("robert")}).save(
        "robert", "New.md", "# N\n", ("x", "x")
    )
    small = ["-c", "http.postBuffer=200"]
    git(farm, *small, "pull", "--quiet", "--no-rebase", "--no-edit", cwd=clone)
    assert (clone / "New.md").read_text() == "# N\n"
    git(farm, *small, "fetch", "--quiet", "--unshallow", cwd=clone)
    assert git(farm, "fsck", "--full", "--strict", "--no-progress", cwd=clone) == ""


def test_c3_failure_1_the_other_wikis_token_opens_nothing(
    farm: CommandFarm, tmp_path: Path
) -> None:
    wrong = address(farm, "alice", token_of(farm, "robert"))
    said = git(farm, "clone", wrong, str(tmp_path / "clone"), check=False)
    assert "Authentication failed" in said
    said = git(farm, "clone", address(farm, "alice"), str(tmp_path / "clone"), check=False)
    assert "could not read Username" in said
    assert not (tmp_path / "clone").exists()
