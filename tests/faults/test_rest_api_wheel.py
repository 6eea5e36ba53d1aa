"""Wheels of the REST API and the engine beside a stock Otterwiki: programs with the API key."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from . import engine_wheel
from .servers import free_port, running
from .zygote import ROOT, Zygote

_FOLDER = ROOT / "plugins" / "rest_api"
_PACKAGE = _FOLDER / "otterwiki_rest_api"
_KEY = "a-key-for-the-test-of-32-characters"
_TIMEOUT_SECONDS = 60.0


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheels of both distributions, the plugin's first."""
    place = tmp_path_factory.mktemp("wheels")
    own = engine_wheel.build_wheel(place / "rest_api", _FOLDER)
    return [own, engine_wheel.build_wheel(place / "engine")]


@contextmanager
def served(python: str, wiki: Path, place: Path, **settings: str) -> Iterator[int]:
    """A stock Otterwiki on `wiki` whose people sign in by themselves; yields its port."""
    port = free_port()
    known = {
        "REPOSITORY": str(wiki),
        "SECRET_KEY": "not a secret, used in tests",
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{place / 'wiki.db'}",
        "RETAIN_PAGE_NAME_CASE": "true",
        "READ_ACCESS": "APPROVED",
        "WRITE_ACCESS": "APPROVED",
        "ATTACHMENT_ACCESS": "APPROVED",
        "SITE_NAME": "Notes",
        "OTTERWIKI_API_KEY": _KEY,
        **settings,
    }
    command = [python, "-m", "gunicorn", "otterwiki.server:app", "--no-control-socket"]
    options = [f"--bind=127.0.0.1:{port}", "--workers=2", "--threads=2"]
    with running([*command, *options], known, port, place / "otterwiki.log", place):
        yield port


def ask(
    port: int, method: str, path: str, body: Any = None, *, key: str | None = _KEY, **headers: str
) -> tuple[int, str, Any]:
    """One request; the answer's status, media type and content, which is parsed where it is JSON.

    `body` is sent as JSON, bytes as they are.
    """
    sent = {"Host": f"wiki.localhost:{port}", "Connection": "close", **headers}
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    kind = response.headers.get_content_type()
    is_json = kind in ("application/json", "application/problem+json") and content
    return response.status, kind, json.loads(content) if is_json else content


def test_the_wheel_holds_every_file_of_the_package(wheels: list[Path]) -> None:
    expected = {
        f"otterwiki_rest_api/{path.relative_to(_PACKAGE)}"
        for path in _PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in engine_wheel.contents(wheels[0]) if ".dist-info/" not in name}
    assert held == expected
    assert "otterwiki_rest_api/templates/otterwiki_rest_api/documentation.html" in held


def test_a_stock_otterwiki_is_used_with_its_key(
    wheels: list[Path], tmp_path: Path, engine: Zygote
) -> None:
    python = str(engine_wheel.environment_with(*wheels))
    wiki, other = tmp_path / "wiki", tmp_path / "other"
    for folder in (wiki, other):
        engine.call("create", folder=str(folder), work_tree=True)
    with served(python, wiki, tmp_path) as port:
        # Whom nobody knows is told so, in the one shape.
        for path in ("/api/v1/pages", "/api/v1/", "/api/v1/openapi.json", "/llms.txt"):
            status, kind, _ = ask(port, "GET", path, key=None)
            assert (status, kind) == (401, "application/problem+json")
        for key in ("", "wrong", _KEY + "x"):
            assert ask(port, "GET", "/api/v1/pages", key=key)[0] == 401
        assert ask(port, "PUT", "/api/v1/pages/x", {"content": "x"}, key=None)[0] == 401

        # Pages, by any of the worker processes.
        status, _, made = ask(port, "PUT", "/api/v1/pages/Notes/First", {"content": "# First\n"})
        assert (status, made["created"]) == (201, True)
        for number in range(6):
            change = {"action": "append", "text": f"- line {number}, see [[Notes/Second]]\n"}
            status, _, done = ask(port, "POST", "/api/v1/pages/Notes/First/edit", change)
            assert status == 200
        status, _, refused = ask(
            port, "PUT", "/api/v1/pages/Notes/First", {"content": "x", "revision": made["revision"]}
        )
        assert (status, refused["current_revision"]) == (409, done["revision"])
        assert "+- line 5" in refused["diff"]
        assert ask(port, "PUT", "/api/v1/pages/Notes/Second", {"content": "# Second\n"})[0] == 201
        status, _, page = ask(port, "GET", "/api/v1/pages/Notes/Second")
        assert (status, page["linked_from"]) == (200, ["Notes/First"])
        status, _, found = ask(port, "GET", "/api/v1/search?q=line")
        assert [one["path"] for one in found["results"]] == ["Notes/First"]
        renamed = {"new_path": "Notes/Third"}
        status, _, moved = ask(port, "POST", "/api/v1/pages/Notes/Second/rename", renamed)
        assert (status, moved["updated_pages"]) == (200, ["Notes/First"])

        # Files, as they are.
        content = bytes(range(256)) * 1000
        status, _, _ = ask(port, "PUT", "/api/v1/pages/Notes/First/attachments/d.bin", content)
        assert status == 201
        status, _, back = ask(port, "GET", "/api/v1/pages/Notes/First/attachments/d.bin/raw")
        assert (status, back) == (200, content)

        # What programs and models read.
        status, kind, text = ask(port, "GET", "/Notes/First.md")
        assert (status, kind) == (200, "text/markdown")
        assert b"[[Notes/Third]]" in text
        status, kind, text = ask(port, "GET", "/llms.txt")
        assert (status, kind) == (200, "text/plain")
        assert text.startswith(b"# Notes\n")
        status, kind, html = ask(port, "GET", "/api/v1/")
        assert (status, kind) == (200, "text/html")
        assert b"/api/v1/pages/{page}/edit" in html
        assert ask(port, "GET", "/api/v1/openapi.json")[2]["openapi"] == "3.1.0"

    # What is left is a plain repository, whose work tree has what HEAD has.
    log = _git(wiki, "log", "--format=%an: %s%n%b", "--", "Notes/Second.md", "Notes/Third.md")
    assert "API key: " in log
    assert "Client: API key" in log
    assert _git(wiki, "status", "--porcelain") == ""
    assert (wiki / "Notes" / "Third.md").read_text() == "# Second\n"
    assert "Notes" not in _git(other, "ls-files")


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout
