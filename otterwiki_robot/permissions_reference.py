"""``docs/permissions.md``: who may do what, made from what requests are checked against.

python -m otterwiki_robot.permissions_reference > docs/permissions.md
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from werkzeug.routing import Map

from otterwiki_access_control.permissions_document import table, wiki_sections
from otterwiki_tenant import startup
from otterwiki_tenant.farm import Farm

from .root.app import create_root_app
from .root.routes import ROUTES
from .settings import read_settings

_HEAD = """\
# Who may do what

Made by `make docs` from the tables that requests are checked against: `access.py` (roles and
credentials), `endpoints.py` (routes of a wiki), `root/routes.py` (routes of the root host). A test
fails when this page is out of date, and another one sends every route as everybody and compares the
answers with this page. What is in no table is refused.
"""
_ROOT = """
## Routes of the root host

Forms are taken from pages of the root host itself only, with the form token of the session. A wiki
is named by `?wiki=`; to somebody without a role on it, a page answers as for a missing wiki.

The management API below `/api/` takes the cookie of somebody signed in, and what changes something
from this origin only, with the form token in the header `X-CSRF-Token`. With an `Authorization`
header, be it a wiki's token, the answer is 401.
"""
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def permissions_markdown(wiki_urls: Map, root_urls: Map) -> str:
    """The whole page, ending with a newline; the maps are those of the two applications."""
    rows = table(("endpoint", "addresses", *_METHODS), _root_rows(root_urls))
    return "\n".join((_HEAD, wiki_sections(wiki_urls) + _ROOT, rows))


def _root_rows(url_map: Map) -> Iterable[tuple[str, ...]]:
    addresses: dict[str, list[str]] = {}
    for rule in url_map.iter_rules():
        addresses.setdefault(rule.endpoint, []).append(rule.rule)
    for endpoint, route in sorted(ROUTES.items()):
        yield (
            f"`{endpoint}`",
            " ".join(f"`{address}`" for address in sorted(addresses.get(endpoint, []))),
            *(route.needs(method) or "" for method in _METHODS),
        )


def main() -> None:
    """Print the page, of a farm in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings({"ROBOT_DEV": "1", "ROBOT_HOME": folder})
        farm = Farm(Path(folder), settings.domain, scheme=settings.scheme)
        farm.initialise()
        wiki_app, root_app = startup.load(farm), create_root_app(settings, farm)
        sys.stdout.write(permissions_markdown(wiki_app.url_map, root_app.url_map))
        farm.close()


if __name__ == "__main__":
    main()
