"""One farm: its folders, registry, keys and opened wikis, and who is let into which wiki."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from otterwiki_engine.actor import Actor
from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository

from . import admission, clock, keys, lifecycle, sessions, token_admission, token_store, wikis
from .admission import Admission
from .audit import OPERATOR, By
from .bindings import ROOT, Bindings
from .credentials import CheckedTokens, Guard
from .database import BUSY_TIMEOUT_SECONDS, Database, sqlite_url
from .hosts import check_domain
from .identity import IdentityCookies
from .layout import Layout
from .lifecycle import NewWiki, Recovery
from .limits import FarmLimits
from .names import author_email
from .opened import OpenedWiki, OpenedWikis
from .rate_limits import RateLimits
from .tokens import BCRYPT_ROUNDS
from .visits import SignedIn, Visit
from .wiki_database import Tables
from .wikis import WikiRecord

TOUCH_EVERY_SECONDS = 3600
_NO_FILES: Mapping[str, bytes] = MappingProxyType({})
_NO_ENVIRON: Mapping[str, object] = MappingProxyType({})
_DEFAULT_LIMITS = FarmLimits()


class Farm:
    """A farm at `home` for `domain`, reached over `scheme`. Safe for threads.

    Opens nothing until it is used, so it may be made before a server forks its workers.
    `database_url` is the registry's place if it is not ``data/robot.db``; `max_open_wikis` bounds
    what this process keeps open. `abuse_contact` (an address or URL, or "") is told to whoever is
    suspended.
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
        limits: FarmLimits = _DEFAULT_LIMITS,
        abuse_contact: str = "",
    ) -> None:
        if scheme not in ("http", "https"):
            raise ValueError(f"the scheme is http or https, not {scheme!r}")
        self.layout = Layout(home.absolute())
        self.domain = check_domain(domain)
        self.scheme = scheme
        self.bcrypt_rounds = bcrypt_rounds
        self.limits = limits
        self.abuse_contact = abuse_contact
        self.database = Database(
            database_url or sqlite_url(self.layout.registry),
            busy_timeout_seconds=busy_timeout_seconds,
        )
        self.tables: Tables | None = None  # Otterwiki's own; set when it has been loaded
        self.checked_tokens = CheckedTokens()
        self.rate_limits: RateLimits | None = None  # set by the front door that has them
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

    @cached_property
    def bindings(self) -> Bindings:
        """The cookies by which each host knows a browser; raises KeyRefused without the secret."""
        return Bindings(self.secret_key, self.scheme)

    # ------------------------------------------------------------------ requests

    def admit(
        self,
        slug: str,
        cookie_header: str | None,
        environ: Mapping[str, object] = _NO_ENVIRON,
        *,
        now: datetime | None = None,
    ) -> Admission:
        """Who asks for `slug` by cookies, and what they may do; see :func:`admission.admit`."""
        return admission.admit(self, slug, cookie_header, environ, now or clock.now())

    def admit_authorized(
        self,
        slug: str,
        authorization: str,
        *,
        allow_basic: bool = False,
        guard: Guard | None = None,
        now: datetime | None = None,
    ) -> Admission:
        """The same by an Authorization header; see
        :func:`token_admission.admit_authorized`."""
        return token_admission.admit_authorized(
            self, slug, authorization, now or clock.now(), allow_basic=allow_basic, guard=guard
        )

    def visit(
        self,
        cookie_header: str | None,
        environ: Mapping[str, object] = _NO_ENVIRON,
        *,
        now: datetime | None = None,
    ) -> Visit:
        """Who the browser is at the root host; see :func:`admission.visit`."""
        return admission.visit(self, ROOT, cookie_header, environ, now or clock.now())

    def sign_in(
        self,
        did: str,
        *,
        method: str,
        user_agent: str | None = None,
        address: str | None = None,
        cookie_header: str | None = None,
        now: datetime | None = None,
    ) -> list[str]:
        """Start a session; returns Set-Cookie headers. See :func:`admission.sign_in`."""
        return admission.sign_in(
            self,
            did,
            method=method,
            now=now or clock.now(),
            user_agent=user_agent,
            address=address,
            cookie_header=cookie_header,
        )

    def sign_out(
        self,
        cookie_header: str | None,
        *,
        address: str | None = None,
        now: datetime | None = None,
    ) -> list[str]:
        """End this browser's session; returns Set-Cookie headers."""
        return admission.sign_out(self, cookie_header, address=address, now=now or clock.now())

    def end_session(self, session_id: str, by: By) -> bool:
        """End one session of the person who asks; see :func:`admission.end_session`."""
        return admission.end_session(self, session_id, by, now=clock.now())

    def sign_out_everywhere(self, by: By) -> int:
        """End all sessions of the person who asks; returns how many."""
        return admission.sign_out_everywhere(self, by, now=clock.now())

    def refuse_sign_in(
        self, reason: str, *, did: str | None = None, address: str | None = None
    ) -> None:
        """Write down that a sign-in was refused; see :func:`admission.refuse_sign_in`."""
        admission.refuse_sign_in(self, reason, now=clock.now(), did=did, address=address)

    def statement_for(
        self,
        slug: str,
        person: SignedIn,
        nonce: str,
        *,
        was_asked: bool,
        now: datetime | None = None,
    ) -> str:
        """The root host's word to a wiki's; see :func:`admission.statement_for`."""
        moment = now or clock.now()
        return admission.statement_for(self, slug, person, nonce, was_asked=was_asked, now=moment)

    def confirm(
        self, slug: str, cookie_header: str | None, statement: str, now: datetime | None = None
    ) -> str | None:
        """Believe a session at a wiki's host; see :func:`admission.confirm`."""
        return admission.confirm(self, slug, cookie_header, statement, now or clock.now())

    def see(self, visit: Visit, now: datetime | None = None) -> None:
        """Keep when a session was last seen, or a token used, to the hour: most requests write
        nothing."""
        if visit.to_see is None and visit.used_token is None:
            return
        moment = now or clock.now()
        with self.database.writing() as session:
            if visit.to_see is not None:
                sessions.see(session, visit.to_see, moment)
            if visit.used_token is not None:
                token_store.use(session, visit.used_token, moment)

    def renewed_cookie(self, visit: Visit, now: datetime | None = None) -> str | None:
        """A fresh platform cookie where the browser's is older than a day, else None."""
        record = visit.to_renew
        if record is None:
            return None
        moment = now or clock.now()
        return self.identity.set_cookie(
            record.user_did,
            record.id,
            moment,
            lifetime_seconds=record.cookie_seconds(moment),
        )

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
        description: str = "",
        template: Mapping[str, bytes] = _NO_FILES,
        max_wikis: int | None = None,
        by: By = OPERATOR,
    ) -> NewWiki:
        """Make a wiki and its first token; see :func:`lifecycle.create`."""
        return lifecycle.create(
            self,
            slug,
            owner_did=owner_did,
            is_public=is_public,
            display_name=display_name,
            description=description,
            template=template,
            max_wikis=max_wikis,
            by=by,
        )

    def delete_wiki(self, slug: str, *, by: By = OPERATOR) -> None:
        """Remove a wiki for good; see :func:`lifecycle.delete`."""
        lifecycle.delete(self, slug, by)
        self._opened.forget(slug)

    def finish_account_deletions(self, did: str) -> None:
        """Remove the wikis of the deleted account `did`; see :func:`people.delete_account`."""
        for slug in lifecycle.finish_account_deletions(self, did):
            self._opened.forget(slug)

    def recover(self) -> Recovery:
        """Finish or undo what a killed process left; see :func:`lifecycle.recover`."""
        found = lifecycle.recover(self)
        for slug in found.closed:
            self._opened.forget(slug)
        return found

    def close(self) -> None:
        """Give back files and connections; the farm can still be used."""
        self._opened.clear()
        self.database.close()
