"""The OpenAPI 3.1 document of the management API, kept by hand beside the routes it describes.

A test fails when it names another set of routes than :mod:`.routes` does, or when an answer of the
API is not as it says.
"""

from __future__ import annotations

from typing import Any

from otterwiki_engine.problems import MEDIA_TYPE
from otterwiki_robot import __version__
from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.names import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_DISPLAY_NAME_CHARACTERS,
    MAX_TOKEN_NAME_CHARACTERS,
)
from otterwiki_tenant.wiki_tokens import MAX_LIFETIME_DAYS

from .guards import CSRF_HEADER

Schema = dict[str, Any]
_INTRODUCTION = f"""\
What the account pages do, for programs of the person who is signed in.

Send the cookie `{COOKIE_NAME}`. What changes something must also come from this very origin
(`Origin` or `Sec-Fetch-Site: same-origin`) and repeat, in the header `{CSRF_HEADER}`, the
`csrf_token` that `GET /api/me` answers. A wiki's tokens open that wiki and nothing here: with an
`Authorization` header the answer is 401.

Every refusal is a problem (RFC 9457); its `detail` is a sentence for a person, repeated as `error`.
"""
_TEXT: Schema = {"type": "string"}
_NULLABLE: Schema = {"type": ["string", "null"]}
_WHOLE: Schema = {"type": "integer"}
_FLAG: Schema = {"type": "boolean"}
_ROLE: Schema = {"type": "string", "enum": ["owner", "editor", "viewer"]}
_GIVEN_ROLE: Schema = {"type": "string", "enum": ["editor", "viewer"]}
_NAME: Schema = {"type": "string", "maxLength": MAX_DISPLAY_NAME_CHARACTERS}
_DESCRIPTION: Schema = {"type": "string", "maxLength": MAX_DESCRIPTION_CHARACTERS}
_TIME: Schema = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": sorted(required),
        "additionalProperties": False,
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list_of(name: str, schema: str) -> Schema:
    return _object({name: {"type": "array", "items": _ref(schema)}, "total": _WHOLE})


_PROBLEM: dict[str, Schema] = {
    "type": _TEXT,
    "title": _TEXT,
    "status": _WHOLE,
    "detail": _TEXT,
    "error": _TEXT,
}
_WIKI: dict[str, Schema] = {
    "slug": _TEXT,
    "name": _TEXT,
    "owner_did": _TEXT,
    "description": _TEXT,
    "public": _FLAG,
    "listed": _FLAG,
    "suspended_at": _MAYBE_TIME,
    "max_pages": _WHOLE,
    "pages": _WHOLE,
    "created_at": _TIME,
    "url": _TEXT,
    "role": _ROLE,
}
_TOKEN: dict[str, Schema] = {
    "id": _TEXT,
    "slug": _TEXT,
    "name": _TEXT,
    "role": _GIVEN_ROLE,
    "effective_role": {"type": ["string", "null"], "enum": ["editor", "viewer", None]},
    "state": {"type": "string", "enum": ["active", "expired", "revoked"]},
    "maker_did": _TEXT,
    "maker_handle": _TEXT,
    "created_at": _TIME,
    "expires_at": _MAYBE_TIME,
    "last_used_at": _MAYBE_TIME,
    "revoked_at": _MAYBE_TIME,
}
_SECRET: dict[str, Schema] = {
    "token": {"type": "string", "description": "The token itself, answered this once."}
}
_SCHEMAS: dict[str, Schema] = {
    "Problem": {**_object(_PROBLEM, {"code": _TEXT}), "additionalProperties": True},
    "Me": _object(
        {
            "did": _TEXT,
            "handle": _TEXT,
            "username": _TEXT,
            "display_name": _NULLABLE,
            "created_at": _TIME,
            "wikis": _WHOLE,
            "max_wikis": _WHOLE,
            "csrf_token": _TEXT,
        }
    ),
    "Wiki": _object(_WIKI),
    "MadeWiki": _object({**_WIKI, **_SECRET}),
    "Wikis": _list_of("wikis", "Wiki"),
    "DeletedWiki": _object({"slug": _TEXT, "deleted": _FLAG}),
    "Member": _object(
        {
            "did": _TEXT,
            "handle": _TEXT,
            "display_name": _NULLABLE,
            "role": _ROLE,
            "granted_at": _TIME,
        }
    ),
    "Members": _list_of("members", "Member"),
    "RemovedMember": _object({"did": _TEXT, "removed": _FLAG}),
    "Token": _object(_TOKEN),
    "MadeToken": _object({**_TOKEN, **_SECRET}),
    "Tokens": _list_of("tokens", "Token"),
    "RevokedToken": _object({"id": _TEXT, "revoked": _FLAG}),
    "NewWiki": _object(
        {}, {"slug": _TEXT, "name": _NAME, "description": _DESCRIPTION, "public": _FLAG}
    ),
    "WikiChange": _object(
        {},
        {
            "name": _NAME,
            "description": _DESCRIPTION,
            "public": {**_FLAG, "description": "true opens the whole history to everybody."},
            "listed": _FLAG,
        },
    ),
    "MemberChange": _object({"role": _GIVEN_ROLE}),
    "NewToken": _object(
        {
            "name": {"type": "string", "minLength": 1, "maxLength": MAX_TOKEN_NAME_CHARACTERS},
            "role": _GIVEN_ROLE,
        },
        {"expires_in_days": {"type": "integer", "minimum": 1, "maximum": MAX_LIFETIME_DAYS}},
    ),
}
_WHY = {
    400: "The body is not JSON.",
    401: "Nobody is signed in, or an Authorization header was sent.",
    403: "Not allowed: not from this origin, without the CSRF token, or not the owner's to do.",
    404: "There is nothing of that name for whoever asks.",
    409: "Not possible as things are: a limit is reached, a name is taken.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "A value can't be used; the detail says which and why.",
    429: "More than anybody may do in a while; Retry-After says how long to wait.",
    503: "It can't be answered right now.",
}
_SLUG = {"name": "slug", "in": "path", "required": True, "schema": _TEXT}
_PERSON = {
    "name": "person",
    "in": "path",
    "required": True,
    "description": "A handle or a DID.",
    "schema": _TEXT,
}
_TOKEN_ID = {"name": "token_id", "in": "path", "required": True, "schema": _TEXT}
_CONFIRM = {
    "name": "confirm",
    "in": "query",
    "required": True,
    "description": "The wiki's address once more.",
    "schema": _TEXT,
}


def _operation(
    summary: str,
    operation_id: str,
    schema: str,
    *,
    status: int = 200,
    takes: str | None = None,
    also: dict[int, str] | None = None,
    refused: tuple[int, ...] = (),
    changes: bool = False,
    parameters: tuple[Schema, ...] = (),
) -> Schema:
    """One operation; `also` are further statuses of success, `refused` those of refusal besides 401
    and 503, and what `takes` (a body) and `changes` bring with them."""
    statuses = {401, 503, *refused}
    statuses |= {403} if changes else set()
    statuses |= {400, 413, 415, 422} if takes else set()
    content = {"application/json": {"schema": _ref(schema)}}
    answers: dict[str, Schema] = {
        str(code): {"description": words, "content": content}
        for code, words in {status: summary, **(also or {})}.items()
    }
    for code in sorted(statuses):
        problem = {MEDIA_TYPE: {"schema": _ref("Problem")}}
        answers[str(code)] = {"description": _WHY[code], "content": problem}
    found: Schema = {"summary": summary, "operationId": operation_id, "responses": answers}
    if parameters:
        found["parameters"] = list(parameters)
    if takes:
        body = {"application/json": {"schema": _ref(takes)}}
        found["requestBody"] = {"required": True, "content": body}
    if changes:
        found["security"] = [{"cookie": [], "csrf": []}]
    return found


_PATHS: dict[str, dict[str, Any]] = {
    "/api/me": {"get": _operation("Who is signed in.", "me", "Me")},
    "/api/wikis": {
        "get": _operation("One's own wikis, and those shared with one.", "wikis", "Wikis"),
        "post": _operation(
            "A new wiki, with its first token.", "create_wiki", "MadeWiki",
            status=201, takes="NewWiki", refused=(409,), changes=True,
        ),
    },
    "/api/wikis/{slug}": {
        "parameters": [_SLUG],
        "get": _operation("The wiki.", "wiki", "Wiki", refused=(404,)),
        "patch": _operation(
            "The wiki as it is now; what is not sent stays.", "change_wiki", "Wiki",
            takes="WikiChange", refused=(404, 409), changes=True,
        ),
        "delete": _operation(
            "The wiki is deleted, with its history, members and tokens.", "delete_wiki",
            "DeletedWiki", refused=(404, 422), changes=True, parameters=(_CONFIRM,),
        ),
    },
    "/api/wikis/{slug}/members": {
        "parameters": [_SLUG],
        "get": _operation("Everybody with a role.", "members", "Members", refused=(404,)),
    },
    "/api/wikis/{slug}/members/{person}": {
        "parameters": [_SLUG, _PERSON],
        "put": _operation(
            "The role is changed.", "set_member", "Member", takes="MemberChange",
            also={201: "The person is a collaborator now."}, refused=(404, 409), changes=True,
        ),
        "delete": _operation(
            "The person has no role any more.", "remove_member", "RemovedMember",
            refused=(404, 409), changes=True,
        ),
    },
    "/api/wikis/{slug}/tokens": {
        "parameters": [_SLUG],
        "get": _operation(
            "The wiki's tokens, without their secrets.", "tokens", "Tokens", refused=(403, 404)
        ),
        "post": _operation(
            "A new token.", "create_token", "MadeToken",
            status=201, takes="NewToken", refused=(404, 409, 429), changes=True,
        ),
    },
    "/api/wikis/{slug}/tokens/{token_id}": {
        "parameters": [_SLUG, _TOKEN_ID],
        "delete": _operation(
            "The token is revoked.", "revoke_token", "RevokedToken", refused=(404,), changes=True
        ),
    },
    "/api/wikis/{slug}/tokens/{token_id}/replace": {
        "parameters": [_SLUG, _TOKEN_ID],
        "post": _operation(
            "The token is revoked; a new one has its name, role and lifetime.", "replace_token",
            "MadeToken", status=201, refused=(404, 409, 429), changes=True,
        ),
    },
    "/api/openapi.json": {
        "get": {
            "summary": "This document.",
            "operationId": "document",
            "security": [],
            "responses": {
                "200": {
                    "description": "This document.",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                }
            },
        }
    },
}  # fmt: skip


def document(root_url: str) -> dict[str, Any]:
    """The document of the farm whose root host is at `root_url`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Management of wikis",
            "version": __version__,
            "description": _INTRODUCTION,
        },
        "servers": [{"url": root_url}],
        "security": [{"cookie": []}],
        "paths": _PATHS,
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE_NAME},
                "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
            },
        },
    }
