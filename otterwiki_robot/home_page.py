"""Which page a wiki shows first, as Otterwiki keeps it: the preference HOME_PAGE in wiki.db."""

from __future__ import annotations

from flask import Flask

from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.farm import Farm

_NAME = "HOME_PAGE"


def get_home_page(app: Flask, farm: Farm, slug: str) -> str:
    """The wiki's HOME_PAGE, "" where none is set and the page Home is shown."""
    with wiki_context(farm, slug) as entered, app.app_context():
        return str(entered.settings.get(_NAME) or "")


def set_home_page(app: Flask, farm: Farm, slug: str, page: str) -> None:
    """Show `page` first; "" means the page Home. Otterwiki must be loaded in this process."""
    from otterwiki.models import Preferences
    from otterwiki.server import db

    with wiki_context(farm, slug), app.app_context():
        row = db.session.get(Preferences, _NAME) or Preferences(name=_NAME)
        row.value = page
        db.session.add(row)
        db.session.commit()
