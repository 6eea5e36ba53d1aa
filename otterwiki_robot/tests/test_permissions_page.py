"""H1: the page of permissions says what requests are checked against."""

from __future__ import annotations

from pathlib import Path

import pytest

from otterwiki_access_control.endpoints import ROUTES, Route
from otterwiki_engine.actor import Permission
from otterwiki_robot import permissions_reference
from otterwiki_robot.installation import Installation
from otterwiki_robot.root import routes
from otterwiki_robot.root.app import create_root_app
from otterwiki_robot.root.routes import RootRoute, Who
from otterwiki_tenant import access
from otterwiki_tenant.access import EVERYTHING, Credential, Role

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"


def _page(installation: Installation) -> str:
    root_app = create_root_app(installation.settings, installation.farm)
    wiki_app = installation.load_otterwiki()
    return permissions_reference.permissions_markdown(wiki_app.url_map, root_app.url_map)


def test_h1_the_page_is_up_to_date(installation: Installation) -> None:
    assert PAGE.read_text("utf-8") == _page(installation), "run: make docs"


def test_h1_whatever_is_loosened_is_seen_in_the_page(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of any row of any table makes the page another one."""
    _page(installation)  # Otterwiki is loaded once
    written = PAGE.read_text("utf-8")
    changed = 0
    for role in (None, *Role):
        with monkeypatch.context() as patch:
            more = EVERYTHING if role is not Role.OWNER else access.READING
            patch.setattr(access, "OF_ROLE", {**access.OF_ROLE, role: more})
            assert _page(installation) != written, role
            changed += 1
    for credential in Credential:
        with monkeypatch.context() as patch:
            rest = {c: most for c, most in access.OF_CREDENTIAL.items() if c is not credential}
            patch.setattr("otterwiki_access_control.permissions_document.OF_CREDENTIAL", rest)
            assert _page(installation) != written, credential
            changed += 1
    open_to_readers = Route(get=Permission.READ, post=Permission.READ)
    for endpoint in ("save", "admin", "healthz", "settings", "attachments"):
        with monkeypatch.context() as patch:
            loosened = {**ROUTES, endpoint: open_to_readers}
            patch.setattr("otterwiki_access_control.permissions_document.ROUTES", loosened)
            assert _page(installation) != written, endpoint
            changed += 1
    assert changed == 4 + len(Credential) + 5
    with monkeypatch.context() as patch:
        patch.setattr(
            permissions_reference,
            "ROUTES",
            {**routes.ROUTES, "activity.show": RootRoute(get=Who.ANYONE)},
        )
        assert _page(installation) != written
