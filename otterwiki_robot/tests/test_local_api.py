"""The demo wiki's API on this machine's own name: the API, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from otterwiki_robot.demo import make_demo
from otterwiki_robot.installation import Installation
from otterwiki_robot.local_api import LocalApi
from otterwiki_robot.settings import read_settings
from otterwiki_robot.wsgi import create_application


@pytest.mark.parametrize(
    ("host", "path", "handed_on"),
    [
        ("localhost:8000", "/api/v1/pages", "demo.robot.localhost:8000"),
        ("LOCALHOST", "/api/v1", "demo.robot.localhost"),
        ("127.0.0.1:8000", "/api/v1/health", "demo.robot.localhost:8000"),
        ("localhost:8000", "/", "localhost:8000"),
        ("localhost:8000", "/api/v10", "localhost:8000"),
        ("localhost:8000", "/api/me", "localhost:8000"),
        ("alice.robot.localhost:8000", "/api/v1/pages", "alice.robot.localhost:8000"),
        ("localhost.example:8000", "/api/v1/pages", "localhost.example:8000"),
    ],
)
def test_only_the_api_is_handed_on(host: str, path: str, handed_on: str) -> None:
    def seen(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [environ["HTTP_HOST"].encode()]

    client = Client(LocalApi(seen, read_settings({"ROBOT_DEV": "1"})))
    assert client.get(path, headers={"Host": host}).data.decode() == handed_on


def test_the_demo_wikis_pages_are_there(tmp_path: Path) -> None:
    settings = read_settings({"ROBOT_DEV": "1", "ROBOT_HOME": str(tmp_path / "home")})
    make_demo(Installation(settings))
    client = Client(create_application(settings))
    found = client.get("/api/v1/pages", headers={"Host": "localhost:8000"})
    assert "Home" in [page["path"] for page in found.get_json()["pages"]]
    assert client.get("/", headers={"Host": "localhost:8000"}).status_code == 400
    refused = client.put(
        "/api/v1/pages/New", headers={"Host": "localhost:8000"}, json={"content": "x"}
    )
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
