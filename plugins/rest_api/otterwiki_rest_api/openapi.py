"""The API described for programs: OpenAPI 3.1, made from the table of routes.

Schemas are JSON Schema 2020-12, as pydantic writes it and OpenAPI 3.1 takes it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from otterwiki_engine.problems import MEDIA_TYPE

from . import __version__
from .answers import Problem
from .calls import Upload
from .routes import PREFIX, ROUTES, Route

_REF = "#/components/schemas/{model}"
_DESCRIPTION = """\
Everything people and agents do with the pages of this wiki, in one commit each.

A change says which revision it is based on, in the body or as `If-Match`; if the page has changed
since, nothing is written and the refusal carries the current revision and the diff. Adding text to
a page (append, prepend, insert) needs no revision. Every refusal is a problem document (RFC 9457).
Lists are read on with `next_cursor`.
"""
_REFUSALS = {
    400: "Not understood: no JSON, or a change by a browser without the wiki's form token.",
    401: "Nobody knows who asks: a token is missing or not valid here.",
    403: "Whoever asks may not do that.",
    404: "There is no such page, section, attachment or revision.",
    405: "The address has other methods.",
    409: "What the change is based on is not what is there now; `current_revision` and `diff` say"
    " what is.",
    412: "The same, where a header said what it is based on.",
    413: "Larger than the wiki takes; `limit` and `advice` say more.",
    415: "Not the media type that is taken here.",
    416: "The file does not have that range of bytes.",
    422: "A value can't be what it should be; `errors` names each.",
    429: "Too many requests (`Retry-After` says when to go on), or a limit of things is reached.",
    500: "A fault of the server.",
    503: "It can't be done right now; `Retry-After` says when to try again.",
}
_PARAMETERS = {
    "page": ("The page's path, slashes included, with %-escapes; `.md` at its end is fine.", "a/b"),
    "filename": ("The attachment's name.", "picture.png"),
}


@lru_cache(maxsize=1)
def as_json() -> bytes:
    """The document as UTF-8 JSON; the same for every wiki."""
    return json.dumps(document(), ensure_ascii=False).encode("utf-8")


def document() -> dict[str, Any]:
    """The document as a JSON object."""
    bodies, models = _models()
    sent, schemas = _schemas(bodies, models)
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, sent)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wiki API",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": PREFIX}],
        "tags": [{"name": name} for name in dict.fromkeys(route.group for route in ROUTES)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                str(status): {
                    "description": text,
                    "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
                    **_refusal_headers(status),
                }
                for status, text in _REFUSALS.items()
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of this wiki. Public wikis are read without.",
                }
            },
        },
    }


# ---------------------------------------------------------------------- schemas


def _models() -> tuple[list[Any], list[type[BaseModel]]]:
    """Kinds of bodies, and models of answers, each once."""
    bodies = [route.body for route in ROUTES if route.body not in (None, Upload)]
    models: list[type[BaseModel]] = [Problem]
    for route in ROUTES:
        for kind in route.answers.values():
            models += [] if kind is None else _members(kind)
    return bodies, list(dict.fromkeys(models))


def _members(kind: Any) -> list[type[BaseModel]]:
    """The models of a union, or the one model that it is."""
    return list(getattr(kind, "__args__", None) or [kind])


def _schemas(
    bodies: list[Any], models: list[type[BaseModel]]
) -> tuple[dict[int, Any], dict[str, Any]]:
    """Schemas of `bodies`, by the object's id, and all named ones."""
    sent, from_bodies = TypeAdapter.json_schemas(
        [(id(body), "validation", TypeAdapter(body)) for body in bodies], ref_template=_REF
    )
    _, from_models = models_json_schema(
        [(model, "serialization") for model in models], ref_template=_REF
    )
    named = {**from_bodies.get("$defs", {}), **from_models.get("$defs", {})}
    return {key: schema for (key, _), schema in sent.items()}, dict(sorted(named.items()))


# ---------------------------------------------------------------------- operations


def _operation(route: Route, sent: dict[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.group],
        "summary": route.summary,
        "description": " ".join(
            filter(None, (route.notes, f"Asks for the right to {route.permission.name.lower()}."))
        ),
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_headers(route)],
        "responses": _responses(route),
        "security": [{"token": []}] if not route.is_reading else [{}, {"token": []}],
    }
    if route.body is Upload:
        operation["requestBody"] = {
            "required": True,
            "description": "The file's bytes.",
            "content": {"application/octet-stream": {}, "image/png": {}, "application/pdf": {}},
        }
    elif route.body is not None:
        operation["requestBody"] = {
            "required": not route.body_is_optional,
            "content": {"application/json": {"schema": sent[id(route.body)]}},
        }
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": description,
            "schema": {"type": "string", "minLength": 1},
            "example": example,
        }
        for name, (description, example) in _PARAMETERS.items()
        if f"{{{name}}}" in route.path
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    schema = route.query.model_json_schema()
    found = []
    for name, given in schema.get("properties", {}).items():
        # A parameter that is left out is not there; it can't be null.
        shape = next((one for one in given.get("anyOf", []) if one != {"type": "null"}), given)
        shape = {key: value for key, value in {**given, **shape}.items() if key != "anyOf"} | (
            {"anyOf": shape["anyOf"]} if shape is not given and "anyOf" in shape else {}
        )
        description = shape.pop("description", None)
        shape.pop("title", None)
        if shape.get("default") is None:
            shape.pop("default", None)
        found.append(
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", []),
                **({"description": description} if description else {}),
                "schema": shape,
            }
        )
    return found


def _headers(route: Route) -> list[dict[str, Any]]:
    found = []
    if route.has_etag:
        found.append(("If-None-Match", "An ETag of an earlier answer: 304 if it is still that."))
    if route.takes_base:
        found.append(("If-Match", "An ETag of the page, or its revision in quotation marks."))
    if route.name == "put_page":
        found.append(("If-None-Match", "`*`: create only."))
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": description,
            "schema": {"type": "string"},
        }
        for name, description in found
    ]


def _responses(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, kind in route.answers.items():
        found[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": _content(kind),
            **(_ETAG if route.has_etag else {}),
        }
        if kind is None:
            found["206"] = {"description": "A part of the file.", "content": _content(None)}
    if route.has_etag:
        found["304"] = {"description": "It is still what If-None-Match names.", **_ETAG}
    for status in route.statuses:
        found[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return found


_ETAG = {
    "headers": {
        "ETag": {
            "description": "Names this version; good for If-Match and If-None-Match.",
            "schema": {"type": "string"},
        }
    }
}


def _content(kind: Any) -> dict[str, Any]:
    if kind is None:
        return {"*/*": {"schema": {}}}
    refs = [{"$ref": _REF.format(model=model.__name__)} for model in _members(kind)]
    return {"application/json": {"schema": refs[0] if len(refs) == 1 else {"oneOf": refs}}}


def _refusal_headers(status: int) -> dict[str, Any]:
    if status not in (429, 503):
        return {}
    return {
        "headers": {
            "Retry-After": {
                "description": "Seconds to wait; not there where waiting does not help.",
                "schema": {"type": "integer"},
            }
        }
    }
