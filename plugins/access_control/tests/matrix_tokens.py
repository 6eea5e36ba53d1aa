"""The named tokens that walk the matrix: those that work, and those that do not any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from otterwiki_tenant import clock, people, token_store, tokens, wiki_tokens
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import By
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.testing import add_role
from otterwiki_tenant.token_store import TokenRecord
from otterwiki_tenant.users import User
from otterwiki_tenant.wikis import WikiRecord


@dataclass(frozen=True)
class NamedTokens:
    """Authorization headers by what is true of the token."""

    working: dict[str, str]  # by the role that it is worth: "editor", "viewer"
    of_an_editor: str  # whose maker is a collaborator, not the owner
    over: dict[str, str]


def make_tokens(
    farm: Farm, wiki: WikiRecord, owner: User, editor: User, removed: User
) -> NamedTokens:
    """Tokens of the wiki; `removed` is made an editor, and removed again."""
    slug, by = wiki.slug, By(owner.did, None)
    made = {
        role.value: wiki_tokens.make(farm, slug, by, name=f"{role} token", role=role)
        for role in wiki_tokens.ROLES
    }
    revoked = wiki_tokens.make(farm, slug, by, name="revoked", role=Role.EDITOR)
    wiki_tokens.revoke(farm, slug, revoked.listed.token.id, by)
    add_role(farm, wiki, removed, Role.EDITOR)
    of_removed = _stored(farm, slug, removed)
    people.revoke(farm, slug, removed.did, by)
    yesterday = clock.timestamp(clock.now() - timedelta(days=1))
    return NamedTokens(
        working={role: f"Bearer {token.text}" for role, token in made.items()},
        of_an_editor=_stored(farm, slug, editor),
        over={
            "revoked token": f"Bearer {revoked.text}",
            "expired token": _stored(farm, slug, owner, expires_at=yesterday),
            "token of a removed maker": of_removed,
            "token of a maker who never had a role": _stored(farm, slug, removed),
        },
    )


def _stored(farm: Farm, slug: str, maker: User, expires_at: str | None = None) -> str:
    """The header of a token that `maker` made when they could."""
    made = tokens.mint(rounds=farm.bcrypt_rounds)
    record = TokenRecord(
        id=made.token_id,
        wiki_slug=slug,
        name="stored",
        role=Role.EDITOR,
        maker_did=maker.did,
        created_at=clock.timestamp(clock.now()),
        expires_at=expires_at,
    )
    with farm.database.writing() as session:
        token_store.add(session, record, made)
    return f"Bearer {made.text}"
