"""Wheels of content security and the engine beside a stock Otterwiki: pages under the policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from . import engine_wheel
from .http_door import Browser
from .servers import free_port, stock_otterwiki
from .zygote import ROOT, Zygote

_FOLDER = ROOT / "plugins" / "content_security"
_PACKAGE = _FOLDER / "otterwiki_content_security"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheels of both distributions, the plugin's first."""
    place = tmp_path_factory.mktemp("wheels")
    own = engine_wheel.build_wheel(place / "content_security", _FOLDER)
    return [own, engine_wheel.build_wheel(place / "engine")]


def test_the_wheel_holds_every_file_of_the_package(wheels: list[Path]) -> None:
    expected = {
        f"otterwiki_content_security/{path.relative_to(_PACKAGE)}"
        for path in _PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in engine_wheel.contents(wheels[0]) if ".dist-info/" not in name}
    assert held == expected
    assert "otterwiki_content_security/static/actions.js" in held


def test_g2_a_stock_otterwiki_serves_under_the_policy(
    wheels: list[Path], tmp_path: Path, engine: Zygote
) -> None:
    python = str(engine_wheel.environment_with(*wheels))
    wiki = tmp_path / "wiki"
    engine.call("create", folder=str(wiki), work_tree=True)
    port = free_port()
    with stock_otterwiki(python, wiki, tmp_path, port):
        browser = Browser(port, f"wiki.localhost:{port}")
        browser.headers = {
            "x-otterwiki-name": "reader.test",
            "x-otterwiki-email": "reader@example.org",
            "x-otterwiki-permissions": "READ,WRITE,UPLOAD,ADMIN",
        }
        nonces = set()
        paths = ("/", "/Home?edit", "/-/housekeeping", "/-/help/plugins", "/Missing", "/-/admin")
        for path in paths:
            answer = browser.send("GET", path)
            assert answer.status == (404 if path == "/Missing" else 200)
            policy = answer.headers["Content-Security-Policy"]
            found = re.search(r"script-src 'nonce-([\w-]{24})' ([^;]+);", policy)
            assert found is not None, policy
            assert found[2] == f"wiki.localhost:{port}/static/mathjax/"
            nonces.add(found[1])
            scripts = re.findall(r"<script\b[^>]*>", answer.text)
            assert scripts
            assert all(f' nonce="{found[1]}"' in script for script in scripts)
            assert not re.search(r"<[^>]*\son[a-z]+\s*=", answer.text)
            (actions,) = re.findall(r'src="(/-/content-security/actions\.js\?v=\w+)"', answer.text)
        assert len(nonces) == len(paths)
        script = browser.send("GET", actions)
        assert script.status == 200
        assert script.text == (_PACKAGE / "static" / "actions.js").read_text("utf-8")
        assert script.headers["Content-Security-Policy"].startswith("default-src 'none'")
