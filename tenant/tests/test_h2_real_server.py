"""Checklist H2 through a real HTTP server, which has opinions of its own about strange requests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_APPLICATION = """
import sys
from pathlib import Path
from sqlalchemy import Column, MetaData, String, Table, Text
from otterwiki_tenant.current import active
from otterwiki_tenant.testing import add_person, make_farm
from otterwiki_tenant.wsgi import FarmMiddleware

farm = make_farm(Path(__file__).with_name("home"))
farm.tables = MetaData()
Table("preferences", farm.tables, Column("name", String, primary_key=True), Column("value", Text))
for name in ("alice", "robert"):
    person = add_person(farm, name + ".test")
    farm.create_wiki(None, owner_did=person.did, is_public=True, template={"Home.md": b"x"})

def answer(text):
    def app(environ, start_response):
        said = text() + " " + environ["PATH_INFO"] + " " + environ.get("HTTP_HOST", "")
        said += " " + ",".join(sorted(key for key in environ if "OTTERWIKI" in key))
        start_response("200 OK", [("Content-Length", str(len(said)))])
        return [said.encode()]
    return app

application = FarmMiddleware(
    farm,
    wiki_app=answer(lambda: "wiki " + active().record.slug),
    root_app=answer(lambda: "root"),
    health_app=answer(lambda: "healthy"),
)
"""
_ROBERT, _ALICE = b"robert.robot.localhost", b"alice.robot.localhost"


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The path of the Unix socket on which Gunicorn serves a farm of two public wikis."""
    pytest.importorskip("gunicorn", reason="Gunicorn is not installed")
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path may have 107 bytes
        Path(folder, "served.py").write_text(_APPLICATION)
        path = Path(folder, "socket")
        command = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
        command += ["--bind", f"unix:{path}", "served:application"]
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": folder})
        try:
            deadline = time.monotonic() + 60
            while b"healthy" not in _ask(path, b"GET /health HTTP/1.0\r\n\r\n"):
                assert process.poll() is None, "the server did not start"
                assert time.monotonic() < deadline, "the server does not answer"
            yield path
        finally:
            process.terminate()
            process.wait(30)


def _ask(path: Path, request: bytes) -> bytes:
    """The whole answer to the bytes of a request; empty while nobody listens."""
    answer = b""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return b""
        connection.sendall(request)
        while chunk := connection.recv(65_536):
            answer += chunk
    return answer


def _get(path: Path, target: bytes, *headers: bytes) -> tuple[int, str]:
    lines = [b"GET " + target + b" HTTP/1.1", *headers, b"Connection: close", b"", b""]
    head, _, body = _ask(path, b"\r\n".join(lines)).partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def test_h2_the_right_wiki(server: Path) -> None:
    right = "wiki robert /x robert.robot.localhost"
    host = b"Host: " + _ROBERT
    assert _get(server, b"/x", host) == (200, f"{right} ")
    assert _get(server, b"/x", b"Host: " + _ROBERT.upper()) == (200, f"{right} ")
    assert _get(server, b"/x", host + b":81") == (200, f"{right}:81 ")
    assert _get(server, b"http://" + _ROBERT + b"/x", host) == (200, f"{right} ")
    assert _get(server, b"/x", host, b"X-Forwarded-Host: " + _ALICE) == (200, f"{right} ")
    assert _get(server, b"/x", host, b"Forwarded: host=" + _ALICE) == (200, f"{right} ")
    assert _get(server, b"/x", b"Host: robot.localhost")[1].startswith("root /x")


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (b"Host:",),
        (b"Host: " + _ROBERT, b"Host: " + _ALICE),
        (b"Host: " + _ROBERT, b"host: " + _ROBERT),
        (b"Host: " + _ROBERT + b"," + _ALICE,),
        (b"Host: " + _ROBERT + b".",),
        (b"Host: " + _ROBERT + b" x",),
        (b"Host: 127.0.0.1",),
        (b"Host: [::1]:8000",),
        (b"Host: evil.example",),
        (b"Host: " + _ROBERT + b":x",),
        (b"Host: x@" + _ROBERT,),
    ],
    ids=str,
)
def test_h2_no_other_host(server: Path, headers: tuple[bytes, ...]) -> None:
    status, body = _get(server, b"/x", *headers)
    assert status == 400
    assert "wiki " not in body.replace("wiki has", "")
    assert _get(server, b"/health", *headers[:1])[0] in (200, 400)


def test_h2_absolute_targets_must_agree(server: Path) -> None:
    for target, host in ((_ALICE, _ROBERT), (_ROBERT, _ALICE), (b"evil.example", _ROBERT)):
        assert _get(server, b"http://" + target + b"/x", b"Host: " + host)[0] == 400


def test_h2_a_path_prefix_header_reaches_nothing(server: Path) -> None:
    for target in (b"/auth/x", b"/x"):
        status, body = _get(server, target, b"Host: " + _ROBERT, b"SCRIPT_NAME: /auth")
        assert status in (400, 500)
        assert "wiki robert" not in body


def test_identity_headers_are_gone_in_any_spelling(server: Path) -> None:
    for name in (b"X-Otterwiki-Name", b"x-otterwiki-email", b"X_OTTERWIKI_PERMISSIONS"):
        status, body = _get(server, b"/x", b"Host: " + _ROBERT, name + b": ADMIN")
        assert (status, body) in [(200, "wiki robert /x robert.robot.localhost ")] or status == 400
