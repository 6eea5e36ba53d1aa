"""One shape for every no below /api/v1, whoever says it (RFC 9457)."""

from __future__ import annotations

import pytest

from otterwiki_engine import errors as engine
from otterwiki_engine.pages import errors as pages
from otterwiki_rest_api import foreign_refusals, problems, routes
from otterwiki_rest_api.problems import FAULTS, TABLE

from .rest_clients import Api, RestFarm, check_problem


@pytest.fixture
def api(shared: RestFarm) -> Api:
    return shared.api("alice")


def engine_errors(base: type[engine.EngineError] = engine.EngineError) -> set[type]:
    found = set()
    for kind in base.__subclasses__():
        if kind.__module__ in (engine.__name__, pages.__name__):
            found |= {kind, *engine_errors(kind)}
    return found


def test_every_error_of_the_engine_is_answered_on_purpose() -> None:
    """A new one has to get a row, or be called a fault of the server."""
    rows = {row.error for row in TABLE}
    for kind in engine_errors() - {pages.BatchRefused}:
        assert any(issubclass(kind, row) for row in (*rows, *FAULTS)), kind
    order = [row.error for row in TABLE]
    for position, kind in enumerate(order):
        for earlier in order[:position]:
            assert not issubclass(kind, earlier), f"{kind} is never reached behind {earlier}"


def test_every_status_of_the_table_is_documented() -> None:
    known = {status for route in routes.ROUTES for status in route.statuses}
    for row in TABLE:
        assert {row.status, row.reading or row.status} <= known


@pytest.mark.parametrize("what", ["pages", "page_bytes"])
def test_i1_limits_are_told_in_words_and_numbers(what: str) -> None:
    error = engine.QuotaExceeded(
        "That is too much.", what=what, limit=5, found=6, advice="Delete something."
    )
    refusal = problems.of_error(error, is_reading=False)
    assert refusal is not None
    assert refusal.status == (429 if what == "pages" else 413)
    assert "Retry-After" not in refusal.headers
    document = refusal.document
    assert document["detail"] == "That is too much. Delete something."
    assert (document["what"], document["limit"], document["found"]) == (what, 5, 6)
    assert document["advice"] == "Delete something."


def test_what_can_be_tried_again_says_when() -> None:
    for error in (engine.CheckFailed("x"), engine.RepositoryBusy("x")):
        refusal = problems.of_error(error, is_reading=False)
        assert refusal is not None
        assert (refusal.status, refusal.headers["Retry-After"]) == (503, "5")


def test_failure_13_at_the_limit_existing_pages_can_still_be_changed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from otterwiki_tenant.limits import FarmLimits

    farm = RestFarm(tmp_path_factory.mktemp("full") / "home", limits=FarmLimits(max_pages=2))
    try:
        api, other = farm.api("alice"), farm.api("robert")
        revision = api.make("second", "# Second\n")
        refused = api.put("/pages/third", {"content": "# Third\n"})
        assert (refused.status_code, refused.json["code"]) == (429, "quota_exceeded")
        assert (refused.json["what"], refused.json["limit"]) == ("pages", 2)
        assert refused.json["found"] == 3
        assert "Existing pages can still be edited" in refused.json["advice"]
        assert "Retry-After" not in refused.headers
        body = {"content": "# Second\n\nmore\n", "revision": revision}
        revision = api.put("/pages/second", body).json["revision"]
        assert (
            api.post("/pages/second/edit", {"action": "append", "text": "x\n"}).status_code == 200
        )
        assert api.post("/pages/second/rename", {"new_path": "renamed"}).status_code == 200
        both = [
            {"action": "write", "path": "fourth", "content": "x"},
            {"action": "delete", "path": "renamed"},
        ]
        assert api.post("/batch", {"changes": both}).status_code == 200
        assert other.put("/pages/mine", {"content": "# Mine\n"}).status_code == 201
        large = api.put("/pages/fourth", {"content": "x" * 1_100_000}, headers={"If-Match": "*"})
        assert (large.status_code, large.json["what"]) == (413, "page_bytes")
        assert large.json["limit"] == 1_000_000
    finally:
        farm.close()


def test_a_body_is_measured_before_it_is_read(api: Api) -> None:
    json_kind = {"Content-Type": "application/json"}
    most = routes.TEXT_BYTES
    answer = api.put("/pages/huge", data=b" " * (most + 1), headers=json_kind)
    assert (answer.status_code, answer.json["limit"]) == (413, most)
    assert answer.json["code"] == "too_large"
    assert "advice" in answer.json
    file = api.put("/pages/Home/attachments/huge.bin", data=b"x" * 40_000_000)
    assert (file.status_code, file.json["code"]) == (413, "too_large")


def test_a_body_without_a_length_is_bounded_too(api: Api) -> None:
    class Endless:
        """Sends spaces for ever; counts how many were taken."""

        taken = 0

        def read(self, size: int = -1) -> bytes:
            size = 65_536 if size < 0 else size
            self.taken += size
            return b" " * size

    stream = Endless()
    answer = api.put(
        "/pages/endless",
        headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": stream, "wsgi.input_terminated": True},
    )
    assert answer.status_code == 413, answer.text
    assert stream.taken < routes.TEXT_BYTES + 1_000_000


def test_i7_a_fault_tells_nothing_and_is_logged(
    farm: RestFarm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret-of-the-server")

    monkeypatch.setattr("otterwiki_engine.pages.service.PageService.read", broken)
    answer = farm.api("alice").get("/pages/Home")
    assert (answer.status_code, answer.json["code"]) == (500, "fault")
    assert "secret-of-the-server" not in answer.text
    assert "Traceback" not in answer.text
    assert "secret-of-the-server" in caplog.text


def test_refusals_of_the_front_door_have_the_same_shape(shared: RestFarm) -> None:
    anonymous = shared.api("alice", anonymous=True)
    for answer in (
        anonymous.get("/pages"),
        anonymous.put("/pages/x", {"content": "x"}, headers={"Origin": "https://evil.example"}),
        shared.api("alice", "rbt_junk").get("/pages"),
        shared.api("robert", anonymous=True).put(
            "/pages/x", {"content": "x"}, headers={"Origin": "http://robert.robot.localhost:8000"}
        ),
    ):
        assert answer.status_code in (401, 403)
        check_problem(answer)
    assert "WWW-Authenticate" in shared.api("alice", "rbt_junk").get("/pages").headers


def test_refusals_of_flask_and_the_engine_become_problems(shared: RestFarm) -> None:
    app = shared.app
    for content, kind, status, expected in (
        (b"<p>no", "text/html", 418, {"code": "refused", "detail": "I'm a Teapot"}),
        (b'{"error": "text"}', "application/json", 400, {"code": "refused"}),
        (b"[1]", "application/json", 500, {"code": "fault"}),
    ):  # fmt: skip
        with app.test_request_context("/api/v1/pages", base_url="http://x.test"):
            given = app.response_class(content, status, mimetype=kind)
            given.headers["X-Kept"] = "yes"
            found = foreign_refusals.as_problem(given)
            assert found.mimetype == "application/problem+json"
            assert found.headers["X-Kept"] == "yes"
            assert found.get_json() | expected == found.get_json()
    with app.test_request_context("/api/v1/pages", base_url="http://x.test"):
        from otterwiki_engine.limit_pages import limit_answer

        made = limit_answer(
            engine.QuotaExceeded("Much.", what="pages", limit=1, found=2, advice="Less.")
        )
        content = made.get_data()
        assert foreign_refusals.as_problem(made).get_data() == content
        assert made.get_json()["limit"] == 1
    with app.test_request_context("/Home", base_url="http://x.test"):
        page = app.response_class(b"<p>no", 404, mimetype="text/html")
        assert foreign_refusals.as_problem(page).get_data() == b"<p>no"


def test_no_answer_is_kept_by_a_cache_that_others_use(shared: RestFarm) -> None:
    api = shared.api("alice")
    document = api.get("/api/v1/openapi.json", prefix="")
    for answer in (api.get("/pages/Home"), api.get("/pages/none"), api.get("/links"), document):
        assert "private" in answer.headers["Cache-Control"]
        assert "no-store" in answer.headers["Cache-Control"]
        assert "Authorization" in answer.headers["Vary"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "Access-Control-Allow-Origin" not in answer.headers
