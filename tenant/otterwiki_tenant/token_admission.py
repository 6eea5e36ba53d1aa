"""Who is let into a wiki by an Authorization header, which decides alone.

One registry look-up for each request, by the token's public id and the wiki's slug together: a
token of another wiki, of somebody removed, revoked, expired or made up is refused in the same words
(checklist C3, C7), and whether the wiki exists is not told.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from . import access, token_store, tokens
from .access import Credential
from .admission import Admission, actor_of
from .credentials import CheckedTokens, CredentialRefused, Guard, NoGuard, sent_token
from .errors import Unavailable
from .token_store import State, TokenRecord
from .visits import Visit

if TYPE_CHECKING:
    from .farm import Farm

_NOT_THIS_WIKIS = "This token is not one of this wiki's, or not valid any more."


def admit_authorized(
    farm: Farm,
    slug: str,
    authorization: str,
    now: datetime,
    *,
    allow_basic: bool,
    guard: Guard | None = None,
) -> Admission:
    """Who asks for `slug` by an Authorization header, whatever cookies came with it.

    A token of the wiki acts for its maker, with the lesser of its own role and its maker's today.
    Where `allow_basic`, it may also be the password of a Basic header. Raises
    :class:`CredentialRefused` for everything else, in the same words for every wiki, and
    Unavailable. `guard` is asked before a secret is checked that is not remembered, in the same way
    where there is no such token (checklist H5, I3). The use of the token is noted by
    :meth:`Farm.see`, with the admission's visit.
    """
    text = sent_token(authorization, allow_basic=allow_basic)
    token_id = tokens.token_id_of(text) if text is not None else None
    if text is None or token_id is None:
        raise CredentialRefused(_NOT_THIS_WIKIS)
    with farm.database.asking() as questions:
        found = token_store.presented(questions, slug, token_id)
    if found is not None and (
        found.token.state(now) is not State.ACTIVE or not found.maker.is_active
    ):
        found = None
    token_hash = found.token_hash if found is not None else ""
    if not _is_right(farm.checked_tokens, text, token_id, token_hash, guard or NoGuard()):
        raise CredentialRefused(_NOT_THIS_WIKIS)
    if found is None:
        raise CredentialRefused(_NOT_THIS_WIKIS)
    role = access.lesser(found.token.role, found.makers_role)
    return Admission(
        visit=Visit(used_token=token_id if found.token.is_use_to_be_kept(now) else None),
        wiki=found.wiki,
        actor=actor_of(
            slug, found.wiki, role, found.maker, Credential.WIKI_TOKEN, client_of(found.token)
        ),
        role=role,
        credential=Credential.WIKI_TOKEN,
        token_id=token_id,
    )


def _is_right(
    checked: CheckedTokens, text: str, token_id: str, token_hash: str, guard: Guard
) -> bool:
    """Whether a token is right. One that is not remembered is counted before it is checked, so
    that requests at the same time are no more than there may be; one that is right is not."""
    if token_hash and checked.remembers(text, token_id=token_id, token_hash=token_hash):
        return True
    guard.before_check(token_id)
    if not token_hash:
        return False
    try:
        is_right = checked.is_right(text, token_id=token_id, token_hash=token_hash)
    except Unavailable:
        guard.give_back(token_id)
        raise
    if is_right:
        guard.give_back(token_id)
    return is_right


def client_of(token: TokenRecord) -> str:
    """What commits made with a token say of the program that made them."""
    return f"API token: {token.name}"
