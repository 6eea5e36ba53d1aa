"""What a zygote can be asked to do with a farm: its web pages, and wikis that come and go.

Otterwiki is loaded as a farm once, on a skeleton in FAULTS_HOME; each call opens the farm it is
about anew, because the caller replaces its folder between calls.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from werkzeug.wrappers import Response

from otterwiki_tenant import clock, startup, tokens, wikis
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.testing import DOMAIN, add_person, base_url, make_farm
from otterwiki_tenant.wsgi import FarmMiddleware

from .engine_calls import commit, create, history
from .kill_points import KillSwitch
from .web_calls import Visitor

__all__ = ["arm_more", "change", "commit", "create", "history"]

_home = Path(os.environ["FAULTS_HOME"])
_start = Farm(_home, DOMAIN, scheme="http") if _home.exists() else make_farm(_home)
_app = startup.load(_start)
_start.close()


def arm_more(switch: KillSwitch) -> None:
    """Count what is written to databases through SQLAlchemy as well."""
    switch.arm_sql(Engine)


def build(folder: str, handles: list[str]) -> None:
    """Make a farm of these people, each with a wiki of two pages."""
    farm = make_farm(Path(folder))
    for handle in handles:
        person = add_person(farm, handle)
        template = _template(person.username)
        farm.create_wiki(None, owner_did=person.did, template=template)
    farm.close()


def _template(slug: str) -> dict[str, bytes]:
    return {
        "Home.md": f"# Home of {slug}\n".encode(),
        "Help.md": f"# Help for {slug}\n".encode(),
    }


def change(
    folder: str, path: str, form: dict[str, Any], author: list[str]
) -> Generator[None, None, str]:
    """POST a form to a page of the wiki that belongs to the handle ``author[0]``.

    A generator: steps are counted from its first `yield` on.
    """
    farm = _open(folder)
    visitor = _visitor(farm, author[0].partition(".")[0], author[0])
    visitor.fetch_token()
    yield
    return visitor.change(path, form)


def status(folder: str, slug: str, handle: str, path: str) -> int:
    """The status a person's GET of a wiki's page is answered with."""
    return _visitor(_open(folder), slug, handle).status(path)


def create_wiki(folder: str, slug: str, handle: str) -> str:
    """Make a wiki for a person; returns its first token."""
    farm = _open(folder)
    return farm.create_wiki(slug, owner_did=_did(handle), template=_template(slug)).token


def delete_wiki(folder: str, slug: str) -> None:
    """Remove a wiki."""
    _open(folder).delete_wiki(slug)


def recover(folder: str) -> dict[str, list[str]]:
    """What the farm does when it starts."""
    found = _open(folder).recover()
    return {
        "removed": list(found.removed),
        "stray": list(found.stray),
        "missing": list(found.missing),
    }


def registered(folder: str) -> list[str]:
    """The slugs of all wikis in the registry."""
    with _open(folder).database.reading() as session:
        return [record.slug for record in wikis.all_wikis(session)]


def token_works(folder: str, slug: str, token: str) -> bool:
    """Whether this is the wiki's token."""
    with _open(folder).database.reading() as session:
        record = wikis.get(session, slug)
    return tokens.verify(token, token_id=record.token_id, token_hash=record.mcp_token_hash)


def _open(folder: str) -> Farm:
    farm = Farm(Path(folder), DOMAIN, scheme="http", bcrypt_rounds=4)
    startup.load(farm)
    return farm


def _did(handle: str) -> str:
    return f"did:plc:{handle.partition('.')[0]}"


def _visitor(farm: Farm, slug: str, handle: str) -> Visitor:
    front_door = FarmMiddleware(
        farm,
        wiki_app=_app.wsgi_app,
        root_app=Response("the root host", mimetype="text/plain"),
        health_app=Response("healthy", mimetype="text/plain"),
    )
    visitor = Visitor(front_door, base_url(slug), {})
    cookie = farm.identity.mint(_did(handle), clock.now())
    visitor.client.set_cookie(COOKIE_NAME, cookie, domain=DOMAIN, origin_only=False)
    return visitor
