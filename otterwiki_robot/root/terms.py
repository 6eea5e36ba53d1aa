"""The terms: a short text with this farm's own numbers, or the operator's page."""

from __future__ import annotations

from flask import Flask, redirect, render_template
from werkzeug.wrappers import Response

from otterwiki_robot.settings import Settings


def install(app: Flask, settings: Settings) -> None:
    """Add /terms, which leads to the operator's own text where there is one."""

    @app.get("/terms")
    def terms() -> str | Response:
        if settings.terms_url:
            return redirect(settings.terms_url)
        return render_template("robot/terms.html")
