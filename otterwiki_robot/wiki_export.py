"""A person's export of a wiki: a file to send, and an audit row."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from sqlalchemy.orm import Session

from otterwiki_tenant import acls, audit, wikis
from otterwiki_tenant.audit import Action, By
from otterwiki_tenant.errors import NoSuchWiki, Suspended
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.rights import acting_person, suspended_text
from otterwiki_tenant.wikis import WikiRecord

from .transfer.exporting import export
from .transfer.slots import transfer_slot
from .transfer.workspace import workspace


class Kind(enum.StrEnum):
    """What a wiki can be taken away as; the value is the file's suffix."""

    BUNDLE = "bundle"
    ZIP = "zip"

    @property
    def media_type(self) -> str:
        """Its media type; git bundles have none of their own."""
        return "application/zip" if self is Kind.ZIP else "application/octet-stream"


def file_name(slug: str, kind: Kind, now: datetime) -> str:
    """What the file of an export made now is called; a slug needs no escaping."""
    return f"{slug}-{now:%Y-%m-%d}.{kind}"


@dataclass(frozen=True)
class ExportedFile:
    """A file that is open and has no name any more: closing it gives its room back."""

    file: IO[bytes]
    file_name: str
    size_bytes: int


def export_wiki(farm: Farm, slug: str, kind: Kind, *, by: By, now: datetime) -> ExportedFile:
    """Export the wiki for somebody who has a role on it; whoever calls closes the file.

    Raises NoSuchWiki (also for those without a role), Suspended, Forbidden, or
    :class:`TransferRefused`.
    """
    with farm.database.reading() as session:
        record = _readable_wiki(farm, session, slug, by)
    with (
        transfer_slot(farm.layout.run, by.did or ""),
        workspace(farm.layout.run) as work,
    ):
        opened = farm.opened(record)
        path = work.folder / f"export.{kind}"
        size_bytes = export(opened.wiki.repository, path, _unwatched)
        file = path.open("rb")  # stays readable when the workspace is gone
        try:
            with farm.database.writing() as session:
                _readable_wiki(farm, session, slug, by)  # it may have taken a while
                audit.record(
                    session,
                    Action.WIKI_EXPORTED,
                    now=now,
                    actor_did=by.did,
                    wiki_slug=slug,
                    detail=str(kind),
                    address=by.address,
                )
        except BaseException:
            file.close()
            raise
    return ExportedFile(file, file_name(slug, kind, now), size_bytes)


def _readable_wiki(farm: Farm, session: Session, slug: str, by: By) -> WikiRecord:
    """The wiki, if the person has a role there today; raises as :func:`export_wiki`."""
    person = acting_person(session, by, farm.abuse_contact)
    record = wikis.get(session, slug)
    role = acls.role_of(session, slug, person.did) if person else None
    if role is None:
        raise NoSuchWiki(f"There is no wiki {slug}")
    if record.suspended_at is not None:
        raise Suspended(suspended_text(f"The wiki {slug}", farm.abuse_contact))
    return record


def _unwatched(_stage: str, _done: int, _total: int | None) -> None:
    """Progress that nobody watches: a browser shows the download's own."""
