"""Every refusal of the root host in one place: which error is which page and which JSON."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, redirect
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from otterwiki_tenant.errors import (
    FarmBusy,
    Forbidden,
    LifetimeRefused,
    LimitReached,
    NameRefused,
    NoSuchCollaborator,
    NoSuchToken,
    NoSuchUser,
    NoSuchWiki,
    NotPublic,
    RegistryConflict,
    RoleRefused,
    TenantError,
    TextRefused,
    Unavailable,
    WikiExists,
)

from .chosen_wiki import NoWikiYet, OwnerOnly
from .messages import refusal
from .sentences import sentence

_log = logging.getLogger(__name__)
#: Refusals that a page did not answer itself, beside the field; their texts are for people.
_CONFLICTS = (
    LifetimeRefused,
    LimitReached,
    NameRefused,
    NoSuchCollaborator,
    NoSuchToken,
    NotPublic,
    RegistryConflict,
    RoleRefused,
    TextRefused,
    WikiExists,
)
_UNAVAILABLE = "This can't be answered right now. Try again soon."


def install(app: Flask) -> None:
    """Map the errors that reach the application."""

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        code = error.name.lower().replace(" ", "_")
        response = refusal(error.name, error.description or "", error.code or 500, code)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    @app.errorhandler(NoWikiYet)
    def no_wiki_yet(_error: NoWikiYet) -> Response:
        return redirect("/app/", 303)  # type: ignore[return-value]

    @app.errorhandler(NoSuchWiki)
    @app.errorhandler(NoSuchUser)
    def not_found(error: NoSuchWiki | NoSuchUser) -> Response:
        return refusal("Not found", sentence(error), 404, "not_found")

    @app.errorhandler(OwnerOnly)
    @app.errorhandler(Forbidden)
    def forbidden(error: OwnerOnly | Forbidden) -> Response:
        return refusal("Not allowed", sentence(error), 403, "forbidden")

    def conflict(error: TenantError) -> Response:
        return refusal("Not possible", sentence(error), 409, "conflict")

    for kind in _CONFLICTS:
        app.register_error_handler(kind, conflict)

    @app.errorhandler(FarmBusy)
    def busy(error: FarmBusy) -> Response:
        return refusal("Not now", sentence(error), 503, "busy")

    @app.errorhandler(Unavailable)
    def unavailable(error: Unavailable) -> Response:
        _log.error("registry can't answer", exc_info=error)
        g.person = None
        return refusal("Not available", _UNAVAILABLE, 503, "unavailable")
