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

from flask import Flask, Response, g, jsonify, redirect, render_template, request
from werkzeug.exceptions import HTTPException

from otterwiki_robot.health import check_health
from otterwiki_robot.settings import Settings
from otterwiki_tenant import users, wikis
from otterwiki_tenant.errors import Unavailable
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.users import User
from otterwiki_tenant.wikis import WikiRecord

from . import signing
from .guards import guard_response
from .messages import message_page
from .signing import ACTOR_KEY

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListedWiki:
    """A wiki as the front page shows it."""

    name: str
    url: str
    is_public: bool


def create_root_app(settings: Settings, farm: Farm) -> Flask:
    """The application of the root host. It touches the registry only while it answers."""
    app = Flask(
        "otterwiki_robot",
        static_folder=str(_otterwiki_folder() / "static"),
        static_url_path="/static",
    )
    app.config.update(PREFERRED_URL_SCHEME=settings.scheme, SEND_FILE_MAX_AGE_DEFAULT=3600)
    app.jinja_env.filters["shell_word"] = shlex.quote

    app.register_blueprint(signing.create_blueprint(settings, farm))

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

    @app.get("/robots.txt")
    def robots() -> Response:
        return Response("User-agent: *\nDisallow: /auth/\n", mimetype="text/plain")

    @app.get("/favicon.ico")
    def favicon() -> Response:
        location = f"{app.static_url_path}/img/otter-favicon.ico"
        return redirect(location, 301)  # type: ignore[return-value]

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[str, int]:
        return message_page(error.name, error.description or "", error.code or 500)

    @app.errorhandler(Unavailable)
    def unavailable(error: Unavailable) -> tuple[str, int]:
        _log.error("registry can't answer", exc_info=error)
        g.person = None
        return message_page(
            "Not available", "This can't be answered right now. Try again soon.", 503
        )

    @app.after_request
    def guard(response: Response) -> Response:
        return guard_response(response, settings)

    return app


def _listed(record: WikiRecord, settings: Settings) -> ListedWiki:
    return ListedWiki(record.display_name, settings.wiki_url(record.slug), record.is_public)


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
