"""The demo of `make run`: one person, one public wiki with a few pages. Made once."""

from __future__ import annotations

from importlib.resources import as_file, files

from otterwiki_tenant import names, people, users, wikis
from otterwiki_tenant.people import OPERATOR

from .installation import Installation
from .new_wiki import template_pages
from .transfer.sources import Folder
from .wiki_import import import_into_wiki

HANDLE = "demo.test"
SLUG = "demo"
NAME = "Demo wiki"


def make_demo(installation: Installation) -> bool:
    """Set up the farm if need be, and the demo if it was never there; whether it was made now.

    Development only, which the caller has checked. A demo wiki somebody deleted stays deleted.
    """
    installation.bare_farm.initialise()
    farm = installation.farm
    with farm.database.reading() as session:
        known = users.by_handle(session, HANDLE)
        existing = wikis.by_slug(session, SLUG)
    if known is not None and (existing is None or existing.owner_did != known.did):
        return False
    if known is None:
        known = people.add_user(farm, did=names.development_did(HANDLE), handle=HANDLE)
    if existing is None:
        made = farm.create_wiki(
            SLUG,
            owner_did=known.did,
            is_public=True,
            display_name=NAME,
            template=template_pages(
                installation.settings, slug=SLUG, name=NAME, purpose="", owner_handle=HANDLE
            ),
        )
        people.set_listed(farm, SLUG, True, OPERATOR)
        existing = made.record
    opened = farm.opened(existing)
    if opened.wiki.repository.head() != existing.template_revision:
        return False
    with as_file(files(__package__).joinpath("demo_pages")) as folder:
        import_into_wiki(installation, SLUG, Folder(folder), replace=False, progress=_quiet)
    return True


def _quiet(stage: str, done: int, total: int | None) -> None:
    """Five small pages need no progress bar."""
