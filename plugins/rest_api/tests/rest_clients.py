"""Programs that use the API, each of whose answers is compared with the OpenAPI document."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import jsonschema_rs
from werkzeug.datastructures import Headers
from werkzeug.test import Client, TestResponse

from otterwiki_rest_api import openapi
from otterwiki_tenant.testing import SmallFarm, base_url

PROBLEM = "application/problem+json"
_MEMBERS = {"type", "title", "status", "detail", "error", "code"}


class RestFarm(SmallFarm):
    """Two wikis, and a program for each of them."""

    def api(self, wiki: str, token: str | None = None, *, anonymous: bool = False) -> Api:
        """A program that asks `wiki` with `token`, by default the wiki's first one."""
        return Api(self, wiki, None if anonymous else token or self.tokens[wiki])


class Api:
    """One program: sends JSON, and looks at whether each answer is a documented one."""

    def __init__(self, farm: SmallFarm, wiki: str, token: str | None) -> None:
        self.wiki = wiki
        self.token = token
        self._client = Client(farm.front_door, use_cookies=False)

    def send(
        self, method: str, path: str, body: Any = None, *, prefix: str = "/api/v1", **options: Any
    ) -> TestResponse:
        """One request. `body` goes as JSON; `options` are Werkzeug's, `headers` among them."""
        headers = Headers(options.pop("headers", None))
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None:
            options["data"] = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        answer = self._client.open(
            prefix + path, method=method, base_url=base_url(self.wiki), headers=headers, **options
        )
        if prefix and method != "OPTIONS":
            check_documented(method, path, answer)
        return answer

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.send("GET", path, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.send("PUT", path, body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> TestResponse:
        return self.send("PATCH", path, body, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.send("POST", path, body, **options)

    def delete(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.send("DELETE", path, body, **options)

    def make(self, path: str, content: str) -> str:
        """Create a page; returns its revision."""
        answer = self.put(f"/pages/{path}", {"content": content})
        assert answer.status_code == 201, answer.text
        return str(answer.json["revision"])

    def text(self, path: str) -> str:
        """A page's content."""
        answer = self.get(f"/pages/{path}")
        assert answer.status_code == 200, answer.text
        return str(answer.json["content"])


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    return openapi.document()


@lru_cache(maxsize=1)
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Patterns of the document's addresses, the most special first."""
    found = []
    for path, operations in _document()["paths"].items():
        pattern = (
            re.escape(path).replace(r"\{page\}", ".+").replace(r"\{filename\}", r"[^/]+(?<!\.md)")
        )
        found.append((re.compile(pattern, re.DOTALL), operations))
    return sorted(found, key=lambda pair: (-pair[0].pattern.count("/"), -len(pair[0].pattern)))


@lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    whole = {**json.loads(schema), "components": _document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole)


def check_documented(method: str, path: str, answer: TestResponse) -> None:
    """Fail unless the document has this answer: status, media type, schema."""
    address = path.partition("?")[0]
    operations = next((found for pattern, found in _paths() if pattern.fullmatch(address)), {})
    operation = operations.get(("GET" if method == "HEAD" else method).lower())
    shown = f"{method} {path}: {answer.status_code} {answer.mimetype} {answer.get_data()[:300]!r}"
    if answer.status_code >= 400:
        check_problem(answer)
    if operation is None:
        assert answer.status_code in (401, 403, 404, 405), shown
        return
    status = str(answer.status_code)
    assert status in operation["responses"], f"undocumented {shown}"
    response = operation["responses"][status]
    if "$ref" in response:
        response = _document()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    content = response.get("content", {})
    if method == "HEAD" or answer.status_code == 304:
        assert answer.get_data() == b"", shown
        return
    if "*/*" in content:
        return
    assert answer.mimetype in content, f"undocumented {shown}"
    errors = list(
        _validator(json.dumps(content[answer.mimetype]["schema"])).iter_errors(answer.json)
    )
    assert not errors, f"{shown}: {[error.message for error in errors][:5]}"


def check_problem(answer: TestResponse) -> dict[str, Any]:
    """The problem document that a refusal is; `error` and `detail` say the same."""
    if answer.request is not None and answer.request.method == "HEAD":
        return {}
    assert answer.mimetype == PROBLEM, (answer.status_code, answer.mimetype, answer.text[:300])
    found: dict[str, Any] = answer.get_json(force=True)
    assert found.keys() >= _MEMBERS, found
    assert found["status"] == answer.status_code
    assert found["detail"] == found["error"]
    assert len(found["detail"]) > 10, found
    return found
