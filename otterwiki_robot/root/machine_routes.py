"""What machines ask of the root host: /health, robots.txt, the icon."""

from __future__ import annotations

import logging

from flask import Flask, Response, jsonify, redirect, url_for

from otterwiki_robot.health import check_health
from otterwiki_tenant import users
from otterwiki_tenant.farm import Farm

_log = logging.getLogger(__name__)


def install(app: Flask, farm: Farm) -> None:
    """Add the routes. /health is asked on wiki hosts too, before anything else is looked at."""

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
        return Response("User-agent: *\nDisallow: /auth/\nDisallow: /app/\n", mimetype="text/plain")

    @app.get("/favicon.ico")
    def favicon() -> Response:
        location = url_for("static", filename="img/otter-favicon.ico")
        return redirect(location, 301)  # type: ignore[return-value]


def _ask(farm: Farm) -> None:
    """A cheap question to the registry, which also shows that its tables are the right ones."""
    with farm.database.reading() as session:
        users.by_username(session, "")
