"""Rate limits of the farm's real server: shared by its worker processes, kept over a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .farms import CommandFarm
from .http_door import Browser
from .servers import running

_LIMIT = 30
#: The window may slide by a second or two while the requests are sent, and lets one more through.
_ALLOWED = (_LIMIT, _LIMIT + 1)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> CommandFarm:
    return CommandFarm.make(tmp_path_factory.mktemp("rates"), ["alice", "robert"])


@contextmanager
def served(farm: CommandFarm, **settings: str) -> Iterator[None]:
    """`robot web` with two workers, until the block ends; nothing is counted yet."""
    (farm.home / "run" / "rate-limits.db").unlink(missing_ok=True)
    with web(farm, **settings):
        yield


@contextmanager
def web(farm: CommandFarm, **settings: str) -> Iterator[None]:
    decided = {**farm.settings, "ROBOT_RATE_ANONYMOUS_READS": str(_LIMIT), **settings}
    with running(farm.web_command, decided, farm.port, farm.folder / "web.log"):
        yield


def answers(farm: CommandFarm, count: int, slug: str = "alice", **headers: str) -> Counter[int]:
    """How many of so many requests of a stranger are answered with which status."""
    browser = Browser(farm.port, farm.host(slug))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    found = Counter[int]()
    for _ in range(count):
        answer = browser.send("GET", "/Home", **sent)
        found[answer.status] += 1
        assert answer.status != 429 or int(answer.headers["Retry-After"]) > 0
    return found


def test_i2_failure_9_workers_share_a_limit_and_a_restart_keeps_it(farm: CommandFarm) -> None:
    with served(farm):
        assert answers(farm, 60)[302] in _ALLOWED
        assert answers(farm, 10, "robert")[429] >= 9, "by address, whichever wiki is asked"
    with web(farm):
        assert answers(farm, 10)[429] >= 9


def test_i2_forwarded_addresses_count_if_the_proxy_is_ours(farm: CommandFarm) -> None:
    with served(farm):
        for number in range(3):
            said = answers(farm, 40, X_Forwarded_For=f"10.9.9.{number}, 203.0.113.{number}")
            assert said[302] in _ALLOWED
    with served(farm, ROBOT_TRUSTED_PROXIES=""):
        found = Counter[int]()
        for number in range(60):
            found += answers(farm, 1, X_Forwarded_For=f"203.0.113.{number}")
        assert found[302] in _ALLOWED


def test_i2_somebody_signed_in_and_a_deleted_file(farm: CommandFarm, tmp_path: Path) -> None:
    with served(farm):
        site = farm.site("alice")
        browser = Browser(farm.port, site["host"], cookies=dict(site["cookies"]))
        assert answers(farm, 60)[302] in _ALLOWED
        assert {browser.send("GET", "/Home").status for _ in range(100)} == {200}
        (farm.home / "run" / "rate-limits.db").unlink()
        assert answers(farm, 60)[302] in _ALLOWED
