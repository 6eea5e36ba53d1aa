"""`robot serve` for real: Gunicorn, hosts, health, sign-in, the log, and stopping."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .made_farm import ALICE

START_SECONDS = 90.0
STOP_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: str


@dataclass(frozen=True)
class Server:
    """A farm that is being served."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    environment: dict[str, str]

    def get(self, host: str, path: str, **headers: str) -> Answer:
        """GET `path` from the farm's loopback address, with `host` as the Host header."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", path, headers={"Host": f"{host}:{self.port}", **sent})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()

    def send(self, request: bytes) -> str:
        """The first line of the answer to raw bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            return connection.makefile("rb").readline().decode().strip()

    def robot(self, *arguments: str) -> str:
        """Output of a command on the same farm."""
        command = [sys.executable, "-m", "otterwiki_robot", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, check=True)
        return done.stdout.decode().strip()


def wait_until_healthy(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    pause = threading.Event()
    while True:
        try:
            if server.get("robot.localhost", "/health").status == 200:
                return
        except OSError:
            pause.wait(0.05)
        assert server.process.poll() is None, server.log.read_text()
        assert time.monotonic() < deadline, server.log.read_text()


@pytest.fixture(scope="module")
def server(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(made_home, folder / "home", symlinks=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ROBOT_")},
        "ROBOT_DEV": "1",
        "ROBOT_HOME": str(folder / "home"),
        "ROBOT_WEB_PORT": str(port),
        "ROBOT_WEB_WORKERS": "1",
        # What must not matter: Otterwiki and Gunicorn take settings from variables like these.
        "DEBUG": "1",
        "AUTH_METHOD": "",
        "GUNICORN_CMD_ARGS": "--workers 7",
        "FORWARDED_ALLOW_IPS": "*",
    }
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "otterwiki_robot", "serve", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stream,
        )
    running = Server(port, process, log, environment)
    try:
        wait_until_healthy(running)
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_health_is_answered_on_every_host(server: Server) -> None:
    for host in ("robot.localhost", "bob.robot.localhost", "nobody.robot.localhost", "127.0.0.1"):
        answer = server.get(host, "/health")
        assert (answer.status, json.loads(answer.body)["status"]) == (200, "ok")


def test_I7_the_server_does_not_say_what_it_is(server: Server) -> None:
    for host in ("robot.localhost", "bob.robot.localhost", "alice.robot.localhost", "127.0.0.1"):
        answer = server.get(host, "/")
        assert answer.headers["Server"] == "web"
        everything = f"{answer.headers}{answer.body}".lower()
        for banner in ("gunicorn", "werkzeug", "python/", "flask"):
            assert banner not in everything


def test_a_public_wiki_is_read_by_anyone_and_a_private_one_looks_missing(server: Server) -> None:
    public = server.get("bob.robot.localhost", "/")
    assert public.status == 200
    assert "<h1" in public.body
    private, missing = (
        server.get(f"{slug}.robot.localhost", "/Home") for slug in ("alice", "nobody")
    )
    assert private.status == missing.status == 302
    sign_in = f"http://robot.localhost:{server.port}/auth/login?next="
    assert private.headers["Location"].startswith(sign_in)
    assert private.headers["Location"].replace("alice", "nobody") == missing.headers["Location"]
    assert private.body.replace("alice", "nobody") == missing.body


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        ("GET / HTTP/1.1\r\nHost: bob.robot.localhost\r\nHost: alice.robot.localhost", "400"),
        ("GET / HTTP/1.1\r\nHost: bob.robot.localhost.", "400"),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1", "400"),
        ("GET / HTTP/1.1\r\nHost: evil.example", "400"),
        ("GET / HTTP/1.1\r\nHost: BOB.Robot.Localhost", "200"),
        ("GET http://alice.robot.localhost/ HTTP/1.1\r\nHost: bob.robot.localhost", "400"),
        ("GET http://bob.robot.localhost/ HTTP/1.1\r\nHost: bob.robot.localhost", "200"),
        ("GET / HTTP/1.1\r\nHost: bob.robot.localhost\r\nX-Forwarded-Host: alice.x", "200"),
    ],
)
def test_H2_the_host_header_alone_names_the_wiki(
    server: Server, request_head: str, status: str
) -> None:
    first_line = server.send(f"{request_head}\r\nConnection: close\r\n\r\n".encode())
    assert first_line.split()[1] == status, first_line


def test_no_header_makes_a_reader_an_owner_or_http_https(server: Server) -> None:
    answer = server.get(
        "alice.robot.localhost",
        "/Home",
        x_otterwiki_email="a@b",
        x_otterwiki_name="Alice",
        x_otterwiki_permissions="READ,WRITE,ADMIN",
        X_Forwarded_Proto="https",
    )
    assert answer.status == 302
    assert answer.headers["Location"].startswith("http://robot.localhost")


def test_I6_a_sign_in_is_logged_with_its_actor_and_without_its_secrets(server: Server) -> None:
    link = server.robot("login-link", ALICE)
    token = link.rpartition("/")[2]
    signed_in = server.get("robot.localhost", f"/auth/dev/{token}")
    assert signed_in.status == 303
    cookie = signed_in.headers["Set-Cookie"].split(";")[0]
    page = server.get("alice.robot.localhost", "/Home?token=in-the-query", Cookie=cookie)
    assert page.status == 200
    again = server.get("robot.localhost", f"/auth/dev/{token}")
    assert again.status == 410

    log = server.log.read_text()
    assert token not in log
    assert cookie.partition("=")[2] not in log
    assert "in-the-query" not in log
    (line,) = [line for line in log.splitlines() if "path=/Home status=200" in line]
    assert "wiki=alice" in line
    assert re.search(r"actor=did:plc:[a-z0-9]{24}", line)
    assert re.search(r" ms=[0-9.]+", line)
    for line in log.splitlines():
        assert line.startswith("time="), line


def test_a_second_farm_on_the_same_port_is_refused_in_one_line(server: Server) -> None:
    command = [sys.executable, "-m", "otterwiki_robot", "serve"]
    done = subprocess.run(command, env=server.environment, capture_output=True, text=True)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "ROBOT_WEB_PORT" in line


def test_z_sigterm_ends_everything(server: Server) -> None:
    """The last test of this module: it stops the server."""
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(STOP_SECONDS) == 0
    assert server.process.stdout is not None
    document = json.loads(server.process.stdout.read())
    assert document["parts"] == ["web"]
    with pytest.raises(ConnectionRefusedError):
        server.get("robot.localhost", "/health")
