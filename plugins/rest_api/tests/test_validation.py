"""Requests that can't be meant: which value is wrong, and what to do, before anything is done."""

from __future__ import annotations

import json

import pytest

from .rest_clients import Api, RestFarm


@pytest.fixture
def api(shared: RestFarm) -> Api:
    return shared.api("alice")


def sent(api: Api, content: bytes, **headers: str) -> tuple[int, dict[str, object]]:
    """The answer to a PUT of these very bytes; nothing may come of a refused one."""
    kind = {"Content-Type": "application/json", **headers}
    answer = api.put("/pages/never-made", data=content, headers=kind)
    assert answer.status_code in (400, 413, 415, 422), answer.text
    assert api.get("/pages/never-made").status_code == 404
    return answer.status_code, dict(answer.json)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "line 1, column 2"),
        (b'{"content": "x"', "Expecting"),
        (b"{'content': 'x'}", "double quotes"),
        (b'{"content": "x"} more', "Extra data"),
        (b'{"content": NaN}', "NaN is no number"),
        (b'{"content": "x", "revision": -Infinity}', "-Infinity is no number"),
        (b'{"content": "a", "content": "b"}', "more than once"),
        (b'\xef\xbb\xbf{"content": "x"}', "BOM"),
        ('{"content": "ä"}'.encode("latin-1"), "UTF-8"),
        ('{"content": "x"}'.encode("utf-16"), "UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, "nested"),
        (b'{"content": ' * 2_000 + b"1" + b"}" * 2_000, "nested"),
        (b"[" + b"[]," * 600_000 + b"[]]", "too many lists"),
        (b'{"revision": ' + b"9" * 5_000 + b"}", "too long"),
    ],
)
def test_what_is_no_json_says_why(api: Api, content: bytes, reason: str) -> None:
    status, problem = sent(api, content)
    assert (status, problem["code"]) == (400, "bad_json")
    assert reason in str(problem["detail"])


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "content", "missing"),
        ({"content": None}, "content", "text"),
        ({"content": 5}, "content", "text"),
        ({"content": ["x"]}, "content", "text"),
        ({"content": "x", "revision": 5}, "revision", "text"),
        ({"content": "x", "revision": "abc"}, "revision", "no revision"),
        ({"content": "x", "revision": "--output=x"}, "revision", "no revision"),
        ({"content": "x", "revision": "abcd\n"}, "revision", "no revision"),
        ({"content": "x", "revision": "a" * 65}, "revision", "no revision"),
        ({"content": "x", "commit_message": "m" * 10_001}, "commit_message", "10000"),
        ({"content": "x", "comit_message": "m"}, "comit_message", "not known"),
        ([], "", "object"),
        ("text", "", "object"),
        (None, "", "object"),
    ],
)
def test_a_bad_value_is_named(api: Api, body: object, field: str, message: str) -> None:
    status, problem = sent(api, json.dumps(body).encode())
    assert (status, problem["code"]) == (422, "bad_value")
    (error,) = problem["errors"]  # type: ignore[misc]
    assert (error["in"], error["field"]) == ("body", field)
    assert message in error["message"]
    assert message in str(problem["detail"])


def test_all_bad_values_are_named_at_once(api: Api) -> None:
    _, problem = sent(api, b'{"content": 1, "revision": 2, "x": 3}')
    assert {error["field"] for error in problem["errors"]} == {  # type: ignore[union-attr]
        "content", "revision", "x",
    }  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), [("a\x00b", "NUL"), ("a\ud800b", "not Unicode")])
def test_what_no_page_can_hold_is_refused(api: Api, content: str, reason: str) -> None:
    status, problem = sent(api, json.dumps({"content": content}).encode())
    assert (status, problem["code"]) == (422, "not_text")
    assert reason in str(problem["detail"])


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]
)
def test_another_media_type_is_415(api: Api, kind: str) -> None:
    status, problem = sent(api, b'{"content": "x"}', **{"Content-Type": kind})
    assert (status, problem["code"]) == (415, "media_type")
    assert "application/json" in str(problem["detail"])


def test_json_may_name_its_charset(api: Api) -> None:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    answer = api.put("/pages/charset", data=b'{"content": "x"}', headers=kind)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/pages?limit=0", "limit"),
        ("/pages?limit=1001", "limit"),
        ("/pages?limit=ten", "limit"),
        ("/pages?limit=1e3", "limit"),
        ("/pages?limit=5&limit=6", "limit"),
        ("/pages?updated_since=yesterday", "updated_since"),
        ("/pages?updated_since=0001-01-01", "updated_since"),
        ("/pages?updated_since=1700000000", "updated_since"),
        ("/pages?cursor=junk", "cursor"),
        ("/pages?cursor=", "cursor"),
        ("/pages?prefx=a", "prefx"),
        ("/pages?tag=%00", "tag"),
        ("/search", "q"),
        ("/search?q=", "q"),
        ("/search?q=a&limit=201", "limit"),
        ("/search?q=a&mode=telepathy", "mode"),
        ("/search?q=a&cursor=zzz", "cursor"),
        ("/changelog?since=2026-99-99", "since"),
        ("/changelog?cursor=zzz", "cursor"),
        ("/diff/Home", "from"),
        ("/outline?depth=0", "depth"),
        ("/links?x=1", "x"),
        ("/orphans?cursor=zzz", "cursor"),
        ("/broken-links?limit=no", "limit"),
        ("/pages/Home/history?limit=-1", "limit"),
        ("/pages/Home/attachments?cursor=1", "cursor"),
        ("/pages/Home?section=", "section"),
        ("/health?verbose=1", "verbose"),
    ],
)
def test_a_bad_parameter_is_named(api: Api, address: str, field: str) -> None:
    answer = api.get(address)
    assert answer.status_code == 422, answer.text
    assert field in {error["field"] for error in answer.json["errors"]}
    assert field in answer.json["detail"]


@pytest.mark.parametrize(
    "revision", ["-", "--output=x", ":(", "@{u}", "HEAD~1", "abc", "x" * 40, "a" * 65, "main"]
)
def test_f1_what_is_no_revision_is_not_there(api: Api, revision: str) -> None:
    for address in ("/pages/Home?revision=", "/outline/Home?revision=", "/diff/Home?from="):
        answer = api.get(address + revision)
        assert answer.status_code == 404, (address, answer.text)
    restored = api.post("/restore/Home", {"from_revision": revision})
    assert (restored.status_code, restored.json["errors"][0]["field"]) == (422, "from_revision")


def test_an_unknown_revision_is_not_there(api: Api) -> None:
    for address in ("/pages/Home?revision=", "/diff/Home?from=", "/changelog?since="):
        assert api.get(address + "0" * 40).status_code == 404
    assert api.post("/restore/Home", {"from_revision": "0" * 40}).status_code == 404
