"""A farm over https, as it is in production, for a victim and an attacker with a wiki each.

A small proxy on loopback does what Caddy does: it ends TLS and passes the bytes on. The browser is
told that every host of the farm's domain is there.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from otterwiki_robot.installation import Installation
from otterwiki_robot.settings import read_settings

from .conftest import (
    CHROMIUM_OPTIONS,
    ROBOT,
    ROOT,
    STOP_DEADLINE_SECONDS,
    RunningFarm,
    free_port,
    wait_until_healthy,
)

DOMAIN = "wikis.example"
VICTIM, ATTACKER, OWNER = "vera", "mallory", "olga"
SHARED = OWNER  # the wiki of a third person, where victim and attacker are editors
SECRET = "canary-of-vera"
_COOKIE = re.compile(r"([^=]+)=([^;]*)(?:;(.*))?")


def browser_options(tls_port: int) -> list[str]:
    """Chromium's options by which it finds the farm at its public names."""
    there = f"127.0.0.1:{tls_port}"
    return [
        *CHROMIUM_OPTIONS,
        "--ignore-certificate-errors",
        f"--host-resolver-rules=MAP {DOMAIN}:443 {there}, MAP *.{DOMAIN}:443 {there}",
    ]


@dataclass(frozen=True)
class HostileFarm:
    """The running farm; `did` of everybody by name."""

    home: Path
    environment: dict[str, str]
    tls_port: int
    did: dict[str, str]

    def url(self, slug: str | None, path: str = "/") -> str:
        """Address on a wiki's host, or on the root host."""
        return f"https://{slug + '.' if slug else ''}{DOMAIN}{path}"

    def robot(self, *arguments: str) -> dict[str, object]:
        """Run a `robot` command."""
        return RunningFarm(self.home, 0, self.environment).robot(*arguments)

    # ------------------------------------------------------------------ signing in

    def sign_in(self, context: BrowserContext, name: str) -> str:
        """Give the browser the cookies of a new session, as the end of a sign-in does.

        Returns the value of the platform cookie.
        """
        sent = "; ".join(f"{c['name']}={c['value']}" for c in context.cookies(self.url(None)))
        installation = Installation(read_settings(self.environment))
        headers = installation.farm.sign_in(self.did[name], method="test", cookie_header=sent)
        installation.close()
        for header in headers:
            found = _COOKIE.match(header)
            assert found is not None
            cookie: Any = {
                "name": found[1], "value": found[2], "httpOnly": True, "secure": True,
                "sameSite": "Lax",
            }  # fmt: skip
            if "domain=" in (found[3] or "").lower():
                context.add_cookies([{**cookie, "domain": f".{DOMAIN}", "path": "/"}])
            else:
                context.add_cookies([{**cookie, "url": self.url(None)}])
        return next(h for h in headers if h.startswith("robot_identity=")).split(";")[0][15:]

    # ------------------------------------------------------------------ what there is

    def state(self) -> dict[str, object]:
        """Everything that belongs to anybody: pages, settings, drafts, people, roles, sessions."""
        found: dict[str, object] = {}
        for folder in sorted((self.home / "wikis").iterdir()):
            found[f"{folder.name}: pages"] = git(folder, "rev-parse", "refs/heads/main")
            if (folder / "wiki.db").exists():
                for table in ("preferences", "drafts"):
                    found[f"{folder.name}: {table}"] = rows(folder / "wiki.db", table, "*")
        registry = self.home / "data" / "robot.db"
        wiki = "slug, owner_did, display_name, description, is_public, is_listed, suspended_at"
        for table, columns in {
            "users": "did, handle, username, suspended_at, deleted_at",
            "acls": "*",
            "wikis": wiki,
            "sessions": "id, user_did",
        }.items():
            found[table] = rows(registry, table, columns)
        return found

    def authors(self, slug: str) -> set[str]:
        """Who has written in a wiki."""
        return set(git(self.home / "wikis" / slug, "log", "--format=%an").split())


def git(folder: Path, *arguments: str) -> str:
    """What git says about a wiki's repository."""
    command = ["git", f"--git-dir={folder / 'repo.git'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def rows(file: Path, table: str, columns: str) -> list[tuple[Any, ...]]:
    """A table of a database that others write."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
    finally:
        connection.close()


@contextmanager
def running_farm(folder: Path) -> Iterator[HostileFarm]:
    """The farm, the proxy in front of it, and three people with a wiki each."""
    home, port = folder / "home", free_port()
    environment = {
        **os.environ,
        "ROBOT_HOME": str(home),
        "ROBOT_DEV": "0",
        "ROBOT_DOMAIN": DOMAIN,
        "ROBOT_WEB_PORT": str(port),
    }
    started = RunningFarm(home, port, environment)
    started.robot("init")
    did = {}
    for name, options in ((VICTIM, []), (ATTACKER, ["--public"]), (OWNER, [])):
        did[name] = f"did:plc:{name:a<24}"
        started.robot("user", "add", f"{name}.test", "--did", did[name])
        started.robot("wiki", "create", name, "--owner", f"{name}.test", *options)
    notes = folder / "notes"
    notes.mkdir()
    (notes / "Home.md").write_text(f"# Home\n\n{SECRET}\n")
    started.robot("wiki", "import", VICTIM, str(notes))
    for name in (VICTIM, ATTACKER):
        started.robot("acl", "grant", SHARED, f"{name}.test", "editor")
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ROBOT), "serve"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until_healthy(port, process, log)
        with tls_proxy(folder, port) as tls_port:
            yield HostileFarm(home, environment, tls_port, did)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def tls_proxy(folder: Path, backend_port: int) -> Iterator[int]:
    """Ends TLS with a certificate that nobody trusts and passes bytes on; gives its port."""
    files = [folder / "certificate.pem", folder / "key.pem"]
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-days", "2", "-subj", f"/CN={DOMAIN}", "-out", files[0], "-keyout", files[1],
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, check=True)
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(*files)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve(raw: socket.socket) -> None:
        with (
            suppress(OSError),
            raw,
            settings.wrap_socket(raw, server_side=True) as client,
            socket.create_connection(("127.0.0.1", backend_port)) as backend,
        ):
            _relay(client, backend)

    def accept() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def _relay(client: ssl.SSLSocket, backend: socket.socket) -> None:
    """Pass bytes on in both directions until one end has enough."""
    other: dict[socket.socket, socket.socket] = {client: backend, backend: client}
    while True:
        ready = [client] if client.pending() else select.select([client, backend], [], [])[0]
        for source in ready:
            data = source.recv(1 << 16)
            if not data:
                return
            other[source].sendall(data)


# ---------------------------------------------------------------------- what an attacker does


@dataclass(frozen=True)
class Target:
    """An address of somebody else: of their wiki, or of their account."""

    url: str
    endpoint: str
    takes_forms: bool


def targets(farm: HostileFarm, revision: str) -> list[Target]:
    """Every address of the victim's wiki and of the root host, from the page of permissions."""
    document = (ROOT / "docs" / "permissions.md").read_text("utf-8")
    values = {
        "path": "Home", "pagepath": "Home", "revision": revision, "rev_a": revision,
        "rev_b": revision, "filename": "notes.txt", "query": "canary", "topic": "syntax",
        "size": "80", "token": "x", "staged_id": "x", "uid": "1", "email": "x", "name": "x",
        "extra": "x", "webhook_hash": "x", "page": "Home", "slug": VICTIM, "person": "x.test",
        "token_id": "0" * 16, "rest": "Home",
    }  # fmt: skip
    found = []
    slug: str | None = VICTIM
    for line in document.splitlines():
        if line.startswith("## Routes of the root host"):
            slug = None
        row = re.match(r"\| `([\w.]+)` \| (.*?) \| (.*?) \| (.*?) \|", line)
        if row is None:
            continue
        for address in re.findall(r"`([^`]+)`", row[2]):
            path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: values[match[1]], address)
            found.append(Target(farm.url(slug, path), row[1], bool(row[4].strip())))
    assert {target.url.split("/")[2] for target in found} == {f"{VICTIM}.{DOMAIN}", DOMAIN}
    return found


def evil_page(farm: HostileFarm, context: BrowserContext, path: str = "/evil") -> Page:
    """A page on the attacker's host whose script nothing holds back."""
    address = farm.url(ATTACKER, path)
    context.route(
        address,
        lambda route: route.fulfill(body="<!doctype html><body>evil", content_type="text/html"),
    )
    page = context.new_page()
    page.goto(address)
    assert page.evaluate("location.origin") == farm.url(ATTACKER, "")
    return page


def launch(playwright: Any, tls_port: int, executable: str | None) -> Browser:
    """A Chromium that finds the farm."""
    return playwright.chromium.launch(  # type: ignore[no-any-return]
        executable_path=executable, args=browser_options(tls_port)
    )
