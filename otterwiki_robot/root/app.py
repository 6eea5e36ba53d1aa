"""The root host: front page, sign-in, account pages, their API and /health, in Otterwiki's look.

A Flask application of its own, without a session of Flask's and without inline script. It touches
the registry only while it answers. Each module adds its own routes.
"""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path

from flask import Flask, Response

from otterwiki_robot.settings import Settings
from otterwiki_tenant.farm import Farm

from . import (
    account,
    activity,
    api,
    browsers,
    collaborators,
    connect,
    create,
    errors,
    export_pages,
    guards,
    import_pages,
    landing,
    machine_routes,
    overview,
    own_files,
    routes,
    signing,
    site,
    terms,
    wiki_settings,
)

_FORM_BYTES = 200_000  # of any form but an import's, whose route says so itself


def create_root_app(settings: Settings, farm: Farm) -> Flask:
    """The application of the root host."""
    app = Flask(
        "otterwiki_robot",
        static_folder=str(_otterwiki_folder() / "static"),
        static_url_path="/static",
    )
    app.config.update(
        PREFERRED_URL_SCHEME=settings.scheme,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        MAX_CONTENT_LENGTH=_FORM_BYTES,
    )
    app.jinja_env.filters["shell_word"] = shlex.quote
    own_files.install(app)

    browsers.install(
        app,
        settings,
        farm,
        without_person=frozenset({"static", own_files.ENDPOINT, "health"}),
    )
    guards.install(app, farm)
    routes.install(app)

    @app.after_request
    def guard(response: Response) -> Response:
        return guards.guard_response(response, settings)

    errors.install(app)
    site.install(app, settings, farm)
    machine_routes.install(app, farm)
    landing.install(app, settings, farm)
    terms.install(app, settings)
    app.register_blueprint(signing.create_blueprint(settings, farm))
    app.register_blueprint(import_pages.create_blueprint(settings, farm))
    app.register_blueprint(create.create_blueprint(settings, farm))
    for part in (overview, wiki_settings, collaborators, connect, activity, account, export_pages):
        app.register_blueprint(part.create_blueprint(farm))
    api.install(app, settings, farm)
    return app


def _otterwiki_folder() -> Path:
    """The installed Otterwiki's folder, found without importing it: importing starts it."""
    found = importlib.util.find_spec("otterwiki")
    if found is None or not found.origin:
        raise RuntimeError("otterwiki is not installed")
    return Path(found.origin).parent
