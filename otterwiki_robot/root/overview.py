"""/app/: my wikis with what they use of the limits, and the wikis that are shared with me."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from otterwiki_tenant import acls, people, users, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.disk_use import size_of_objects
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.layout import repository_of
from otterwiki_tenant.wikis import WikiRecord

from .notices import Done, with_notice


@dataclass(frozen=True)
class OwnWiki:
    """A wiki of one's own and what it uses; sizes in bytes, a limit of None is none."""

    record: WikiRecord
    pages: int
    max_pages: int
    collaborators: int
    max_collaborators: int
    size_bytes: int
    max_bytes: int | None

    @property
    def is_full(self) -> bool:
        """Whether no page can be added."""
        return self.pages >= self.max_pages


@dataclass(frozen=True)
class SharedWiki:
    """Somebody else's wiki, with the role one has there."""

    record: WikiRecord
    owner: str
    role: Role


@dataclass(frozen=True)
class Overview:
    """What a person sees first."""

    own: tuple[OwnWiki, ...]
    shared: tuple[SharedWiki, ...]
    may_create: bool


def overview_of(farm: Farm, did: str) -> Overview:
    """The wikis a person owns or works on, by the current rows; raises Unavailable."""
    limits = farm.limits
    with farm.database.reading() as session:
        owned = [
            (record, acls.count_collaborators(session, record.slug))
            for record in wikis.owned_by(session, did)
        ]
        shared = tuple(
            SharedWiki(record, users.get_by_did(session, record.owner_did).shown_name, role)
            for record, role in wikis.shared_with(session, did)
        )
    own = tuple(
        OwnWiki(
            record=record,
            pages=record.page_count,
            max_pages=limits.pages_of(record),
            collaborators=collaborators,
            max_collaborators=limits.max_collaborators,
            size_bytes=size_of_objects(repository_of(farm.layout.wiki(record.slug))),
            max_bytes=limits.repository_bytes,
        )
        for record, collaborators in owned
    )
    return Overview(own, shared, may_create=len(own) < limits.max_wikis)


def create_blueprint(farm: Farm) -> Blueprint:
    """The page and the way out of a shared wiki."""
    blueprint = Blueprint("overview", __name__)

    @blueprint.get("/app/")
    def show() -> str:
        return render_template("robot/overview.html", overview=overview_of(farm, g.person.did))

    @blueprint.get("/app")
    def without_slash() -> Response:
        return redirect(url_for("overview.show"), 308)  # type: ignore[return-value]

    @blueprint.post("/app/leave")
    def leave() -> Response:
        people.leave(farm, request.form.get("wiki", ""), g.by)
        return redirect(with_notice(url_for("overview.show"), Done.LEFT), 303)  # type: ignore[return-value]

    return blueprint
