"""A small farm for the tests of whatever runs on a farm: two people, two wikis, real requests.

Otterwiki is loaded once a process. It serves any number of such farms one after the other; a
process that loaded it as a single wiki can't load it as a farm any more.
"""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from . import acls, clock, keys, startup, users
from .access import Role
from .farm import Farm
from .identity import COOKIE_NAME
from .origins import is_safe
from .users import User
from .wikis import WikiRecord
from .wsgi import FarmMiddleware

DOMAIN = "robot.localhost"
PORT = "8000"
_signing_key: list[bytes] = []
_CSRF_FIELD = re.compile(r'name="csrf_token" value="([^"]+)"')


def make_farm(home: Path, **options: Any) -> Farm:
    """An initialised farm without people, over http, with cheap token hashes.

    Making an RSA key takes up to seconds, so the farms of one process share one.
    """
    farm = Farm(home, DOMAIN, **{"scheme": "http", "bcrypt_rounds": 4, **options})
    farm.layout.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _signing_key:
        keys.create_signing_key(farm.layout.signing_key)
        _signing_key.append(farm.layout.signing_key.read_bytes())
    farm.layout.signing_key.write_bytes(_signing_key[0])
    farm.initialise()
    return farm


def add_person(farm: Farm, handle: str) -> User:
    """Register a person whose DID is made from the handle."""
    with farm.database.writing() as session:
        name = handle.partition(".")[0]
        return users.add(session, did=f"did:plc:{name}", handle=handle, now=clock.now())


def add_role(farm: Farm, record: WikiRecord, person: User, role: Role) -> None:
    """Give a person a role on a wiki, whatever the limits are."""
    with farm.database.writing() as session:
        acls.grant(
            session,
            record.slug,
            grantee_did=person.did,
            role=role,
            granted_by=record.owner_did,
            now=clock.now(),
            max_collaborators=None,
        )


class SmallFarm:
    """Alice has a private wiki, Robert a public one; Carol is registered and has none.

    Edith is an editor of both wikis and Victor a viewer.
    """

    def __init__(self, home: Path, **options: Any) -> None:
        self.farm = make_farm(home, **options)
        self.tokens: dict[str, str] = {}  # of each wiki, by slug
        self.app = startup.load(self.farm)
        self.alice = add_person(self.farm, "alice.test")
        self.robert = add_person(self.farm, "robert.test")
        self.carol = add_person(self.farm, "carol.test")
        self.edith = add_person(self.farm, "edith.test")
        self.victor = add_person(self.farm, "victor.test")
        self.private = self.make_wiki(self.alice, is_public=False)
        self.public = self.make_wiki(self.robert, is_public=True)
        for record in (self.private, self.public):
            add_role(self.farm, record, self.edith, Role.EDITOR)
            add_role(self.farm, record, self.victor, Role.VIEWER)
        self.front_door = FarmMiddleware(
            self.farm,
            wiki_app=self.app.wsgi_app,
            root_app=Response("the root host", mimetype="text/plain"),
            health_app=Response("healthy", mimetype="text/plain"),
        )

    def make_wiki(self, owner: User, *, is_public: bool) -> WikiRecord:
        """A wiki named after its owner, whose home page holds a word no other wiki has."""
        slug = owner.username
        home = f"# Home of {slug}\n\ncanary-{slug}\n\n## Section of {slug}\n\ntext\n"
        made = self.farm.create_wiki(
            None, owner_did=owner.did, is_public=is_public, template={"Home.md": home.encode()}
        )
        self.tokens[slug] = made.token
        return made.record

    def visitor(self, person: User | None = None) -> Visitor:
        """A browser in which `person` is signed in, or nobody."""
        return Visitor(self, person)

    def close(self) -> None:
        """Give back what the farm holds."""
        self.farm.close()


class BrowserClient(Client):
    """Sends an Origin with what is not a GET, as browsers do: the host's own if none is given."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        """One request; see :meth:`werkzeug.test.Client.open`."""
        origin = options.get("base_url")
        if origin and not is_safe(options.get("method", "GET")):
            headers = Headers(options.pop("headers", None))
            headers.setdefault("Origin", origin)
            options["headers"] = headers
        return super().open(*args, **options)


class Visitor:
    """One browser, with one cookie jar for all hosts of the farm."""

    def __init__(self, small_farm: SmallFarm, person: User | None) -> None:
        self.client = BrowserClient(small_farm.front_door)
        if person is not None:
            cookie = identity_cookie(small_farm.farm, person.did)
            self.client.set_cookie(COOKIE_NAME, cookie, domain=DOMAIN, origin_only=False)

    def get(self, wiki: str | None, path: str, **options: Any) -> TestResponse:
        """GET `path` of the wiki of that slug, or of the root host."""
        return self.client.get(path, base_url=base_url(wiki), **options)

    def post(self, wiki: str, path: str, data: dict[str, Any], **options: Any) -> TestResponse:
        """POST a form with the token a page of that wiki gives this browser, if it gives one."""
        found = _CSRF_FIELD.search(self.get(wiki, "/-/search").get_data(as_text=True))
        token = {"csrf_token": found.group(1)} if found else {}
        return self.client.post(path, base_url=base_url(wiki), data={**token, **data}, **options)


def identity_cookie(farm: Farm, did: str, **options: Any) -> str:
    """The value of the platform cookie of somebody who has just signed in."""
    jar = SimpleCookie()
    for header in farm.sign_in(did, method="test", **options):
        jar.load(header)
    return jar[COOKIE_NAME].value


def base_url(wiki: str | None) -> str:
    """The origin of a wiki, or of the root host, on a development port."""
    return f"http://{wiki + '.' if wiki else ''}{DOMAIN}:{PORT}"
