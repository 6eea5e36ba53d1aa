"""Writers through real web servers, beside a person at the shell and other processes."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from .farms import DOMAIN, CommandFarm
from .git_facts import WikiOnDisk
from .servers import free_port, running, stock_otterwiki
from .writers import Answers, Writer, index_problems, judge, run_team
from .zygote import Zygote

_HTTP = "tests.faults.http_door:HttpDoor"
_ENGINE = "tests.faults.doors:EngineDoor"
_SHELL = "tests.faults.doors:ShellDoor"
_FARM = "tests.faults.farm_door:FarmDoor"
_SOAK = pytest.mark.soak


def _check(
    wikis: dict[str, Path],
    answers: Answers,
    before: dict[str, str],
    engine: Zygote,
    saves: int,
) -> None:
    """Nothing lost, nothing crossed, nothing refused."""
    verdict = judge(wikis, answers, before=before)
    print(verdict, Counter(answers.refused))
    assert not verdict.problems, str(verdict)
    assert not answers.refused, Counter(answers.refused)
    assert verdict.acknowledged >= saves
    for folder in wikis.values():
        assert index_problems(engine, folder) == []


@pytest.mark.parametrize("saves", [120, pytest.param(1000, marks=_SOAK)])
def test_two_web_workers_and_a_command(engine: Zygote, tmp_path: Path, saves: int) -> None:
    """Two workers of four threads and another process write two wikis of a farm."""
    farm = CommandFarm.make(tmp_path, ["alice", "robert"])
    wikis = {slug: farm.home / "wikis" / slug for slug in farm.people}
    before = {slug: WikiOnDisk(folder).head() for slug, folder in wikis.items()}
    with running(farm.web_command, farm.settings, farm.port, tmp_path / "web.log"):
        sites = {slug: farm.site(slug) for slug in wikis}
        http = {"port": farm.port, "sites": sites}
        command = {"home": str(farm.home), "domain": DOMAIN}
        each = -(-saves // 12)
        team = [
            Writer("web0", _HTTP, http, list(wikis), 4, each),
            Writer("web1", _HTTP, http, list(wikis), 4, each),
            Writer("command", _FARM, command, list(wikis), 1, saves - 8 * each),
        ]
        answers = run_team(team, tmp_path, timeout_seconds=540)
    _check(wikis, answers, before, engine, saves)


@pytest.mark.parametrize("saves", [90, pytest.param(300, marks=_SOAK)])
def test_stock_otterwiki_a_shell_and_another_process(
    engine: Zygote, tmp_path: Path, saves: int
) -> None:
    """Beside a stock Otterwiki: its web pages, `git commit` in its work tree, the engine."""
    wiki = tmp_path / "wiki"
    engine.call("create", folder=str(wiki), work_tree=True)
    engine.call(
        "commit",
        folder=str(wiki),
        changes={"Home.md": "# Home\n"},
        author=["first.test", ""],
        message="first",
    )
    before = {"only": WikiOnDisk(wiki).head()}
    folders = {"folders": {"only": str(wiki)}}
    port = free_port()
    http = {"port": port, "sites": {"only": {"host": f"wiki.localhost:{port}"}}}
    with stock_otterwiki(sys.executable, wiki, tmp_path, port):
        each = -(-saves // 3)
        team = [
            Writer("web", _HTTP, http, ["only"], 4, -(-each // 4)),
            Writer("shell", _SHELL, folders, ["only"], 1, each, "own pages"),
            Writer("process", _ENGINE, folders, ["only"], 1, each),
        ]
        answers = run_team(team, tmp_path, timeout_seconds=300)
    _check({"only": wiki}, answers, before, engine, saves)
