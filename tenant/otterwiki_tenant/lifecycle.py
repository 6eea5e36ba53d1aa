"""Wikis come and go, wholly or not at all.

A wiki exists when its row does. Creation builds the folder under a hidden name, renames it into
place and then inserts the row; deletion removes the row and then the folder. Both first leave a
marker in the folder, so :func:`recover` can tell the debris of a killed process (a marked folder
without a row: removed) from data the registry has lost sight of (an unmarked one: reported and
never touched, for the registry may have been restored from an older day).

All three hold one lock of the farm, which the kernel releases when its holder dies.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from otterwiki_engine.authorship import Author
from otterwiki_engine.errors import RepositoryBusy, RepositoryDamaged
from otterwiki_engine.repository import Repository

from . import audit, clock, files, token_store, tokens, users, wikis
from .audit import Action, By
from .errors import Forbidden, StrayFolder, Suspended, TenantError
from .layout import NEW_PREFIX, TRASH_PREFIX, pending_of, repository_of
from .names import author_email, check_description, check_display_name, check_slug
from .rights import acting_person, owned_wiki, suspended_text
from .users import User
from .wikis import WikiRecord

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from .farm import Farm

_log = logging.getLogger(__name__)
_SESSION_KEY_BYTES = 32


@dataclass(frozen=True)
class NewWiki:
    """A wiki just made, and its first bearer token, which is shown once and stored nowhere."""

    record: WikiRecord
    token: str = field(repr=False)


@dataclass(frozen=True)
class Recovery:
    """What :func:`recover` found.

    `removed`: folders of creations and deletions that were cut short. `stray`: folders without a
    row, kept. `missing`: wikis whose folder is not there, kept. `closed`: wikis of deleted
    accounts, removed.
    """

    removed: tuple[str, ...] = ()
    stray: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


def create(
    farm: Farm,
    slug: str | None,
    *,
    owner_did: str,
    is_public: bool,
    display_name: str | None,
    description: str,
    template: Mapping[str, bytes],
    max_wikis: int | None,
    by: By,
) -> NewWiki:
    """Make the wiki `slug` (None: the owner's username) holding the files of `template`.

    `max_wikis` is how many wikis the owner may have, None for any number. Raises NoSuchUser,
    Forbidden, NameRefused, NameTaken, TextRefused, WikiExists, LimitReached or StrayFolder, and
    then nothing was made.
    """
    if display_name is not None:
        display_name = check_display_name(display_name)
    description = check_description(description)
    with files.exclusive(farm.layout.lifecycle_lock):
        now = clock.now()
        with farm.database.reading() as session:
            owner = _future_owner(farm, session, owner_did, by)
            slug = owner.username if slug is None else check_slug(slug)
            wikis.check_free(session, slug, owner, max_wikis)
        folder = farm.layout.wiki(slug)
        _remove_debris(farm, folder)
        if folder.exists():
            raise StrayFolder(
                f"The folder {folder} exists, but the registry knows no such wiki. It was not made"
                " by an unfinished command; look at it and move it away first."
            )
        try:
            record, token = _make(farm, slug, owner, is_public, display_name, description, template)
            with farm.database.writing() as session:  # the moment the wiki begins to exist
                _future_owner(farm, session, owner_did, by)
                wikis.add(session, record, owner, now, max_wikis)
                token_store.add_first(session, record)
                audit.note(session, Action.WIKI_CREATED, by, slug)
        except BaseException:
            _undo(farm, slug)
            raise
        files.remove_durably(pending_of(folder))
    return NewWiki(record, token)


def _future_owner(farm: Farm, session: Session, owner_did: str, by: By) -> User:
    """Who will own a new wiki: the person who asks, or whom the operator names."""
    acting_person(session, by, farm.abuse_contact)
    if by.did not in (None, owner_did):
        raise Forbidden("A wiki can be made for oneself only")
    owner = users.get_by_did(session, owner_did)
    if owner.suspended_at is not None:
        raise Suspended(suspended_text(owner.shown_name, farm.abuse_contact))
    return owner


def _make(
    farm: Farm,
    slug: str,
    owner: User,
    is_public: bool,
    display_name: str | None,
    description: str,
    template: Mapping[str, bytes],
) -> tuple[WikiRecord, str]:
    """Make the folder; returns the row to insert and the text of the first token."""
    now = clock.timestamp(clock.now())
    folder = farm.layout.wiki(slug)
    token = tokens.mint(rounds=farm.bcrypt_rounds)
    record = WikiRecord(
        slug=slug,
        owner_did=owner.did,
        display_name=display_name or slug,
        description=description,
        repo_path=str(repository_of(folder)),
        mcp_token_hash=token.token_hash,
        token_id=token.token_id,
        is_public=is_public,
        created_at=now,
        last_accessed=now,
        page_count=sum(path.endswith(".md") for path in template),
        template_revision=_build_folder(farm, folder, owner, template),
        session_key=secrets.token_hex(_SESSION_KEY_BYTES),
    )
    return record, token.text


def _undo(farm: Farm, slug: str) -> None:
    """After an error in :func:`create`: remove what it made, unless the row is there after all."""
    for building in farm.layout.wikis.glob(NEW_PREFIX + "*"):
        files.remove_durably(building)
    try:
        with farm.database.reading() as session:
            exists = wikis.by_slug(session, slug) is not None
    except TenantError:
        _log.warning("an unfinished wiki is left to the next recovery: wiki=%s", slug)
        return
    if not exists:
        _remove_debris(farm, farm.layout.wiki(slug))


def _build_folder(
    farm: Farm, folder: Path, owner: User, template: Mapping[str, bytes]
) -> str | None:
    """Make the wiki's folder, durable and whole when its name appears; returns the first commit."""
    building = farm.layout.wikis / f"{NEW_PREFIX}{secrets.token_hex(8)}"
    building.mkdir(mode=0o700)
    files.write_durably(pending_of(building), b"create\n")
    repository = Repository.create(repository_of(building), state_dir=building)
    revision = None
    try:
        if template:
            revision = repository.commit(
                template,
                base=None,
                author=Author(owner.shown_name, author_email(owner.did, farm.domain)),
                message="Create the wiki",
                actor=owner.did,
            ).revision
    finally:
        repository.close()
    files.fsync_tree(building)
    files.rename_durably(building, folder)
    return revision


def delete(farm: Farm, slug: str, by: By) -> None:
    """Remove the wiki: row, roles and token first, then the folder. The name stays its owner's.

    Raises NoSuchWiki or Forbidden; a suspended wiki is deleted by the operator only, so that
    nobody gets rid of a suspension that way. A save under way is waited for; one that comes later
    finds the wiki gone.
    """
    with files.exclusive(farm.layout.lifecycle_lock):
        with farm.database.reading() as session:
            owned_wiki(session, slug, by, farm.abuse_contact)
        folder = farm.layout.wiki(slug)
        if folder.exists():
            files.write_durably(pending_of(folder), b"delete\n")
        try:
            with farm.database.writing() as session:  # the moment the wiki ceases to exist
                owned_wiki(session, slug, by, farm.abuse_contact)
                wikis.remove(session, slug)
                audit.note(session, Action.WIKI_DELETED, by, slug)
        except Forbidden:  # since a moment ago
            files.remove_durably(pending_of(folder))
            raise
        _move_away(farm, folder)


def finish_account_deletions(farm: Farm, did: str | None = None) -> list[str]:
    """Remove the wikis of deleted accounts, or of that one only; returns their slugs."""
    with files.exclusive(farm.layout.lifecycle_lock):
        return _remove_wikis_of_deleted_accounts(farm, did)


def _remove_wikis_of_deleted_accounts(farm: Farm, did: str | None) -> list[str]:
    with farm.database.reading() as session:
        found = [r for r in wikis.of_deleted_accounts(session) if did in (None, r.owner_did)]
    for record in found:
        folder = farm.layout.wiki(record.slug)
        if folder.exists():
            files.write_durably(pending_of(folder), b"delete\n")
        with farm.database.writing() as session:
            wikis.remove(session, record.slug)
            by = By(record.owner_did)
            audit.note(
                session,
                Action.WIKI_DELETED,
                by,
                record.slug,
                detail="with its owner's account",
            )
        _move_away(farm, folder)
    return [record.slug for record in found]


def _move_away(farm: Farm, folder: Path) -> None:
    """Take the folder's name away between two saves, then remove it."""
    if not folder.exists():
        return
    trash = farm.layout.wikis / f"{TRASH_PREFIX}{folder.name}-{secrets.token_hex(8)}"
    try:
        repository = Repository(repository_of(folder), state_dir=folder)
    except RepositoryDamaged:
        files.rename_durably(folder, trash)
    else:
        try:
            with repository.lock():
                files.rename_durably(folder, trash)
        except RepositoryBusy:
            _log.warning("deleted under a writer that held its lock too long: wiki=%s", folder.name)
            files.rename_durably(folder, trash)
        finally:
            repository.close()
    files.remove_durably(trash)


def _remove_debris(farm: Farm, folder: Path) -> bool:
    """Remove a marked folder that has no row; the caller made sure that it has none."""
    if not pending_of(folder).exists():
        return False
    _move_away(farm, folder)
    return True


def recover(farm: Farm) -> Recovery:
    """Finish or undo what killed processes left. Run when the farm starts, and by the doctor."""
    removed: list[str] = []
    stray: list[str] = []
    with files.exclusive(farm.layout.lifecycle_lock):
        closed = _remove_wikis_of_deleted_accounts(farm, None)
        with farm.database.reading() as session:
            known = {record.slug for record in wikis.all_wikis(session)}
        folders = sorted(path for path in farm.layout.wikis.iterdir() if path.is_dir())
        for folder in folders:
            if folder.name.startswith((NEW_PREFIX, TRASH_PREFIX)):
                files.remove_durably(folder)
                removed.append(folder.name)
            elif folder.name in known:
                files.remove_durably(pending_of(folder))
            elif _remove_debris(farm, folder):
                removed.append(folder.name)
            elif not folder.name.startswith("."):
                stray.append(folder.name)
        missing = sorted(known - {folder.name for folder in folders})
    for name in removed:
        _log.info("removed what an unfinished command left: folder=%s", name)
    for slug in closed:
        _log.info("removed a wiki of a deleted account: wiki=%s", slug)
    return Recovery(tuple(removed), tuple(stray), tuple(missing), tuple(closed))
