"""Whether somebody who has just proved who they are may become a person of this farm.

Sign-in methods ask here for whoever is not registered yet. The operator's own `robot user add` is
always allowed.
"""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy.orm import Session

from . import audit, users
from .audit import Action
from .errors import SignupRefused, Suspended
from .rights import suspended_text
from .users import User


class SignupPolicy(enum.StrEnum):
    """Who may join by signing in for the first time."""

    OPEN = "open"
    INVITE = "invite"
    CLOSED = "closed"


_REFUSALS = {
    SignupPolicy.INVITE: "New people join this farm by invitation. Ask somebody who has a wiki"
    " here to invite you, or ask whoever runs this farm",
    SignupPolicy.CLOSED: "This farm takes no new people at present. Ask whoever runs it",
}


def sign_up(
    session: Session,
    policy: SignupPolicy,
    *,
    did: str,
    handle: str,
    invited: bool,
    now: datetime,
    username: str | None = None,
    display_name: str | None = None,
    avatar_url: str | None = None,
    address: str | None = None,
    abuse_contact: str = "",
) -> User:
    """Register somebody who has proved to be `did` with that `handle`, and tell the audit trail.

    `invited`: somebody here has invited them. A handle that another person had is theirs now
    (:func:`users.release_handle`). Raises :class:`SignupRefused` by `policy`, :class:`Suspended`
    for a suspended person whose account was deleted, or as :func:`users.add`.
    """
    known = users.by_did(session, did)
    if known is not None and known.suspended_at is not None:
        raise Suspended(suspended_text("Your account", abuse_contact))
    if policy is SignupPolicy.CLOSED or (policy is SignupPolicy.INVITE and not invited):
        raise SignupRefused(_REFUSALS[policy])
    users.release_handle(session, handle, did, now)
    person = users.add(
        session,
        did=did,
        handle=handle,
        username=username,
        display_name=display_name,
        avatar_url=avatar_url,
        now=now,
    )
    audit.record(
        session,
        Action.USER_ADDED,
        now=now,
        actor_did=did,
        subject_did=did,
        detail=person.username,
        address=address,
    )
    return person
