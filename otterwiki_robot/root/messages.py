"""The page that says one thing, with a way on."""

from __future__ import annotations

from flask import render_template


def message_page(title: str, message: str, status: int) -> tuple[str, int]:
    """A page with a title and a sentence, and its HTTP status."""
    return render_template("robot/message.html", title=title, message=message), status
