"""One request as a handler gets it, and what a handler answers. Nothing here knows Flask."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from pydantic import BaseModel

from otterwiki_engine.actor import Actor, Permission
from otterwiki_engine.pages.records import Writer
from otterwiki_engine.pages.service import PageService

from .preconditions import Preconditions
from .refusals import Refused

Query = TypeVar("Query")
Body = TypeVar("Body")


@dataclass(frozen=True)
class Upload:
    """A body that is a file: its bytes, and the media type the client named, if any."""

    content: bytes
    content_type: str | None


@dataclass
class Call(Generic[Query, Body]):
    """A request whose sender may do what the route asks for, with everything parsed.

    `page` and `filename` are those of the address, "" where it has none. `query` and `body` are the
    route's models. `make_writer` says whom a commit names.
    """

    service: PageService
    actor: Actor
    query: Query
    body: Body
    preconditions: Preconditions
    make_writer: Callable[[Actor], Writer]
    page: str = ""
    filename: str = ""

    @cached_property
    def by(self) -> Writer:
        """Whom the commit names: the person and the program."""
        return self.make_writer(self.actor)

    def require(self, permission: Permission) -> None:
        """Refuse with 403 unless the sender has `permission` besides what the route asks for."""
        if not self.actor.may(permission):
            raise Refused(
                403, "forbidden", f"That needs the permission {permission.value.lower()} as well."
            )


@dataclass(frozen=True)
class Answer:
    """What goes back: `model` as JSON.

    `etag` is the entity tag without its quotation marks.
    """

    model: BaseModel
    status: int = 200
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileAnswer:
    """What goes back: an attachment's bytes, `filename` as it is to be saved."""

    content: bytes
    filename: str
    mime_type: str
    etag: str


Handler = Callable[[Call], "Answer | FileAnswer"]  # type: ignore[type-arg]


def page_etag(
    revision: str, links_to: tuple[str, ...] = (), linked_from: tuple[str, ...] = ()
) -> str:
    """The entity tag of an answer about a page: its revision, which is a base for If-Match.

    Where the answer also tells of links in either direction, and there are some, these have a part
    in it: they change without the page (a link leads to a page of another case once there is one).
    """
    if not (links_to or linked_from):
        return revision
    digest = hashlib.sha256(json.dumps([links_to, linked_from]).encode("ascii")).digest()
    return f"{revision}-{base64.urlsafe_b64encode(digest[:9]).decode('ascii')}"
