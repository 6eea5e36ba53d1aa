"""/app/activity: what happened to a wiki, for its owner."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request

from otterwiki_tenant import audit
from otterwiki_tenant.farm import Farm

from .chosen_wiki import choose
from .sentences import told

SHOWN = 200


def create_blueprint(farm: Farm) -> Blueprint:
    """The page."""
    blueprint = Blueprint("activity", __name__)

    @blueprint.get("/app/activity")
    def show() -> str:
        with farm.database.reading() as session:
            chosen = choose(session, g.person.did, request.args.get("wiki"))
            entries = audit.of_wiki(session, chosen.record, SHOWN)
        return render_template(
            "robot/activity.html",
            chosen=chosen,
            lines=[told(entry, g.person.did) for entry in entries],
            shown=SHOWN,
        )

    return blueprint
