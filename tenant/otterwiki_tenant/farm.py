"""One farm: its folders, registry, keys and opened wikis, and who is let into which wiki."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from sqlalchemy.orm import Session

from otterwiki_engine.actor import Actor
from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository

from . import access, acls, clock, keys, lifecycle, users, wikis
from .access import Credential
from .database import BUSY_TIMEOUT_SECONDS, Database, sqlite_url
from .hosts import check_domain
from .identity import IdentityCookies
from .layout import Layout
from .lifecycle import NewWiki, Recovery
from .names import author_email
from .opened import OpenedWiki, OpenedWikis
from .tokens import BCRYPT_ROUNDS
from .users import User
from .wiki_database import Tables
from .wikis import WikiRecord

TOUCH_EVERY_SECONDS = 3600
_NO_FILES: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True)
class Admission:
    """What the registry says about one request: the person, the wiki, and what they may do there.

    `wiki` and `actor` are None where there is no such wiki.
    """

    user: User | None
    wiki: WikiRecord | None
    actor: Actor | None


class Farm:
    """A farm at `home` for `domain`, reached over `scheme`. Safe for threads.

    Opens nothing until it is used, so it may be made before a server forks its workers.
    `database_url` is the registry's place if it is not ``data/robot.db``; `max_open_wikis` bounds
    what this process keeps open.
    """

    def __init__(
        self,
        home: Path,
        domain: str,
        *,
        scheme: str = "https",
        database_url: str | None = None,
        max_open_wikis: int = 32,
        bcrypt_rounds: int = BCRYPT_ROUNDS,
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
    ) -> None:
        if scheme not in ("http", "https"):
            raise ValueError(f"the scheme is http or https, not {scheme!r}")
        self.layout = Layout(home.absolute())
        self.domain = check_domain(domain)
        self.scheme = scheme
        self.bcrypt_rounds = bcrypt_rounds
        self.database = Database(
            database_url or sqlite_url(self.layout.registry),
            busy_timeout_seconds=busy_timeout_seconds,
        )
        self.tables: Tables | None = None  # Otterwiki's own; set when it has been loaded
        self._opened = OpenedWikis(max_open_wikis)

    def initialise(self) -> None:
        """Make the folders, keys and tables that are missing; never changes what exists."""
        for folder in self.layout.folders():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys.create_if_missing(self.layout.signing_key, keys.create_signing_key)
        keys.create_if_missing(self.layout.secret_key, keys.create_secret_key)
        self.database.upgrade()

    @cached_property
    def identity(self) -> IdentityCookies:
        """The platform cookie of this farm; raises KeyRefused without a signing key."""
        return IdentityCookies(
            keys.load_signing_key(self.layout.signing_key), self.domain, self.scheme
        )

    @cached_property
    def secret_key(self) -> bytes:
        """The farm's secret; raises KeyRefused without one."""
        return keys.load_secret_key(self.layout.secret_key)

    # ------------------------------------------------------------------ requests

    def admit(self, slug: str, cookie_header: str | None) -> Admission:
        """Who asks for `slug`, and what they may do there, by the current rows.

        The same look-ups are made whether the wiki exists or not (checklist H5). Raises
        :class:`Unavailable` where the registry can't answer.
        """
        with self.database.reading() as session:
            user = self._user(session, cookie_header)
            record = wikis.by_slug(session, slug)
            role = acls.role_of(session, slug, user.did if user else "")
        if record is None:
            return Admission(user, None, None)
        permissions = access.permissions_of(
            role,
            is_public=record.is_public,
            is_suspended=record.suspended_at is not None,
            credential=Credential.SESSION if user else Credential.NONE,
        )
        actor = Actor(
            did=user.did if user else None,
            handle=user.handle if user else None,
            wiki=slug,
            permissions=permissions,
        )
        return Admission(user, record, actor)

    def person(self, cookie_header: str | None) -> User | None:
        """The registered person behind a request to the root host, None for nobody."""
        with self.database.reading() as session:
            return self._user(session, cookie_header)

    def _user(self, session: Session, cookie_header: str | None) -> User | None:
        identity = self.identity.read(cookie_header)
        return None if identity is None else users.by_did(session, identity.did)

    def author(self, actor: Actor) -> Author:
        """The commit author that `actor` is: the handle, and an address made of the DID."""
        if actor.did is None or actor.handle is None:
            return Author("Anonymous", "")
        return Author(actor.handle, author_email(actor.did, self.domain))

    def touch(self, record: WikiRecord, now: datetime) -> None:
        """Keep last_accessed, to the hour: most views write nothing."""
        if record.last_accessed <= clock.timestamp_before(now, TOUCH_EVERY_SECONDS):
            with self.database.writing() as session:
                wikis.touch(session, record.slug, now, every_seconds=TOUCH_EVERY_SECONDS)

    def opened(self, record: WikiRecord) -> OpenedWiki:
        """The wiki's opened folder. Hold the object as long as a part of it is used."""
        folder = self.layout.wiki(record.slug)
        return self._opened.get(
            record.slug,
            record.session_key,
            lambda: OpenedWiki(folder, record.session_key, self.tables),
        )

    def count_pages(self, slug: str, repository: Repository) -> int:
        """Count the pages at HEAD of the wiki's repository and keep the number in the registry.

        Counted while the wiki's row is locked, so that of two commits at once the later
        count wins. Raises NoSuchWiki.
        """
        with self.database.writing() as session:
            wikis.lock(session, slug)
            pages = sum(path.endswith(".md") for path in repository.snapshot().files())
            wikis.set_page_count(session, slug, pages)
        return pages

    # ------------------------------------------------------------------ wikis come and go

    def create_wiki(
        self,
        slug: str | None,
        *,
        owner_did: str,
        is_public: bool = False,
        display_name: str | None = None,
        template: Mapping[str, bytes] = _NO_FILES,
        max_wikis: int | None = None,
    ) -> NewWiki:
        """Make a wiki and its first token; see :func:`lifecycle.create`."""
        return lifecycle.create(
            self,
            slug,
            owner_did=owner_did,
            is_public=is_public,
            display_name=display_name,
            template=template,
            max_wikis=max_wikis,
        )

    def delete_wiki(self, slug: str) -> None:
        """Remove a wiki for good; see :func:`lifecycle.delete`."""
        lifecycle.delete(self, slug)
        self._opened.forget(slug)

    def recover(self) -> Recovery:
        """Finish or undo what a killed process left; see :func:`lifecycle.recover`."""
        return lifecycle.recover(self)

    def close(self) -> None:
        """Give back files and connections; the farm can still be used."""
        self._opened.clear()
        self.database.close()
