"""The front page: what this is, who may join, and the public wikis that wish to be found."""

from __future__ import annotations

from flask import Flask, g, render_template

from otterwiki_robot.settings import Settings
from otterwiki_tenant import wikis
from otterwiki_tenant.farm import Farm


def install(app: Flask, settings: Settings, farm: Farm) -> None:
    """Add the front page."""

    @app.get("/")
    def landing() -> str:
        with farm.database.reading() as session:
            listed = wikis.listed(session)
            own = wikis.owned_by(session, g.person.did) if g.person else []
        return render_template(
            "robot/landing.html", listed=listed, own_wikis=own, signup=settings.signup
        )
