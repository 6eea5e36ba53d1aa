"""The OpenAPI document names the routes there are, and nothing that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from otterwiki_robot.installation import Installation
from otterwiki_robot.root import api_document
from otterwiki_robot.root.routes import ROUTES, Who

from .openapi_check import DOCUMENT, problems_of
from .root_visitor import RootVisitor, make_app

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def app(installation: Installation) -> Flask:
    return make_app(installation)


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in operations:
                yield method.upper(), path, operations[method]


def test_it_names_exactly_the_routes_of_the_api(app: Flask) -> None:
    routes = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), rule.endpoint)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert len(routes) == 14
    documented = {
        (method, path, f"api.{operation['operationId']}")
        for method, path, operation in _operations()
    }
    assert documented == routes
    below = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api")}
    assert below == set(DOCUMENT["paths"]) or below == {
        re.sub(r"\{slug\}", "<slug:slug>", path)
        .replace("{person}", "<person:person>")
        .replace("{token_id}", "<token_id:token_id>")
        for path in DOCUMENT["paths"]
    }


def test_it_asks_for_the_guards_where_the_table_asks_for_a_person() -> None:
    for method, path, operation in _operations():
        who = ROUTES[f"api.{operation['operationId']}"].needs(method)
        security = operation.get("security", DOCUMENT["security"])
        if who is Who.ANYONE:
            assert security == [], path
            continue
        wanted = {"cookie"} if method == "GET" else {"cookie", "csrf"}
        assert [set(item) for item in security] == [wanted], path
        refusals = {"401", "503"} | ({"403"} if method != "GET" or who is Who.OWNER else set())
        assert refusals <= set(operation["responses"]), path


def test_it_is_whole() -> None:
    """Every reference leads somewhere, every schema is used, every path parameter is described."""
    text = json.dumps(DOCUMENT)
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named == set(DOCUMENT["components"]["schemas"])
    for path, operations in DOCUMENT["paths"].items():
        described = {item["name"] for item in operations.get("parameters", [])}
        assert described == set(re.findall(r"\{(\w+)\}", path))
    ids = [operation["operationId"] for _, _, operation in _operations()]
    assert len(set(ids)) == len(ids)
    for _, _, operation in _operations():
        assert operation["summary"].endswith(".")
        for status, answer in operation["responses"].items():
            assert answer["description"].endswith("."), status
            (media_type,) = answer["content"]
            is_refusal = int(status) >= 400
            assert media_type.startswith("application/problem") == is_refusal


def test_it_is_served_to_anyone_and_says_where_the_farm_is(
    visit: Callable[..., RootVisitor],
) -> None:
    answer = visit().get("/api/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json == json.loads(json.dumps(DOCUMENT))
    assert answer.json is not None
    assert answer.json["openapi"] == "3.1.0"
    assert answer.json["servers"] == [{"url": "http://robot.localhost:8000"}]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"did": "x"}, "RemovedMember"),
        ({"did": "x", "removed": 1}, "RemovedMember"),
        ({"did": "x", "removed": True, "more": 1}, "RemovedMember"),
        ({"wikis": [{}], "total": 1}, "Wikis"),
        ({"members": [], "total": "0"}, "Members"),
        ({"members": [], "total": True}, "Members"),
    ],
)
def test_the_check_of_answers_notices_what_is_wrong(value: Any, schema: str) -> None:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    assert list(problems_of(value, reference, "x"))
    right = {"did": "x", "removed": True}
    assert not list(problems_of(right, {"$ref": "#/components/schemas/RemovedMember"}, "x"))


def test_the_limits_it_names_are_those_of_the_code() -> None:
    new_token = api_document.document("x")["components"]["schemas"]["NewToken"]["properties"]
    assert new_token["expires_in_days"]["maximum"] == 3650
    assert new_token["name"]["maxLength"] == 60
