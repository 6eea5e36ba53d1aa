"""What is done to people and to who may do what: each act with its rights check and audit row.

Used by the pages and by the command line alike. Each function is one transaction, in which rights
are asked of the current rows, the act is done and the audit row is written. Making and deleting
wikis are the farm's own (:meth:`Farm.create_wiki`, :meth:`Farm.delete_wiki`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import acls, audit, clock, login_links, sessions, users, wiki_tokens, wikis
from .access import Role
from .audit import OPERATOR, Action, By
from .errors import (
    DeletionUnfinished,
    FarmBusy,
    Forbidden,
    NoSuchCollaborator,
    NoSuchWiki,
    RoleRefused,
    Suspended,
    Unavailable,
)
from .rights import acting_person, owned_wiki, require_operator, suspended_text
from .users import User
from .wikis import WikiRecord

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from .farm import Farm

__all__ = ["OPERATOR", "By"]  # offered here too, beside what needs them


def add_user(
    farm: Farm, *, did: str, handle: str, username: str | None = None, by: By = OPERATOR
) -> User:
    """Register a person, or bring a deleted account back; raises Forbidden or as :func:`users.add`.

    For the operator: whoever signs in for the first time goes through :mod:`.signup`.
    """
    require_operator(by)
    now = clock.now()
    with farm.database.writing() as session:
        try:
            person = users.add(session, did=did, handle=handle, username=username, now=now)
        except DeletionUnfinished as error:
            raise DeletionUnfinished(
                f"{error}; if that does not help, run: robot doctor"
            ) from error
        audit.note(session, Action.USER_ADDED, by, subject_did=person.did, detail=person.username)
    return person


# ---------------------------------------------------------------------- roles


def grant(farm: Farm, slug: str, grantee_did: str, role: Role, by: By) -> Role | None:
    """Make somebody an editor or viewer of a wiki; returns the role they had before.

    Raises NoSuchWiki, Forbidden, NoSuchUser, RoleRefused or CollaboratorLimit.
    """
    now = clock.now()
    with farm.database.writing() as session:
        record = owned_wiki(session, slug, by, farm.abuse_contact)
        grantee = users.lock(session, grantee_did)
        if grantee.suspended_at is not None:
            raise RoleRefused(f"{grantee.shown_name} can't be given a role at present")
        before = acls.grant(
            session,
            slug,
            grantee_did=grantee_did,
            role=role,
            granted_by=by.did or record.owner_did,
            now=now,
            max_collaborators=farm.limits.max_collaborators,
        )
        if before is not role:
            action = Action.GRANTED if before is None else Action.ROLE_CHANGED
            detail = str(role) if before is None else f"{before} to {role}"
            audit.note(session, action, by, slug, grantee_did, detail)
    return before


def revoke(farm: Farm, slug: str, grantee_did: str, by: By) -> None:
    """Take a collaborator's role away, and the tokens they made; what they wrote stays.

    Raises NoSuchWiki, Forbidden, NoSuchCollaborator or RoleRefused.
    """
    with farm.database.writing() as session:
        owned_wiki(session, slug, by, farm.abuse_contact)
        role = acls.revoke(session, slug, grantee_did)
        audit.note(session, Action.REVOKED, by, slug, grantee_did, str(role))
        wiki_tokens.revoke_of_maker(session, grantee_did, by, slug)


def leave(farm: Farm, slug: str, by: By) -> None:
    """Give one's own role on somebody's wiki up.

    Raises NoSuchWiki, Forbidden, NoSuchCollaborator, or RoleRefused for the owner.
    """
    with farm.database.writing() as session:
        person = acting_person(session, by, farm.abuse_contact)
        if person is None:
            raise Forbidden("Only a collaborator can leave a wiki")
        wikis.lock(session, slug)
        record = wikis.get(session, slug)
        role = acls.role_of(session, slug, person.did)
        if role is None and (not record.is_public or record.suspended_at is not None):
            raise NoSuchWiki(f"There is no wiki {slug}")
        if role is None:
            raise NoSuchCollaborator(f"You are no collaborator of {slug}")
        if role is Role.OWNER:
            raise RoleRefused(f"{slug} is your own wiki: it can be deleted, but not left")
        acls.revoke(session, slug, person.did)
        audit.note(session, Action.LEFT, by, slug, person.did, str(role))
        wiki_tokens.revoke_of_maker(session, person.did, by, slug)


# ---------------------------------------------------------------------- a wiki's settings


def change_wiki(
    farm: Farm,
    slug: str,
    by: By,
    *,
    name: str | None = None,
    description: str | None = None,
    is_public: bool | None = None,
    is_listed: bool | None = None,
) -> WikiRecord:
    """Change all of that which is not None, or nothing; returns the wiki as it is then.

    The name has 1 to 80 characters and the description up to 300, one line each. A public wiki is
    read by everybody with its whole history, a private one by its people only; private unlists it.
    Raises NoSuchWiki, Forbidden, TextRefused, or NotPublic for listing a private wiki.
    """
    with farm.database.writing() as session:
        before = owned_wiki(session, slug, by, farm.abuse_contact)
        if name is not None or description is not None:
            wikis.describe(
                session,
                slug,
                name=before.display_name if name is None else name,
                description=before.description if description is None else description,
            )
        if is_public is not None:
            wikis.set_public(session, slug, is_public)
        if is_listed is not None:
            wikis.set_listed(session, slug, is_listed)
        after = wikis.get(session, slug)
        for action in _differences(before, after):
            audit.note(session, action, by, slug)
    return after


def _differences(before: WikiRecord, after: WikiRecord) -> Iterator[Action]:
    texts = (before.display_name, before.description)
    if texts != (after.display_name, after.description):
        yield Action.WIKI_DESCRIBED
    if before.is_listed and not after.is_listed:
        yield Action.UNLISTED
    if before.is_public != after.is_public:
        yield Action.MADE_PUBLIC if after.is_public else Action.MADE_PRIVATE
    if after.is_listed and not before.is_listed:
        yield Action.LISTED


def describe_wiki(farm: Farm, slug: str, name: str, description: str, by: By) -> None:
    """Set a wiki's name and description; see :func:`change_wiki`."""
    change_wiki(farm, slug, by, name=name, description=description)


def set_public(farm: Farm, slug: str, is_public: bool, by: By) -> None:
    """Let everybody read a wiki, or only its people; see :func:`change_wiki`."""
    change_wiki(farm, slug, by, is_public=is_public)


def set_listed(farm: Farm, slug: str, is_listed: bool, by: By) -> None:
    """Show a public wiki on the front page, or don't; see :func:`change_wiki`."""
    change_wiki(farm, slug, by, is_listed=is_listed)


# ---------------------------------------------------------------------- the operator's


def suspend_user(farm: Farm, did: str, by: By = OPERATOR, reason: str | None = None) -> bool:
    """Sign a person out everywhere and keep them out; whether that changes anything.

    Their wikis stay as they are. `reason` is for the audit trail, which the person can see. Raises
    NoSuchUser or Forbidden.
    """
    require_operator(by)
    with farm.database.writing() as session:
        changed = users.suspend(session, did, clock.now())
        sessions.end_all(session, did)
        login_links.remove_of(session, did)
        if changed:
            audit.note(session, Action.USER_SUSPENDED, by, subject_did=did, detail=reason)
    return changed


def resume_user(farm: Farm, did: str, by: By = OPERATOR, reason: str | None = None) -> bool:
    """End a person's suspension; whether there was one. Raises NoSuchUser or Forbidden."""
    require_operator(by)
    with farm.database.writing() as session:
        changed = users.resume(session, did)
        if changed:
            audit.note(session, Action.USER_RESUMED, by, subject_did=did, detail=reason)
    return changed


def suspend_wiki(farm: Farm, slug: str, by: By = OPERATOR, reason: str | None = None) -> bool:
    """Let nobody into a wiki; whether that changes anything. Raises NoSuchWiki or Forbidden."""
    require_operator(by)
    with farm.database.writing() as session:
        wikis.lock(session, slug)
        changed = wikis.suspend(session, slug, clock.now())
        if changed:
            audit.note(session, Action.WIKI_SUSPENDED, by, slug, detail=reason)
    return changed


def resume_wiki(farm: Farm, slug: str, by: By = OPERATOR, reason: str | None = None) -> bool:
    """End a wiki's suspension; whether there was one. Raises NoSuchWiki or Forbidden."""
    require_operator(by)
    with farm.database.writing() as session:
        wikis.lock(session, slug)
        changed = wikis.resume(session, slug)
        if changed:
            audit.note(session, Action.WIKI_RESUMED, by, slug, detail=reason)
    return changed


def set_page_limit(farm: Farm, slug: str, max_pages: int | None, by: By = OPERATOR) -> None:
    """Give a wiki a page limit of its own, None for the farm's. Raises NoSuchWiki or Forbidden."""
    require_operator(by)
    with farm.database.writing() as session:
        wikis.lock(session, slug)
        wikis.set_max_pages(session, slug, max_pages)
        detail = "the farm's" if max_pages is None else f"{max_pages} pages"
        audit.note(session, Action.LIMIT_CHANGED, by, slug, detail=detail)


# ---------------------------------------------------------------------- the end of an account


def delete_account(farm: Farm, did: str, by: By) -> None:
    """Remove a person from the farm: sign-ins, roles, wikis. Their username stays taken.

    The first transaction makes them nobody and closes their wikis to everyone, collaborators too;
    then the wikis are deleted one by one, which :meth:`Farm.recover` finishes where a process died.
    What they wrote in others' wikis stays, with their name in its history: commits can't be changed
    without rewriting somebody else's wiki. Raises NoSuchUser, Forbidden, or :class:`Suspended`
    where the person or a wiki of theirs is suspended and not the operator asks; then nothing has
    happened.
    :class:`DeletionUnfinished` where the account is closed and its wikis could not be removed yet.
    """
    with farm.database.writing() as session:
        wikis.lock_owned_by(session, did)
        person = users.lock(session, did)
        _check_own_account(session, person, by, farm.abuse_contact)
        now = clock.now()
        users.bury(session, did, now)
        sessions.end_all(session, did)
        login_links.remove_of(session, did)
        acls.revoke_all(session, did)
        wiki_tokens.revoke_of_maker(session, did, by)
        for record in wikis.owned_by(session, did):
            acls.revoke_collaborators(session, record.slug)
            wikis.set_public(session, record.slug, False)
            wikis.suspend(session, record.slug, now)
        audit.note(session, Action.ACCOUNT_DELETED, by, subject_did=did, detail=person.username)
    try:
        farm.finish_account_deletions(did)
    except (FarmBusy, Unavailable) as error:
        raise DeletionUnfinished(
            "The account is closed and its wikis can't be seen any more; they are removed when the"
            " farm is started next"
        ) from error


def _check_own_account(session: Session, person: User, by: By, contact: str) -> None:
    if by.did is None:
        return
    if by.did != person.did:
        raise Forbidden("An account is deleted by its owner only")
    if person.suspended_at is not None:
        raise Suspended(
            suspended_text("Your account", contact) + ". Until then it can't be deleted"
        )
    for record in wikis.owned_by(session, person.did):
        if record.suspended_at is not None:
            words = suspended_text(f"Your wiki {record.slug}", contact)
            raise Suspended(words + ". Until then your account can't be deleted")
