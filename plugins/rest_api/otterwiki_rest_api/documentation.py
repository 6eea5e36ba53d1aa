"""The API described for people, in the wiki's look: the table of routes as a page."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Response, make_response, render_template

from . import openapi
from .routes import PREFIX, ROUTES

TEMPLATE = "otterwiki_rest_api/documentation.html"


def page() -> Response:
    """The page, as HTML."""
    # Its module binds objects of Otterwiki that do not exist yet when this one is loaded.
    from otterwiki.sidebar import SidebarMenu, SidebarPageIndex

    html = render_template(
        TEMPLATE,
        title="API",
        groups=groups(),
        prefix=PREFIX,
        menutree=SidebarPageIndex("/").query(),
        custom_menu=SidebarMenu().query(),
    )
    return make_response(html)


@lru_cache(maxsize=1)
def groups() -> dict[str, list[dict[str, Any]]]:
    """What the page shows: operations by subject, each with parameters and fields of its body."""
    document = openapi.document()
    schemas = document["components"]["schemas"]
    found: dict[str, list[dict[str, Any]]] = {}
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        found.setdefault(route.group, []).append(
            {
                "name": route.name,
                "method": route.method,
                "path": PREFIX + route.path,
                "summary": route.summary,
                "notes": route.notes,
                "permission": route.permission.name.lower(),
                "parameters": [one for one in operation["parameters"] if one["in"] == "query"],
                "bodies": _bodies(operation, schemas),
            }
        )
    return found


def _bodies(operation: dict[str, Any], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of each kind of JSON body."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return []
    schema = content["schema"]
    refs = [one["$ref"] for one in schema.get("oneOf", [schema]) if "$ref" in one]
    return [
        {
            "fields": [
                {
                    "name": name,
                    "kind": _kind(shape),
                    "required": name in found.get("required", []),
                    "description": shape.get("description", ""),
                }
                for name, shape in found["properties"].items()
            ]
        }
        for found in (schemas[ref.rpartition("/")[2]] for ref in refs)
    ]


def _kind(shape: dict[str, Any]) -> str:
    """What a field holds, in a word or two."""
    if "const" in shape:
        return f'"{shape["const"]}"'
    if "anyOf" in shape:
        return " or ".join(_kind(one) for one in shape["anyOf"])
    if shape.get("contentEncoding"):
        return "base64"
    words = {"string": "text", "integer": "number", "boolean": "true or false", "array": "list"}
    return words.get(shape.get("type", ""), shape.get("type", "object"))
