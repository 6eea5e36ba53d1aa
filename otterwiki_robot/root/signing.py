"""Signing in and out, on the root host."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Blueprint, Response, render_template, request, url_for

from otterwiki_engine import hooks
from otterwiki_robot.settings import Settings
from otterwiki_tenant import clock, login_links, users
from otterwiki_tenant.errors import LinkRefused
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.hosts import check_next

from .guards import from_this_origin
from .messages import message_page

ACTOR_KEY = "robot.actor"  # where the access log finds who asked
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SignInMethod:
    """A way to sign in that a plugin offers."""

    label: str
    url: str


def create_blueprint(settings: Settings, farm: Farm) -> Blueprint:
    """The routes below /auth/."""
    blueprint = Blueprint("signing", __name__)

    @blueprint.get("/auth/login")
    def sign_in() -> str:
        offered = [pair for found in hooks.manager.hook.sign_in_methods() for pair in found or []]
        return render_template(
            "robot/sign_in.html",
            methods=[SignInMethod(label, url) for label, url in offered],
            next=_next(settings),
        )

    @blueprint.get("/auth/logout")
    def sign_out_form() -> str:
        return render_template("robot/sign_out.html")

    @blueprint.post("/auth/logout")
    def sign_out() -> Response | tuple[str, int]:
        if not from_this_origin(settings):
            return message_page("Not signed out", "Use the button on the sign-out page.", 403)
        response = Response(status=303, headers={"Location": url_for("landing")})
        response.headers.add("Set-Cookie", farm.identity.clear_cookie())
        return response

    @blueprint.get("/auth/dev/<token>")
    def use_login_link(token: str) -> Response | tuple[str, int]:
        if not settings.dev:
            return message_page("Not found", "There is nothing at this address.", 404)
        if request.method != "GET":  # a HEAD must not use the link up
            return Response(status=405, headers={"Allow": "GET"})
        try:
            with farm.database.writing() as session:
                did = login_links.consume(session, token, clock.now())
                person = users.get(session, did)
        except LinkRefused as refused:
            return message_page("This link does not work", str(refused), 410)
        request.environ[ACTOR_KEY] = person.did
        _log.info("signed in by link", extra={"fields": {"actor": person.did}})
        response = Response(status=303, headers={"Location": _next(settings)})
        response.headers.add("Set-Cookie", farm.identity.set_cookie(person.did, clock.now()))
        return response

    return blueprint


def _next(settings: Settings) -> str:
    """Where to go after signing in: what was asked for if it is on this farm, or the front."""
    wanted = request.args.get("next")
    return check_next(wanted, scheme=settings.scheme, domain=settings.domain) or "/"
