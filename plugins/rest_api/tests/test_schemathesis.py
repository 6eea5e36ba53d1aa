"""Requests that schemathesis makes of the OpenAPI document: no 500, no answer that is not in it.

Random values with any path; then examples and a coverage of every rule of every schema, and of
their violation, for a page and a file that are there. The same on each run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events

from otterwiki_engine import hooks
from otterwiki_engine.authorship import Author
from otterwiki_rest_api.routes import ROUTES
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.testing import DOMAIN, PORT

from .rest_clients import RestFarm
from .search_provider import Provider

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

WIKI, OTHER = "alice", "robert"
FILES = {
    "Home.md": b"---\ntags: [x]\ncategory: y\n---\n# Home\n\n## Part\n\n[[Other]] text\n",
    "Home/picture.txt": b"a file\n",
    "Other.md": b"# Other\n\n[[Home]], [[nowhere]]\n",
}
#: Not asked, each for a reason.
NOT_CHECKED = {
    # What is in order by the schema may still name a page that is not there, or a stale revision.
    "positive_data_acceptance",
    # These send further requests in a way that its transport for WSGI does not know. Who may do
    # what is walked in test_credentials.
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
    # Without a token the farm's front door asks first whether a page of the wiki sent this: 403.
    "missing_required_header",
}
LEAST_REQUESTS = 300


class Door:
    """The wiki's host, as a WSGI application; what requests delete comes back before the next."""

    def __init__(self, farm: RestFarm) -> None:
        self._farm = farm

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        with wiki_context(self._farm.farm, WIKI) as entered:
            repository = entered.wiki.repository
            entries = repository.snapshot().entries
            missing: dict[str, bytes | None] = {
                path: content for path, content in FILES.items() if path not in entries
            }
            if missing:
                author = Author("Restorer", "")
                repository.commit(missing, base=None, author=author, message="back again")
        environ["HTTP_HOST"] = f"{WIKI}.{DOMAIN}:{PORT}"
        return self._farm.front_door(environ, start)


@pytest.fixture
def door(farm: RestFarm) -> Iterator[Door]:
    with wiki_context(farm.farm, OTHER) as entered:
        before = entered.wiki.repository.head()
    provider = Provider()  # without one, searching by meaning is answered with 503
    hooks.manager.register(provider)
    yield Door(farm)
    hooks.manager.unregister(provider)
    with wiki_context(farm.farm, OTHER) as entered:
        assert entered.wiki.repository.head() == before, "the other wiki was changed"


def test_every_answer_to_anything_is_a_documented_one(farm: RestFarm, door: Door) -> None:
    _check(farm, door, examples=12, phases={"examples": False, "coverage": False})


def test_every_answer_about_what_is_there_is_a_documented_one(farm: RestFarm, door: Door) -> None:
    known = {"path.page": "Home", "path.filename": "picture.txt"}
    good = _check(farm, door, examples=3, phases={}, parameters=known)
    # It knows no revision, which comparing and replacing need.
    reading = {f"GET {route.path}" for route in ROUTES if route.is_reading} - {"GET /diff/{page}"}
    assert reading <= good
    assert {"DELETE /pages/{page}", "POST /pages/{page}/rename"} <= good


def _check(
    farm: RestFarm,
    door: Door,
    *,
    examples: int,
    phases: dict[str, bool],
    parameters: dict[str, str] | None = None,
) -> set[str]:
    """Ask, fail for every answer that is not in order; the operations with good answers."""
    token = {"Authorization": f"Bearer {farm.tokens[WIKI]}"}
    config = SchemathesisConfig.from_dict(
        {
            "headers": token,
            "seed": 1,
            "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
            "phases": {
                name: {"enabled": is_on} for name, is_on in {**phases, "stateful": False}.items()
            },
            "checks": {name: {"enabled": False} for name in NOT_CHECKED},
            "parameters": parameters or {},
        }
    )
    schema = schemathesis.openapi.from_wsgi(
        "/api/v1/openapi.json", door, config=config, headers=token
    )
    wrong, seen = _run(schema)
    assert not wrong, f"{len(wrong)} answers:\n" + "\n".join(wrong[:30])
    assert sum(seen.values()) >= LEAST_REQUESTS
    assert {name for name, _ in seen} == {f"{route.method} {route.path}" for route in ROUTES}
    return {name for name, status in seen if 200 <= status < 300 and status != 204}


def _run(schema: Any) -> tuple[list[str], Counter[tuple[str, int]]]:
    """What was wrong, and how often each operation was answered with each status."""
    wrong: list[str] = []
    seen: Counter[tuple[str, int]] = Counter()
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(f"could not be asked: {event}")
        if not isinstance(event, events.ScenarioFinished):
            continue
        recorder = event.recorder
        for interaction in recorder.interactions.values():
            if interaction.response is not None:
                seen[recorder.label, interaction.response.status_code] += 1
        for case, checks in recorder.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    answer = recorder.interactions[case].response
                    shown = (answer.status_code, answer.content[:200]) if answer else "no answer"
                    message = check.failure_info.failure.message[:300]
                    wrong.append(f"{recorder.label}: {check.name}: {message} {shown}")
    return wrong, seen
