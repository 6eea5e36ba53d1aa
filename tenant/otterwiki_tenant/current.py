"""The wiki of this request. There is none by default, and then asking is an error.

Kept in a context variable: each request (and each thread or task that enters one by itself) has
its own, and a thread that was started by a request has none.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from otterwiki_engine.actor import Actor
from otterwiki_engine.errors import NoWikiActive
from otterwiki_engine.wiki import Wiki

from . import wikis
from .access import Credential
from .hosts import sign_in_url
from .opened import OpenedWiki
from .visits import Doubt
from .wikis import WikiRecord

if TYPE_CHECKING:
    from .admission import Admission
    from .farm import Farm


@dataclass
class ActiveWiki:
    """One wiki as one request sees it.

    `actor` is who asks (by default somebody who may do nothing), `port` the one the client named
    in its Host header. `doubt` is a session that is not believed here yet, `credential` what the
    request was admitted by. `readmit` asks the front door's question again, by the rows of now;
    None outside of a request. `written` holds settings that Otterwiki changed during this request.
    """

    farm: Farm
    record: WikiRecord
    actor: Actor = field(default_factory=Actor)
    port: str | None = None
    doubt: Doubt | None = None
    credential: Credential = Credential.NONE
    readmit: Callable[[], Admission] | None = None
    written: dict[str, object] = field(default_factory=dict)

    @cached_property
    def opened(self) -> OpenedWiki:
        """The wiki's opened folder; held here, so that it stays open as long as the request."""
        return self.farm.opened(self.record)

    @property
    def wiki(self) -> Wiki:
        """The engine's wiki."""
        return self.opened.wiki

    @cached_property
    def settings(self) -> Mapping[str, object]:
        """The wiki's own settings as of the first time this request asked.

        Name and description are the registry's, whatever the rows of wiki.db say.
        """
        return {
            **self.opened.database.settings(),
            "SITE_NAME": self.record.display_name,
            "SITE_DESCRIPTION": self.record.description,
        }

    def sign_in_url(self, next_url: str) -> str:
        """Where this request's person signs in, or confirms who they are, to see `next_url`."""
        query = self.doubt.query if self.doubt else {}
        return sign_in_url(self.farm.scheme, self.farm.domain, self.port, next_url, query)

    @cached_property
    def secret_key(self) -> str:
        """Signs this wiki's session cookie and forms: another wiki's are worth nothing here."""
        message = b"wiki session\0" + self.record.session_key.encode("ascii")
        return hmac.new(self.farm.secret_key, message, hashlib.sha256).hexdigest()


_active: ContextVar[ActiveWiki | None] = ContextVar("otterwiki_tenant_active_wiki", default=None)


def active_or_none() -> ActiveWiki | None:
    """The active wiki, None where there is none."""
    return _active.get()


def active() -> ActiveWiki:
    """The active wiki; raises :class:`NoWikiActive` where there is none."""
    found = _active.get()
    if found is None:
        raise NoWikiActive("no wiki is active here: enter one with wiki_context()")
    return found


def enter(entered: ActiveWiki) -> None:
    """Make `entered` the current wiki of this context for good: the context must be a fresh one."""
    _active.set(entered)


@contextmanager
def activate(entered: ActiveWiki) -> Iterator[ActiveWiki]:
    """Make `entered` the current wiki until the end of the block."""
    token = _active.set(entered)
    try:
        yield entered
    finally:
        _active.reset(token)


@contextmanager
def wiki_context(farm: Farm, slug: str, *, actor: Actor | None = None) -> Iterator[ActiveWiki]:
    """Enter a wiki outside of a request (worker, CLI, tests); raises NoSuchWiki.

    Without an `actor` every permission question in the block is answered no.
    """
    with farm.database.reading() as session:
        record = wikis.get(session, slug)
    with activate(ActiveWiki(farm, record, actor or Actor(wiki=slug))) as entered:
        yield entered
