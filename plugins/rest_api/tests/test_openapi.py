"""The OpenAPI document and the page for people say what the table of routes says."""

from __future__ import annotations

import json
import re

import jsonschema_rs
import pytest

from otterwiki_rest_api import openapi
from otterwiki_rest_api.addresses import rule_of
from otterwiki_rest_api.routes import ACTIONS, PREFIX, ROUTES
from otterwiki_rest_api.web import VERBS

from .rest_clients import Api, RestFarm


@pytest.fixture
def api(shared: RestFarm) -> Api:
    return shared.api("alice")


def test_the_document_is_served_as_json(api: Api) -> None:
    answer = api.get("/api/v1/openapi.json", prefix="")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    found = answer.json
    assert found == openapi.document()
    assert found["openapi"] == "3.1.0"
    assert set(found["paths"]) == {route.path for route in ROUTES}
    for route in ROUTES:
        operation = found["paths"][route.path][route.method.lower()]
        assert operation["operationId"] == route.name
        assert operation["summary"]
        for parameter in operation["parameters"]:
            assert parameter["description"], (route.name, parameter["name"])
    names = [route.name for route in ROUTES]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere() -> None:
    document = openapi.document()
    text = json.dumps(document)
    for reference in set(re.findall(r'"#/([^"]+)"', text)):
        place = document
        for part in reference.split("/"):
            place = place[part]
    used = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert set(document["components"]["schemas"]) == used, "schemas nothing refers to"
    assert set(document["components"]["responses"]) - {"405"} == {
        str(status) for route in ROUTES for status in route.statuses
    }


def test_schemas_are_schemas() -> None:
    document = openapi.document()
    for name, schema in document["components"]["schemas"].items():
        whole = {**schema, "components": document["components"]}
        assert jsonschema_rs.meta.is_valid(whole), name
        jsonschema_rs.Draft202012Validator(whole)


def test_flask_has_the_routes_of_the_table_and_no_others(shared: RestFarm) -> None:
    served: dict[str, set[str]] = {}
    for rule in shared.app.url_map.iter_rules():
        if rule.rule.startswith(PREFIX) and not rule.endpoint.endswith(".nowhere"):
            served.setdefault(rule.rule, set()).update(VERBS & (rule.methods or set()))
    expected: dict[str, set[str]] = {f"{PREFIX}/": {"GET"}, f"{PREFIX}/openapi.json": {"GET"}}
    for route in ROUTES:
        expected.setdefault(rule_of(route.path), set()).add(route.method)
    assert served == expected


def test_what_follows_a_pages_path_can_not_be_a_pages_name() -> None:
    from otterwiki_engine.pagenames import LAST_PARTS

    assert {action for action in ACTIONS if "/" not in action} <= LAST_PARTS
    # Below "attachments" there are names of files; a page there is named with its ".md".
    assert {action for action in ACTIONS if "/" in action} == {
        "attachments/{filename}", "attachments/{filename}/raw",
    }  # fmt: skip


def test_the_page_for_people_shows_every_operation_and_runs_nothing(api: Api) -> None:
    answer = api.get("/api/v1/", prefix="")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    for route in ROUTES:
        assert route.summary in answer.text
        assert f"{PREFIX}{route.path}" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)
    assert nonce is not None
    for script in re.findall(r"<script\b[^>]*>", answer.text):
        assert f'nonce="{nonce[1]}"' in script
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", answer.text)
    assert not re.findall(r'\bsrc="(?:https?:)?//', answer.text)
    moved = api.get("/api/v1", prefix="")
    assert moved.status_code == 308
    assert moved.headers["Location"].endswith("/api/v1/")
