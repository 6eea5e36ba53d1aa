"""A farm made by the `robot` command for a test: two people, each with a private wiki."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .http_door import Browser
from .servers import free_port, plain_environment
from .zygote import ROOT

DOMAIN = "robot.localhost"


class CommandFailed(Exception):
    """A `robot` command ended with an error; the message is what it said."""


@dataclass(frozen=True)
class CommandFarm:
    """A farm below `folder` that will be served on `port`; `people` maps slugs to handles."""

    folder: Path
    port: int
    people: dict[str, str]

    @classmethod
    def make(cls, folder: Path, slugs: list[str]) -> CommandFarm:
        """`robot init`, a user and a wiki for each slug."""
        farm = cls(folder, free_port(), {slug: f"{slug}.test" for slug in slugs})
        farm.robot("init")
        for slug, handle in farm.people.items():
            farm.robot("user", "add", handle, "--did", f"did:plc:{slug}")
            farm.robot("wiki", "create", slug, "--owner", handle)
        return farm

    @property
    def home(self) -> Path:
        """Its ROBOT_HOME."""
        return self.folder / "home"

    @property
    def settings(self) -> dict[str, str]:
        """The environment of its processes."""
        return {
            "ROBOT_HOME": str(self.home),
            "ROBOT_DOMAIN": DOMAIN,
            "ROBOT_WEB_PORT": str(self.port),
            "ROBOT_DEV": "1",
            "ROBOT_WEB_WORKERS": "2",
            "ROBOT_WEB_THREADS": "4",
            "ROBOT_MAX_PAGES": "100000",
        }

    @property
    def web_command(self) -> list[str]:
        """The command line of its web server."""
        return [sys.executable, "-m", "otterwiki_robot", "web"]

    def robot(self, *arguments: str) -> str:
        """Run a `robot` command; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "otterwiki_robot", *arguments],
            cwd=ROOT,
            env=plain_environment(self.settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise CommandFailed(f"robot {' '.join(arguments)}: {done.stderr.strip()[-800:]}")
        return done.stdout

    def host(self, slug: str) -> str:
        """The Host header of a wiki."""
        return f"{slug}.{DOMAIN}:{self.port}"

    def login_link(self, slug: str) -> str:
        """A one-time sign-in link for the wiki's owner."""
        said = json.loads(self.robot("login-link", self.people[slug], "--json"))
        url: str = said["url"]
        return url

    def site(self, slug: str) -> dict[str, Any]:
        """What an :class:`HttpDoor` needs to write as the wiki's owner; the farm must be served."""
        handle = self.people[slug]
        link = urlsplit(self.login_link(slug))
        browser = Browser(self.port, link.netloc)
        answer = browser.send("GET", f"{link.path}?{link.query}" if link.query else link.path)
        if answer.status not in (200, 302, 303) or "robot_identity" not in browser.cookies:
            raise CommandFailed(f"the login link of {handle} answers {answer.status}")
        identity = {"robot_identity": browser.cookies["robot_identity"]}
        author = [handle, f"did.plc.{slug}@users.{DOMAIN}"]
        return {"host": self.host(slug), "cookies": identity, "author": author}
