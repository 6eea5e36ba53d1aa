"""The engine's wheel alone, beside a stock Otterwiki: it boots, serves, and loses no save."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from . import engine_wheel
from .git_facts import WikiOnDisk
from .http_door import Browser
from .servers import free_port, plain_environment, stock_otterwiki
from .writers import Writer, index_problems, judge, run_team
from .zygote import ROOT, Zygote

_PACKAGE = ROOT / "plugins" / "engine" / "otterwiki_engine"
_SHOW_PLUGINS = """
import importlib.util
from otterwiki.plugins import plugin_manager
loaded = [plugin for plugin, _ in plugin_manager.list_plugin_distinfo()]
print(sorted(name for name, plugin in plugin_manager.list_name_plugin() if plugin in loaded))
print([n for n in ("otterwiki_tenant", "otterwiki_robot") if importlib.util.find_spec(n)])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's wheel."""
    return engine_wheel.build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    expected = {
        f"otterwiki_engine/{path.relative_to(_PACKAGE)}"
        for path in _PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in engine_wheel.contents(wheel) if ".dist-info/" not in name}
    assert held == expected


def test_it_serves_and_survives_the_writers(wheel: Path, tmp_path: Path, engine: Zygote) -> None:
    python = str(engine_wheel.environment_with(wheel))
    done = subprocess.run(
        [python, "-c", _SHOW_PLUGINS],
        cwd=tmp_path,
        env=plain_environment({}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["['engine']", "[]"]

    wiki = tmp_path / "wiki"
    engine.call("create", folder=str(wiki), work_tree=True)
    port = free_port()
    with stock_otterwiki(python, wiki, tmp_path, port):
        browser = Browser(port, f"wiki.localhost:{port}")
        browser.headers = {
            "x-otterwiki-name": "reader.test",
            "x-otterwiki-email": "reader@example.org",
            "x-otterwiki-permissions": "READ",
        }
        assert browser.send("GET", "/").status == 200
        before = {"only": WikiOnDisk(wiki).head()}
        http = {"port": port, "sites": {"only": {"host": f"wiki.localhost:{port}"}}}
        folders = {"folders": {"only": str(wiki)}}
        team = [
            Writer("web", "tests.faults.http_door:HttpDoor", http, ["only"], 4, 10, python=python),
            Writer(
                "process", "tests.faults.doors:EngineDoor", folders, ["only"], 2, 20, python=python
            ),
        ]
        answers = run_team(team, tmp_path, timeout_seconds=240)
        pages = [browser.send("GET", path).status for path in ("/Shared", "/-/changelog")]
    assert pages == [200, 200]
    verdict = judge({"only": wiki}, answers, before=before)
    print(verdict)
    assert not verdict.problems, str(verdict)
    assert answers.refused == []
    assert verdict.acknowledged == 80
    assert index_problems(engine, wiki) == []
