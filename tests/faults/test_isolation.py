"""H4: two wikis, threads, interleaved requests in one process; nothing of one shows in the other.

Also H3: searches, feeds, caches, indexes and attachments hold only their own wiki's words.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from werkzeug.wrappers import Request, Response

from .farms import CommandFarm
from .isolation import STEPS, Browser, wander, word_of
from .servers import plain_environment
from .zygote import ROOT

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


@pytest.mark.parametrize("requests", [1000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_h4_two_wikis_in_one_process_never_mix(tmp_path: Path, requests: int) -> None:
    farm = CommandFarm.make(tmp_path, ["alice", "robert"])
    people = [
        {"slug": slug, "origin": f"http://{farm.host(slug)}", "link": farm.login_link(slug)}
        for slug in farm.people
    ]
    report_file = tmp_path / "report.json"
    config = {"people": people, "requests": requests, "report": str(report_file)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.isolation", json.dumps(config)],
        cwd=ROOT,
        env=plain_environment(farm.settings),
        capture_output=True,
        text=True,
        timeout=60 + requests,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(report_file.read_text())
    print(report)
    assert report["requests"] >= requests
    assert report["crossings"] == []
    assert report["failures"] == []
    assert set(report["answers"]) == {step.name for step in STEPS}


def test_the_harness_notices_what_crosses() -> None:
    """An application that mixes two wikis, and one that answers nothing, are both found out."""

    def mixed(request: Request) -> Response:
        slugs = {"alice": "robert", "robert": "alice"}
        slug = request.host.partition(".")[0]
        return Response(word_of(slug) + word_of(slugs[slug] if request.path == "/" else slug))

    def browsers(application: WSGIApplication) -> list[Browser]:
        return [Browser(application, slug, f"http://{slug}.test") for slug in ("alice", "robert")]

    seen = wander(browsers(Request.application(mixed)), thread=0, requests=2 * len(STEPS))
    assert len(seen.crossings) == 2
    assert seen.failures == []
    silent = Request.application(lambda _request: Response("", 500))
    assert len(wander(browsers(silent), thread=0, requests=10).failures) == 10
