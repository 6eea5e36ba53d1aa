"""A wiki's tokens made, replaced and revoked, by its owner or the operator.

As in :mod:`.people`, each act is one transaction with its rights check and its row in the audit
trail. A token's text is returned once and stored nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from . import audit, clock, rate_limits, rights, token_store, tokens
from .access import Role
from .audit import Action, By
from .errors import LifetimeRefused, RoleRefused, TokenLimit, TokenRate
from .names import check_token_name
from .rate_limits import Kind
from .token_store import Listed, State, TokenRecord

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from .farm import Farm

#: What a token may be: it never changes settings, members or tokens.
ROLES = (Role.EDITOR, Role.VIEWER)
MAX_LIFETIME_DAYS = 3650


@dataclass(frozen=True)
class MadeToken:
    """A token just made, as the list has it. `text` is shown to its owner once."""

    listed: Listed
    text: str = field(repr=False)


def make(
    farm: Farm, slug: str, by: By, *, name: str, role: Role, lifetime_days: int | None = None
) -> MadeToken:
    """Make a token of a wiki; None as its lifetime means that it works until it is revoked.

    Raises TextRefused for the name, RoleRefused, LifetimeRefused, NoSuchWiki, Forbidden, or
    :class:`TokenLimit` where the wiki has as many that work as it may have, or (TokenRate) where
    the person makes them too fast.
    """
    name = check_token_name(name)
    if role not in ROLES:
        raise RoleRefused("A token is an editor or a viewer; it never has the rights of an owner")
    if lifetime_days is not None and not 1 <= lifetime_days <= MAX_LIFETIME_DAYS:
        raise LifetimeRefused(f"A token lives for 1 to {MAX_LIFETIME_DAYS} days, or until revoked")
    _check(farm, slug, by)
    made = tokens.mint(rounds=farm.bcrypt_rounds)  # takes a while: nobody waits for it
    with farm.database.writing() as session:
        owner_did = rights.owned_wiki(session, slug, by, farm.abuse_contact).owner_did
        now = clock.now()
        lifetime = None if lifetime_days is None else timedelta(days=lifetime_days)
        record = TokenRecord(
            id=made.token_id,
            wiki_slug=slug,
            name=name,
            role=role,
            maker_did=by.did or owner_did,
            created_at=clock.timestamp(now),
            expires_at=None if lifetime is None else clock.timestamp(now + lifetime),
        )
        return _store(farm, session, record, made, by, now)


def replace_token(farm: Farm, slug: str, token_id: str, by: By) -> MadeToken:
    """Revoke a token and make another one of the same name, role and lifetime, in one step.

    Raises NoSuchToken, or as :func:`make`; then the old one is as it was.
    """
    _check(farm, slug, by, replaced=token_id)
    made = tokens.mint(rounds=farm.bcrypt_rounds)
    with farm.database.writing() as session:
        owner_did = rights.owned_wiki(session, slug, by, farm.abuse_contact).owner_did
        old = token_store.get(session, slug, token_id).token
        now = clock.now()
        _revoke(session, old, by, now)
        expires_at = None
        if old.expires_at is not None:
            lifetime = clock.parse(old.expires_at) - clock.parse(old.created_at)
            expires_at = clock.timestamp(now + lifetime)
        record = replace(
            old,
            id=made.token_id,
            maker_did=by.did or owner_did,
            created_at=clock.timestamp(now),
            expires_at=expires_at,
            last_used_at=None,
        )
        return _store(farm, session, record, made, by, now)


def revoke(farm: Farm, slug: str, token_id: str, by: By) -> TokenRecord:
    """End a token for good: the next request with it is refused. Returns what it was.

    Raises NoSuchWiki, Forbidden or NoSuchToken.
    """
    with farm.database.writing() as session:
        rights.owned_wiki(session, slug, by, farm.abuse_contact)
        record = token_store.get(session, slug, token_id).token
        _revoke(session, record, by, clock.now())
    return record


def revoke_of_maker(session: Session, did: str, by: By, slug: str | None = None) -> None:
    """End the tokens of somebody who leaves a wiki, or all: coming back brings none of them back.

    The caller has asked whether that may be done.
    """
    for record in token_store.of_maker(session, did, slug):
        _revoke(session, record, by, clock.now())


def _check(farm: Farm, slug: str, by: By, *, replaced: str | None = None) -> None:
    """Before the work of making a hash: whoever may not make a token doesn't cause that either.

    All but the rate is asked again where it counts, in the transaction. The operator has no rate.
    """
    now = clock.now()
    with farm.database.reading() as session:
        rights.owned_wiki(session, slug, by, farm.abuse_contact)
        freed = 0
        if replaced is not None:
            freed = token_store.get(session, slug, replaced).token.state(now) is State.ACTIVE
        _check_number(farm, session, slug, now, freed=int(freed))
    if farm.rate_limits is not None and by.did is not None:
        found = farm.rate_limits.take(Kind.NEW_TOKEN, rate_limits.of_person(by.did))
        if found is not None:
            raise TokenRate(found.sentence)


def _check_number(
    farm: Farm, session: Session, slug: str, now: datetime, *, freed: int = 0
) -> None:
    most = farm.limits.max_tokens
    if token_store.count_active(session, slug, now) - freed >= most:
        raise TokenLimit(
            f"{slug} has {most} token{'' if most == 1 else 's'}, as many as a wiki may"
            " have. Revoke one to make room for another"
        )


def _store(
    farm: Farm,
    session: Session,
    record: TokenRecord,
    made: tokens.NewToken,
    by: By,
    now: datetime,
) -> MadeToken:
    token_store.forget_ended(session, record.wiki_slug, now)
    _check_number(farm, session, record.wiki_slug, now)
    token_store.add(session, record, made)
    _note(session, Action.TOKEN_MADE, record, by)
    return MadeToken(token_store.get(session, record.wiki_slug, record.id), made.text)


def _revoke(session: Session, record: TokenRecord, by: By, now: datetime) -> None:
    token_store.revoke(session, record, now)
    _note(session, Action.TOKEN_REVOKED, record, by)


def _note(session: Session, action: Action, record: TokenRecord, by: By) -> None:
    detail = f"{record.name}, {record.role}"
    audit.note(session, action, by, record.wiki_slug, record.maker_did, detail)
