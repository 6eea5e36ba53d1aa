"""What knows Flask: addresses of the routes, and one way for every request to be answered.

A request is taken in this order: who asks and may they; does a page of this wiki send it (cookies
alone never write); what is asked; the handler; the answer. Each step says no in a problem document.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request

from otterwiki_engine.actor import Actor, Permission
from otterwiki_engine.current import current_wiki
from otterwiki_engine.errors import EngineError
from otterwiki_engine.pages.service import PageService
from otterwiki_engine.pages.settings import page_settings_of

from . import (
    addresses,
    documentation,
    foreign_refusals,
    llms,
    markdown_pages,
    openapi,
    problems,
    sending,
)
from .actors import CHALLENGE, actor_of, is_by_header, writer_of
from .bodies_read import read_body
from .calls import Call, FileAnswer
from .preconditions import Preconditions
from .refusals import Refused, bad_field
from .routes import PREFIX, ROUTES, Route
from .validation import parse_query

VERBS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


def install(app: Flask) -> None:
    """Add the routes. Called once, from the ``setup`` hook."""
    addresses.install(app)
    blueprint = Blueprint(addresses.BLUEPRINT, __name__, template_folder="templates")
    for endpoint in dict.fromkeys(route.endpoint for route in ROUTES):
        routes = {route.method: route for route in ROUTES if route.endpoint == endpoint}
        (path,) = {route.path for route in routes.values()}
        rule = addresses.rule_of(path)
        blueprint.add_url_rule(
            rule,
            endpoint,
            _view(routes),
            methods=[*sorted(routes), "OPTIONS"],
            provide_automatic_options=False,  # it would name those below
        )
        # Else such an address with another method would be that of a page with its whole name.
        _nowhere(blueprint, rule, sorted(VERBS - set(routes)))
    blueprint.add_url_rule(f"{PREFIX}/", "documentation", _documentation)
    blueprint.add_url_rule(f"{PREFIX}/openapi.json", "openapi", _openapi)
    blueprint.add_url_rule("/llms.txt", "llms", _llms)
    _nowhere(blueprint, addresses.ANYTHING, sorted(VERBS))  # not a page of Otterwiki's
    app.extensions["csrf"].exempt(blueprint)  # it is asked for below, and not of tokens
    app.register_blueprint(blueprint)
    app.before_request(_markdown)
    app.after_request(foreign_refusals.as_problem)


def _nowhere(blueprint: Blueprint, rule: str, methods: list[str]) -> None:
    view = foreign_refusals.nowhere
    blueprint.add_url_rule(
        rule, addresses.NOWHERE, view, methods=methods, provide_automatic_options=False
    )


def _view(routes: dict[str, Route]) -> Callable[..., Response]:
    def view(page: str = "", filename: str = "") -> Response:
        if request.method == "OPTIONS":
            return sending.methods(foreign_refusals.methods_here())
        route = routes["GET" if request.method == "HEAD" else request.method]
        return _answered(
            lambda: _call_handler(route, page, filename),
            is_reading=route.is_reading,
            takes_base=route.takes_base,
        )

    return view


def _answered(
    make: Callable[[], Response], *, is_reading: bool = True, takes_base: bool = False
) -> Response:
    """The answer that `make` makes, or the problem it is refused with."""
    try:
        return make()
    except Refused as refused:
        return sending.refusal(problems.of_refused(refused))
    except EngineError as error:
        is_precondition = takes_base and bool(request.if_match or request.if_none_match)
        found = problems.of_error(error, is_reading=is_reading, is_precondition=is_precondition)
        if found is None:
            raise  # a fault: Flask logs it and answers 500
        return sending.refusal(found)


def _call_handler(route: Route, page: str, filename: str) -> Response:
    actor = authorized(route.permission)
    if not route.is_reading:
        check_form_token(actor)
    _check_path(route)
    call: Call[Any, Any] = Call(
        service=service(),
        actor=actor,
        query=parse_query(route.query, request.args.items(multi=True)),
        body=read_body(route),
        preconditions=Preconditions(
            request.headers.get("If-Match"), request.headers.get("If-None-Match")
        ),
        make_writer=writer_of,
        page=page,
        filename=filename,
    )
    found = route.handler(call)
    if isinstance(found, FileAnswer):
        return sending.file(found)
    return sending.answer(found, may_be_unchanged=route.has_etag)


def service() -> PageService:
    """The pages of the current wiki."""
    return PageService(current_wiki(), page_settings_of(current_app.config))


# ---------------------------------------------------------------------- who asks


def authorized(permission: Permission) -> Actor:
    """Who asks, if they may do that; raises Refused: 401 for somebody unknown, else 403."""
    actor = actor_of(request)
    if actor.may(permission):
        return actor
    if actor.is_signed_in or actor.handle or actor.client:
        needed = permission.name.lower()
        raise Refused(403, "forbidden", f"You may not do that: it needs the right to {needed}.")
    raise Refused(
        401,
        "unauthorized",
        "Say who you are: send a token in the Authorization header (Bearer).",
        headers=CHALLENGE,
    )


def check_form_token(actor: Actor) -> None:
    """Refuse a change by cookies alone: a page of this wiki sends its form token with it.

    A browser sends cookies with whatever another site makes it send; a header that says who asks
    is only sent by a program that was told to.
    """
    if is_by_header(actor):
        return
    from flask_wtf.csrf import CSRFError

    try:
        current_app.extensions["csrf"].protect()
    except CSRFError as error:
        raise Refused(
            400,
            "form_token",
            "Nothing was changed. Send a token in the Authorization header (Bearer), or, from a"
            f" page of this wiki, its form token as X-CSRFToken. ({error.description})",
        ) from None


def _check_path(route: Route) -> None:
    try:
        request.environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8")
    except UnicodeError:
        message = "it is not UTF-8 with %-escapes"
        if route.is_reading:
            raise Refused(404, "not_found", f"There is no such page: {message}.") from None
        raise bad_field("path", "path", message) from None


# ---------------------------------------------------------------------- pages about the API


def _documentation() -> Response:
    def make() -> Response:
        authorized(Permission.READ)
        return documentation.page()

    return _answered(make)


def _openapi() -> Response:
    def make() -> Response:
        authorized(Permission.READ)
        return sending.json_bytes(openapi.as_json())

    return _answered(make)


def _llms() -> Response:
    def make() -> Response:
        authorized(Permission.READ)
        return llms.answer(service())

    return _answered(make)


def _markdown() -> Response | None:
    return markdown_pages.answer(service)
