"""Whether an answer is as the OpenAPI document of the management API says: the part of JSON Schema
that the document uses, no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from werkzeug.test import TestResponse

from otterwiki_robot.root.api_document import document

DOCUMENT = document("http://robot.localhost:8000")
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
    "object": (dict,),
    "array": (list,),
}


def complaints(answer: TestResponse) -> list[str]:
    """What of the answer is not as documented for its request; none is fine."""
    request = answer.request
    for template, operations in DOCUMENT["paths"].items():
        pattern = re.sub(r"\{[a-z_]+\}", "[^/]+", template)
        operation = operations.get(request.method.lower())
        if re.fullmatch(pattern, request.path) and operation:
            return _of_operation(operation, answer)
    return [f"{request.method} {request.path} is not in the document"]


def _of_operation(operation: dict[str, Any], answer: TestResponse) -> list[str]:
    found = operation["responses"].get(str(answer.status_code))
    if found is None:
        return [f"{answer.status_code} is not documented for {operation['operationId']}"]
    content = found["content"].get(answer.mimetype)
    if content is None:
        return [f"{answer.mimetype} is not documented for {operation['operationId']}"]
    return list(problems_of(answer.json, content["schema"], operation["operationId"]))


def problems_of(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    """What of a value is not as the schema says."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    allowed = tuple(kind for name in kinds for kind in _KINDS[name])
    if allowed and (
        not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)
    ):
        yield f"{where}: {value!r} is not {kinds}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if schema.get("format") == "date-time" and value is not None:
        datetime.fromisoformat(value)
    if isinstance(value, dict) and "properties" in schema:
        missing = set(schema["required"]) - set(value)
        unknown = set(value) - set(schema["properties"])
        if missing:
            yield f"{where}: {sorted(missing)} missing"
        if unknown and not schema["additionalProperties"]:
            yield f"{where}: {sorted(unknown)} unknown"
        for name in set(value) & set(schema["properties"]):
            yield from problems_of(value[name], schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list):
        for item in value:
            yield from problems_of(item, schema["items"], f"{where}[]")
