"""A real farm (`robot serve`) with the wikis of two people, and a real Chromium to visit it.

Screenshots of what the tests saw are left in `.cache/screenshots/`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / ".cache" / "screenshots"
ROBOT = Path(sys.executable).parent / "robot"
START_DEADLINE_SECONDS = 120.0
STOP_DEADLINE_SECONDS = 20.0
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class RunningFarm:
    """A farm that serves on loopback."""

    home: Path
    port: int
    environment: dict[str, str]

    def robot(self, *arguments: str) -> dict[str, object]:
        """Run a `robot` command with --json; returns what it printed."""
        done = subprocess.run(
            [str(ROBOT), *arguments, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def url(self, slug: str | None = None, path: str = "/") -> str:
        """Address on a wiki's host, or on the root host."""
        host = f"{slug}.robot.localhost" if slug else "robot.localhost"
        return f"http://{host}:{self.port}{path}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until_healthy(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the farm stopped:\n{log.read_text()[-3000:]}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            continue
    raise AssertionError(f"the farm did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFarm]:
    """Alice has a private wiki, Bob a public one."""
    home = tmp_path_factory.mktemp("farm") / "home"
    port = free_port()
    environment = {
        **os.environ,
        "ROBOT_HOME": str(home),
        "ROBOT_DEV": "1",
        "ROBOT_WEB_PORT": str(port),
    }
    running = RunningFarm(home, port, environment)
    running.robot("init")
    for name, options in (("alice", []), ("bob", ["--public"])):
        running.robot("user", "add", f"{name}.test")
        running.robot("wiki", "create", name, "--owner", f"{name}.test", *options)
    log = home.parent / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ROBOT), "serve"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until_healthy(port, process, log)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def chromium_path() -> str | None:
    """The system's Chromium; None is the one that Playwright brought, where tests/install-browser
    had to fetch one."""
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    return next((name for name in found if name), None)


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """Playwright, of which there can be one in a process."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(driver: Playwright) -> Iterator[Browser]:
    """Headless Chromium."""
    running = driver.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_OPTIONS)
    yield running
    running.close()


@pytest.fixture
def visitor(browser: Browser, farm: RunningFarm) -> Iterator[Callable[..., Page]]:
    """Makes a page of a browser profile of its own, signed in as `name` where one is given.

    A page that reports a script error fails the test.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def visit(name: str | None = None, *, width: int = 1280, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error.stack}"))
        if name:
            page.goto(str(farm.robot("login-link", f"{name}.test")["url"]))
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """Keeps a picture of a page."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=str(SCREENSHOTS / f"{name}.png"), full_page=True)

    return take
