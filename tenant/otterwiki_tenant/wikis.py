"""The registry's wikis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from . import acls, users
from .access import Role
from .clock import timestamp, timestamp_before
from .errors import LimitReached, NameTaken, NoSuchWiki, NotPublic, WikiExists
from .models import AclRow, TokenRow, UserRow, WikiRow
from .names import check_description, check_display_name
from .questions import Questions
from .users import User

_COLUMNS = WikiRow.__table__.c
# Asked on every request, so built once, and of table columns: the ORM has nothing to add here.
_BY_SLUG = select(*_COLUMNS).where(_COLUMNS.slug == bindparam("slug"))
_ROLES = AclRow.__table__.c
_WITH_ROLE = (
    select(*_COLUMNS, _ROLES.role)
    .join_from(
        WikiRow.__table__,
        AclRow.__table__,
        and_(_ROLES.wiki_slug == _COLUMNS.slug, _ROLES.grantee_did == bindparam("did")),
        isouter=True,
    )
    .where(_COLUMNS.slug == bindparam("slug"))
)
_FLAGS = [
    place for place, column in enumerate(_COLUMNS) if column.name in ("is_public", "is_listed")
]


@dataclass(frozen=True)
class WikiRecord:
    """A wiki as the registry knows it; timestamps are ISO 8601 UTC text.

    The fields are the table's columns, in their order. `mcp_token_hash` and `session_key` are kept
    out of its repr, so that they stay out of logs.
    """

    slug: str
    owner_did: str
    display_name: str
    repo_path: str
    mcp_token_hash: str
    token_id: str
    is_public: bool
    created_at: str
    last_accessed: str
    page_count: int
    template_revision: str | None
    session_key: str
    description: str = ""
    is_listed: bool = False
    suspended_at: str | None = None
    max_pages: int | None = None

    def __repr__(self) -> str:
        hidden = {"mcp_token_hash", "session_key"}
        shown = [
            f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.name not in hidden
        ]
        return f"WikiRecord({', '.join(shown)})"


def record_of(row: Sequence[Any]) -> WikiRecord:
    """The record of a row of the table's columns, in their order."""
    values = list(row)
    for place in _FLAGS:
        values[place] = bool(values[place])
    return WikiRecord(*values)


def by_slug(session: Session, slug: str) -> WikiRecord | None:
    """The wiki of that slug, or None."""
    row = session.execute(_BY_SLUG, {"slug": slug}).one_or_none()
    return None if row is None else record_of(row)


def with_role(questions: Questions, slug: str, did: str) -> tuple[WikiRecord | None, Role | None]:
    """The wiki of that slug and the person's role on it, None for what there is not. One query."""
    row = questions.one(_WITH_ROLE, {"slug": slug, "did": did})
    if row is None:
        return None, None
    return record_of(row[:-1]), None if row[-1] is None else Role(row[-1])


def get(session: Session, slug: str) -> WikiRecord:
    """The wiki of that slug; raises :class:`NoSuchWiki`."""
    record = by_slug(session, slug)
    if record is None:
        raise NoSuchWiki(f"There is no wiki {slug}")
    return record


def lock(session: Session, slug: str) -> None:
    """Keep other transactions from writing the wiki's row until this one ends.

    On SQLite a writing transaction does that by itself. Raises :class:`NoSuchWiki`.
    """
    statement = select(WikiRow.slug).where(WikiRow.slug == slug).with_for_update()
    if session.execute(statement).one_or_none() is None:
        raise NoSuchWiki(f"There is no wiki {slug}")


def lock_owned_by(session: Session, did: str) -> None:
    """As :func:`lock`, for all wikis of a person."""
    statement = select(WikiRow.slug).where(WikiRow.owner_did == did).order_by(WikiRow.slug)
    session.execute(statement.with_for_update()).all()


def all_wikis(session: Session) -> list[WikiRecord]:
    """Every wiki, by slug."""
    return [record_of(row) for row in session.execute(select(*_COLUMNS).order_by(_COLUMNS.slug))]


def owned_by(session: Session, did: str) -> list[WikiRecord]:
    """The wikis a person owns, oldest first."""
    statement = select(*_COLUMNS).where(_COLUMNS.owner_did == did)
    rows = session.execute(statement.order_by(_COLUMNS.created_at, _COLUMNS.slug))
    return [record_of(row) for row in rows]


def listed(session: Session) -> list[WikiRecord]:
    """The wikis that wish to be found: public, listed, not suspended, their owner active."""
    statement = (
        select(*_COLUMNS)
        .join(UserRow, UserRow.did == _COLUMNS.owner_did)
        .where(
            _COLUMNS.is_public == 1,
            _COLUMNS.is_listed == 1,
            _COLUMNS.suspended_at.is_(None),
            UserRow.suspended_at.is_(None),
            UserRow.deleted_at.is_(None),
        )
    )
    found = [record_of(row) for row in session.execute(statement)]
    return sorted(found, key=lambda record: (record.display_name.casefold(), record.slug))


def shared_with(session: Session, did: str) -> list[tuple[WikiRecord, Role]]:
    """The wikis a person is editor or viewer of, with that role, by slug.

    Not those of a deleted account, which are about to be removed.
    """
    statement = (
        select(AclRow.role, *_COLUMNS)
        .join(AclRow, AclRow.wiki_slug == _COLUMNS.slug)
        .join(UserRow, UserRow.did == _COLUMNS.owner_did)
        .where(
            AclRow.grantee_did == did,
            AclRow.role != Role.OWNER.value,
            UserRow.deleted_at.is_(None),
        )
        .order_by(_COLUMNS.slug)
    )
    return [(record_of(row), Role(role)) for role, *row in session.execute(statement)]


def of_deleted_accounts(session: Session) -> list[WikiRecord]:
    """The wikis whose owner's account is deleted: what is left of it, by slug."""
    statement = (
        select(*_COLUMNS)
        .join(UserRow, UserRow.did == _COLUMNS.owner_did)
        .where(UserRow.deleted_at.is_not(None))
        .order_by(_COLUMNS.slug)
    )
    return [record_of(row) for row in session.execute(statement)]


def check_free(session: Session, slug: str, owner: User, max_wikis: int | None) -> None:
    """Raise LimitReached, WikiExists or NameTaken unless `owner` may make the wiki `slug` now.

    `max_wikis` is how many wikis one person may have, None for any number. It is looked at first:
    who may make no wiki is not told which names are taken.
    """
    if max_wikis is not None and len(owned_by(session, owner.did)) >= max_wikis:
        raise LimitReached(
            f"{owner.shown_name} has {max_wikis} wiki{'' if max_wikis == 1 else 's'},"
            " as many as a person may have"
        )
    if by_slug(session, slug) is not None:
        raise WikiExists(f"There is a wiki {slug} already")
    if users.name_owner(session, slug) not in (None, owner.did):
        raise NameTaken(slug, "it is somebody else's username or wiki address")


def add(
    session: Session, record: WikiRecord, owner: User, now: datetime, max_wikis: int | None
) -> None:
    """Store a new wiki with its owner's role, and take its name.

    Raises as :func:`check_free`, or NoSuchUser where the owner's account was deleted meanwhile.
    """
    users.lock(session, owner.did)
    check_free(session, record.slug, owner, max_wikis)
    users.claim_name(session, record.slug, owner.did, now)
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    values.update(is_public=int(record.is_public), is_listed=int(record.is_listed))
    session.execute(insert(WikiRow).values(**values))
    acls.add_owner(session, record.slug, owner.did, now)
    users.recount_wikis(session, owner.did)


def remove(session: Session, slug: str) -> None:
    """Delete a wiki's row and everything in the registry that hangs on it; the name stays taken.

    Raises :class:`NoSuchWiki`.
    """
    record = get(session, slug)
    for hanging in (TokenRow, AclRow):
        session.execute(delete(hanging).where(hanging.wiki_slug == slug))
    session.execute(delete(WikiRow).where(WikiRow.slug == slug))
    users.recount_wikis(session, record.owner_did)


def set_public(session: Session, slug: str, is_public: bool) -> None:
    """Open a wiki to every reader, or close it, which unlists it; raises :class:`NoSuchWiki`."""
    if is_public:
        _update(session, slug, is_public=1)
    else:
        _update(session, slug, is_public=0, is_listed=0)


def set_listed(session: Session, slug: str, is_listed: bool) -> None:
    """Show a wiki on the front page, or don't; raises :class:`NoSuchWiki` or :class:`NotPublic`."""
    if is_listed and not get(session, slug).is_public:
        raise NotPublic("Only a public wiki can be listed. Make it public first")
    _update(session, slug, is_listed=int(is_listed))


def describe(session: Session, slug: str, *, name: str, description: str) -> None:
    """Set a wiki's name and description, one line each; raises TextRefused or NoSuchWiki."""
    _update(
        session,
        slug,
        display_name=check_display_name(name),
        description=check_description(description),
    )


def suspend(session: Session, slug: str, now: datetime) -> bool:
    """Let nobody in until it is resumed; whether that changes anything. Raises NoSuchWiki."""
    if get(session, slug).suspended_at is not None:
        return False
    _update(session, slug, suspended_at=timestamp(now))
    return True


def resume(session: Session, slug: str) -> bool:
    """End a suspension; whether there was one. Raises NoSuchWiki."""
    if get(session, slug).suspended_at is None:
        return False
    _update(session, slug, suspended_at=None)
    return True


def set_max_pages(session: Session, slug: str, max_pages: int | None) -> None:
    """Give a wiki a page limit of its own, None for the farm's; raises NoSuchWiki."""
    _update(session, slug, max_pages=max_pages)


def set_page_count(session: Session, slug: str, page_count: int) -> None:
    """Keep the number of pages; raises :class:`NoSuchWiki`."""
    _update(session, slug, page_count=page_count)


def touch(session: Session, slug: str, now: datetime, *, every_seconds: int) -> None:
    """Set last_accessed to `now` unless it is younger than `every_seconds`."""
    session.execute(
        update(WikiRow)
        .where(WikiRow.slug == slug, WikiRow.last_accessed <= timestamp_before(now, every_seconds))
        .values(last_accessed=timestamp(now))
    )


def _update(session: Session, slug: str, **values: Any) -> None:
    done = session.execute(update(WikiRow).where(WikiRow.slug == slug).values(**values))
    if done.rowcount != 1:
        raise NoSuchWiki(f"There is no wiki {slug}")
