"""The root host: front page, sign-in and /health, in Otterwiki's look but with its own few routes.

It has no session and no inline script, and nothing on it changes by a GET but the use of a
one-time sign-in link in development. Signing out is a form of its own, accepted from here only.
"""

from __future__ import annotations

import importlib.util
import logging
import shlex
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, g, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from otterwiki_engine import hooks
from otterwiki_tenant import clock, login_links, users, wikis
from otterwiki_tenant.errors import LinkRefused, Unavailable
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.hosts import check_next
from otterwiki_tenant.users import User
from otterwiki_tenant.wikis import WikiRecord

from .health import check_health
from .settings import Settings

ACTOR_KEY = "robot.actor"  # where the access log finds who asked
_log = logging.getLogger(__name__)

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


@dataclass(frozen=True)
class ListedWiki:
    """A wiki as the front page shows it."""

    name: str
    url: str
    is_public: bool


@dataclass(frozen=True)
class SignInMethod:
    """A way to sign in that a plugin offers."""

    label: str
    url: str


def create_root_app(settings: Settings, farm: Farm) -> Flask:
    """The application of the root host. It touches the registry only while it answers."""
    app = Flask(
        "otterwiki_robot",
        static_folder=str(_otterwiki_folder() / "static"),
        static_url_path="/static",
    )
    app.config.update(PREFERRED_URL_SCHEME=settings.scheme, SEND_FILE_MAX_AGE_DEFAULT=3600)
    app.jinja_env.filters["shell_word"] = shlex.quote

    @app.before_request
    def find_person() -> None:
        g.person = None
        if request.endpoint not in ("static", "health"):
            g.person = farm.person(request.headers.get("Cookie"))
            if g.person:
                request.environ[ACTOR_KEY] = g.person.did

    @app.context_processor
    def common() -> dict[str, object]:
        return {"domain": settings.domain, "person": g.get("person"), "dev": settings.dev}

    @app.get("/")
    def landing() -> str:
        with farm.database.reading() as session:
            records = wikis.all_wikis(session)
        person: User | None = g.person
        listed = [
            (
                record,
                ListedWiki(record.display_name, settings.wiki_url(record.slug), record.is_public),
            )
            for record in records
        ]
        return render_template(
            "robot/landing.html",
            own_wikis=[
                shown for record, shown in listed if person and record.owner_did == person.did
            ],
            public_wikis=[shown for record, shown in listed if record.is_public],
        )

    @app.get("/health")
    def health() -> tuple[Response, int]:
        probes = check_health(lambda: _ask(farm), farm.layout.wikis)
        for probe in probes:
            if not probe.ok:
                _log.error(
                    "not healthy", extra={"fields": {"probe": probe.name, "why": probe.detail}}
                )
        healthy = all(probe.ok for probe in probes)
        document = {
            "status": "ok" if healthy else "failing",
            "checks": {probe.name: "ok" if probe.ok else "failing" for probe in probes},
        }
        return jsonify(document), 200 if healthy else 503

    @app.get("/auth/login")
    def sign_in() -> str:
        offered = [pair for found in hooks.manager.hook.sign_in_methods() for pair in found or []]
        return render_template(
            "robot/sign_in.html",
            methods=[SignInMethod(label, url) for label, url in offered],
            next=_next(settings),
        )

    @app.get("/auth/logout")
    def sign_out_form() -> str:
        return render_template("robot/sign_out.html")

    @app.post("/auth/logout")
    def sign_out() -> Response | tuple[str, int]:
        if not _from_this_origin(settings):
            return _message("Not signed out", "Use the button on the sign-out page.", 403)
        response = Response(status=303, headers={"Location": url_for("landing")})
        response.headers.add("Set-Cookie", farm.identity.clear_cookie())
        return response

    @app.get("/auth/dev/<token>")
    def use_login_link(token: str) -> Response | tuple[str, int]:
        if not settings.dev:
            return _message("Not found", "There is nothing at this address.", 404)
        if request.method != "GET":  # a HEAD must not use the link up
            return Response(status=405, headers={"Allow": "GET"})
        try:
            with farm.database.writing() as session:
                did = login_links.consume(session, token, clock.now())
                person = users.get(session, did)
        except LinkRefused as refused:
            return _message("This link does not work", str(refused), 410)
        request.environ[ACTOR_KEY] = person.did
        _log.info("signed in by link", extra={"fields": {"actor": person.did}})
        response = Response(status=303, headers={"Location": _next(settings)})
        response.headers.add("Set-Cookie", farm.identity.set_cookie(person.did, clock.now()))
        return response

    @app.get("/robots.txt")
    def robots() -> Response:
        return Response("User-agent: *\nDisallow: /auth/\n", mimetype="text/plain")

    @app.get("/favicon.ico")
    def favicon() -> Response:
        location = f"{app.static_url_path}/img/otter-favicon.ico"
        return redirect(location, 301)  # type: ignore[return-value]

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[str, int]:
        return _message(error.name, error.description or "", error.code or 500)

    @app.errorhandler(Unavailable)
    def unavailable(error: Unavailable) -> tuple[str, int]:
        _log.error("registry can't answer", exc_info=error)
        g.person = None
        return _message("Not available", "This can't be answered right now. Try again soon.", 503)

    @app.after_request
    def guard(response: Response) -> Response:
        headers = response.headers
        headers["Content-Security-Policy"] = _POLICY
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if settings.scheme == "https":
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if request.endpoint != "static":
            headers["Cache-Control"] = "no-store"
            headers["Vary"] = "Cookie"
        return response

    return app


def _listed(record: WikiRecord, settings: Settings) -> ListedWiki:
    return ListedWiki(record.display_name, settings.wiki_url(record.slug), record.is_public)


def _next(settings: Settings) -> str:
    """Where to go after signing in: what was asked for if it is on this farm, or the front."""
    wanted = request.args.get("next")
    return check_next(wanted, scheme=settings.scheme, domain=settings.domain) or "/"


def _from_this_origin(settings: Settings) -> bool:
    """Whether one of our own pages sent this form: a sibling wiki's page is same-site, so its
    requests carry the cookie too (checklist D6)."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin") == f"{settings.scheme}://{request.host}"


def _message(title: str, message: str, status: int) -> tuple[str, int]:
    return render_template("robot/message.html", title=title, message=message), status


def _ask(farm: Farm) -> None:
    """A cheap question to the registry, which also shows that its tables are the right ones."""
    with farm.database.reading() as session:
        users.by_username(session, "")


def _otterwiki_folder() -> Path:
    """The installed Otterwiki's folder, found without importing it: importing starts it."""
    found = importlib.util.find_spec("otterwiki")
    if found is None or not found.origin:
        raise RuntimeError("otterwiki is not installed")
    return Path(found.origin).parent
