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

from otterwiki_tenant import acls, people, sessions, startup, tokens, users, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.errors import TenantError
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.people import OPERATOR, By
from otterwiki_tenant.testing import DOMAIN, add_person, base_url, identity_cookie, make_farm
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


def prepare_account(folder: str, handle: str, slug: str) -> str:
    """Make a person an editor of somebody's wiki and sign them in; returns the cookie's value."""
    farm = _open(folder)
    people.grant(farm, slug, _did(handle), Role.EDITOR, OPERATOR)
    cookie = identity_cookie(farm, _did(handle))
    farm.close()
    return cookie


def delete_account(folder: str, handle: str) -> None:
    """Remove a person, as they ask for it themselves."""
    people.delete_account(_open(folder), _did(handle), By(_did(handle), "192.0.2.1"))


def come_back(folder: str, handle: str) -> str:
    """Register a person whose account was deleted; returns their username."""
    return people.add_user(_open(folder), did=_did(handle), handle=handle).username


def account(folder: str, handle: str) -> dict[str, Any]:
    """What the registry has of a person: ``active``, ``handle``, ``sessions`` and ``roles``."""
    with _open(folder).database.reading() as session:
        person = users.by_did(session, _did(handle))
        return {
            "active": person is not None and person.is_active,
            "handle": person.handle if person else None,
            "sessions": len(sessions.of_person(session, _did(handle))),
            "roles": [record.slug for record, _role in wikis.shared_with(session, _did(handle))],
        }


def members(folder: str, slug: str) -> list[str]:
    """The DIDs of everybody with a role on a wiki."""
    with _open(folder).database.reading() as session:
        return [member.did for member in acls.members(session, slug)]


def status_with(folder: str, slug: str, cookie: str, path: str) -> int:
    """The status a GET is answered with in the browser that holds that cookie."""
    return _browser(_open(folder), slug, cookie).status(path)


def refusal_of_name(folder: str, name: str, handle: str) -> list[str]:
    """Why others can't have a name: as a wiki's address (for `handle`), and as a username."""
    farm = _open(folder)
    attempts = (
        lambda: farm.create_wiki(name, owner_did=_did(handle)),
        lambda: people.add_user(farm, did="did:plc:new", handle="new.test", username=name),
    )
    refused = []
    for attempt in attempts:
        try:
            attempt()
        except TenantError as error:
            refused.append(type(error).__name__)
    return refused


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
    return _browser(farm, slug, identity_cookie(farm, _did(handle)))


def _browser(farm: Farm, slug: str, cookie: str) -> Visitor:
    front_door = FarmMiddleware(
        farm,
        wiki_app=_app.wsgi_app,
        root_app=Response("the root host", mimetype="text/plain"),
        health_app=Response("healthy", mimetype="text/plain"),
    )
    visitor = Visitor(front_door, base_url(slug), {})
    visitor.client.set_cookie(COOKIE_NAME, cookie, domain=DOMAIN, origin_only=False)
    return visitor
