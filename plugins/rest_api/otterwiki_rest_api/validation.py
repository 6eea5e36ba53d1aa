"""From bytes and query strings to the models of the routes, or a refusal that says what to do.

JSON is UTF-8 (RFC 8259) without NaN, with every key of an object once, and not deeper than the
interpreter can follow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NoReturn

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from .refusals import Refused, bad_fields

#: Lists and objects in a body (or characters that begin them in its texts): they cost most memory.
MOST_BRACKETS = 500_000
_MOST_ERRORS = 20
_SENTENCES = {
    "missing": "it is missing",
    "string_type": "it has to be text",
    "int_type": "it has to be a whole number",
    "int_parsing": "it has to be a whole number",
    "int_from_float": "it has to be a whole number",
    "bool_type": "it has to be true or false",
    "bool_parsing": "it has to be true or false",
    "string_too_short": "it is too short; it needs {min_length} or more characters",
    "string_too_long": "it is too long; it may have {max_length} characters",
    "greater_than_equal": "it has to be {ge} or more",
    "less_than_equal": "it has to be {le} or less",
    "string_pattern_mismatch": "it is no revision: those have 4 to 64 characters of 0-9 and a-f",
    "string_unicode": "it is not valid Unicode",
    "too_long": "there are too many; {max_length} are taken at once",
    "too_short": "there have to be {min_length} or more",
    "list_type": "it has to be a list",
    "model_type": "it has to be an object",
    "model_attributes_type": "it has to be an object",
    "dict_type": "it has to be an object",
    "union_tag_invalid": "it is none of {expected_tags}",
    "union_tag_not_found": "it is missing; it says which change this is",
    "literal_error": "it has to be {expected}",
}


def parse_query(model: type[BaseModel], given: Iterable[tuple[str, str]]) -> BaseModel:
    """The query parameters `given` as a `model`; raises Refused (422)."""
    values: dict[str, str] = {}
    errors: list[dict[str, str]] = []
    for name, value in given:
        if name in values:
            errors.append({"in": "query", "field": name, "message": "it is there more than once"})
        values[name] = value
    if not errors:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            known = [field.alias or name for name, field in model.model_fields.items()]
            errors = _errors("query", error.errors(include_url=False, include_input=False), known)
    raise bad_fields(errors)


def parse_body(kind: Any, content: bytes) -> Any:
    """The JSON text `content` as a `kind` (a model, or a union of models).

    Raises Refused: 400 for what is no JSON, 422 for values that can't be meant.
    """
    found = _json(content)
    try:
        return _adapter(kind).validate_python(found, strict=True)
    except ValidationError as error:
        raise bad_fields(
            _errors("body", error.errors(include_url=False, include_input=False), None)
        ) from None


@lru_cache(maxsize=64)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


# ---------------------------------------------------------------------- JSON


def _json(content: bytes) -> Any:
    if content.count(b"[") + content.count(b"{") > MOST_BRACKETS:
        raise _not_json("it has too many lists and objects")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _not_json("it is not UTF-8") from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise _not_json(f"{error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise _not_json("its lists and objects are nested too deeply") from None
    except ValueError:  # a number of thousands of digits
        raise _not_json("it has a number that is too long") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _not_json(f"an object has the name {twice[:100]!a} more than once")
    return found


def _constant(name: str) -> NoReturn:
    raise _not_json(f"{name} is no number in JSON")


def _not_json(reason: str) -> Refused:
    return Refused(
        400, "bad_json", f"Nothing was done. The body is not the JSON it should be: {reason}."
    )


# ---------------------------------------------------------------------- sentences


def _errors(
    where: str, found: Sequence[ErrorDetails], known: list[str] | None
) -> list[dict[str, str]]:
    return [
        {"in": where, "field": _name(error), "message": _sentence(error, known)}
        for error in found[:_MOST_ERRORS]
    ]


def _name(error: ErrorDetails) -> str:
    """Where the value is, "changes.0.path"; tags of unions, which are no fields, are left out."""
    parts = [str(part) for part in error["loc"]]
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        parts.append("action")
    return ".".join(parts)


def _sentence(error: ErrorDetails, known: list[str] | None) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        there_are = f"; there are: {', '.join(known)}" if known else ""
        return "it is not known here" + (there_are if known != [] else "; there are no parameters")
    if kind == "value_error":
        return str(context["error"])
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**context)
    return error["msg"][:1].lower() + error["msg"][1:]
