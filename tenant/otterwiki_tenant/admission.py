"""Who is let into which wiki, and signing in and out: one registry look-up for each request.

Everything is asked of the rows as they are now. The same look-ups are made whether the wiki exists
or not, so neither the answer nor its time tells (checklist H5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from otterwiki_engine.actor import Actor

from . import access, audit, confirmations, sessions, users, visits, wikis
from .access import Credential, Role
from .audit import Action, By
from .bindings import ROOT
from .confirmations import Confirmation
from .errors import NoSuchUser, SignInRefused
from .identity import Identity
from .visits import NOBODY, SignedIn, Visit
from .wikis import WikiRecord

if TYPE_CHECKING:
    from .farm import Farm


@dataclass(frozen=True)
class Admission:
    """What the registry says about one request: the person, the wiki, and what they may do there.

    `wiki` and `actor` are None where there is no such wiki; `role` is the person's own (with a
    token: what that is worth), whatever the wiki's state. `token_id` is the public id of the
    wiki's token that was sent, if one was.
    """

    visit: Visit
    wiki: WikiRecord | None
    actor: Actor | None
    role: Role | None = None
    credential: Credential = Credential.NONE
    token_id: str | None = None

    @property
    def user(self) -> users.User | None:
        """The person in the browser, None for nobody and for a token."""
        return self.visit.user


def visit(
    farm: Farm,
    host: str,
    cookie_header: str | None,
    environ: Mapping[str, object],
    now: datetime,
) -> Visit:
    """Who the browser is at the root host (:data:`bindings.ROOT`). Raises Unavailable."""
    identity = farm.identity.read(cookie_header)
    if identity is None:
        return NOBODY
    with farm.database.asking() as questions:
        found = sessions.with_user(questions, identity.session_id, now)
    return _visit(farm, host, cookie_header, environ, now, identity, found)


def admit(
    farm: Farm,
    slug: str,
    cookie_header: str | None,
    environ: Mapping[str, object],
    now: datetime,
) -> Admission:
    """Who asks for `slug` by a browser's cookies, and what they may do. Raises Unavailable."""
    identity = farm.identity.read(cookie_header)
    with farm.database.asking() as questions:
        found = None
        if identity is not None:
            found = sessions.with_user(questions, identity.session_id, now)
        visit = _visit(farm, slug, cookie_header, environ, now, identity, found)
        record, role = wikis.with_role(questions, slug, visit.user.did if visit.user else "")
    credential = Credential.SESSION if visit.user else Credential.NONE
    return Admission(
        visit, record, actor_of(slug, record, role, visit.user, credential), role, credential
    )


def _visit(
    farm: Farm,
    host: str,
    cookie_header: str | None,
    environ: Mapping[str, object],
    now: datetime,
    identity: Identity | None,
    found: tuple[sessions.SessionRecord, users.User] | None,
) -> Visit:
    return visits.visit(
        farm.bindings,
        host,
        cookie_header,
        identity,
        found,
        now,
        needs_voucher=farm.scheme == "https" and visits.is_browser(environ),
        may_ask=visits.is_page_load(environ),
    )


def actor_of(
    slug: str,
    record: WikiRecord | None,
    role: Role | None,
    user: users.User | None,
    credential: Credential,
    client: str | None = None,
) -> Actor | None:
    """What a request is on the wiki, None where there is no such wiki."""
    if record is None:
        return None
    permissions = access.permissions_of(
        role,
        is_public=record.is_public,
        is_suspended=record.suspended_at is not None,
        credential=credential,
    )
    return Actor(
        did=user.did if user else None,
        handle=user.shown_name if user else None,
        client=client,
        wiki=slug,
        permissions=permissions,
    )


# ---------------------------------------------------------------------- signing in and out


def sign_in(
    farm: Farm,
    did: str,
    *,
    method: str,
    now: datetime,
    user_agent: str | None,
    address: str | None,
    cookie_header: str | None,
) -> list[str]:
    """Start a session and end the one this browser had; returns the Set-Cookie headers.

    Raises :class:`SignInRefused` for somebody suspended or deleted, and NoSuchUser.
    """
    with farm.database.writing() as session:
        user = users.by_did(session, did)
        if user is None or user.deleted_at is not None:
            raise NoSuchUser(f"There is no user {did}")
        is_suspended = user.suspended_at is not None
        if is_suspended:
            audit.record(
                session,
                Action.SIGN_IN_REFUSED,
                now=now,
                actor_did=did,
                detail="suspended",
                address=address,
            )
        else:
            for identity in farm.identity.read_all(cookie_header):
                sessions.end(session, identity.session_id)
            record = sessions.start(session, did, method, now, user_agent, address)
            audit.prune(session, now)
            audit.record(
                session, Action.SIGNED_IN, now=now, actor_did=did, detail=method, address=address
            )
    if is_suspended:
        contact = f" You can write to {farm.abuse_contact}." if farm.abuse_contact else ""
        raise SignInRefused(f"This account is suspended.{contact}")
    binding = farm.bindings.known_as(ROOT, did, record.id)
    return [
        farm.identity.set_cookie(did, record.id, now, lifetime_seconds=record.cookie_seconds(now)),
        farm.bindings.set_cookie(ROOT, binding),
    ]


def refuse_sign_in(
    farm: Farm, reason: str, *, now: datetime, did: str | None, address: str | None
) -> None:
    """Write down that a sign-in was refused; `reason` is a few words without any secret.

    `did` is who has proved to be that person; None for a stranger, of whom there is a log line and
    no row in the audit trail.
    """
    if did is None:
        audit.log_refused_stranger(reason, address)
        return
    with farm.database.writing() as session:
        audit.record(
            session,
            Action.SIGN_IN_REFUSED,
            now=now,
            actor_did=did,
            detail=reason,
            address=address,
        )


def sign_out(
    farm: Farm, cookie_header: str | None, *, now: datetime, address: str | None
) -> list[str]:
    """End the session of this browser, on every host; returns the Set-Cookie headers.

    Every session that the cookies name rightly is ended, even where there are two. Without cookies
    there is nothing to do, and nothing to send.
    """
    if cookie_header is None:
        return []
    with farm.database.writing() as session:
        for identity in farm.identity.read_all(cookie_header):
            if sessions.end(session, identity.session_id):
                audit.record(
                    session, Action.SIGNED_OUT, now=now, actor_did=identity.did, address=address
                )
    return [farm.identity.clear_cookie()]


def end_session(farm: Farm, session_id: str, by: By, *, now: datetime) -> bool:
    """End one of the sessions of the person who asks; returns whether it was theirs and live."""
    with farm.database.writing() as session:
        if not any(r.id == session_id for r in sessions.of_person(session, by.did or "", now)):
            return False
        sessions.end(session, session_id)
        audit.record(session, Action.SESSION_ENDED, now=now, actor_did=by.did, address=by.address)
    return True


def sign_out_everywhere(farm: Farm, by: By, *, now: datetime) -> int:
    """End every session of the person who asks; returns how many."""
    with farm.database.writing() as session:
        count = sessions.end_all(session, by.did or "")
        audit.record(
            session,
            Action.SIGNED_OUT_EVERYWHERE,
            now=now,
            actor_did=by.did,
            detail=str(count),
            address=by.address,
        )
    return count


# ---------------------------------------------------------------------- confirming


def statement_for(
    farm: Farm, slug: str, person: SignedIn, nonce: str, *, was_asked: bool, now: datetime
) -> str:
    """The root host's word to a wiki's host about a person who is signed in on the root host."""
    confirmation = Confirmation(person.user.did, person.session_id, nonce, was_asked)
    return confirmations.make(farm.identity.key, farm.identity.issuer, slug, confirmation, now)


def confirm(
    farm: Farm, slug: str, cookie_header: str | None, statement: str, now: datetime
) -> str | None:
    """The Set-Cookie header by which the wiki's host believes this browser's session, or None."""
    identity = farm.identity.read(cookie_header)
    if identity is None:
        return None
    with farm.database.asking() as questions:
        found = sessions.with_user(questions, identity.session_id, now)
    said = confirmations.read(farm.identity.key, farm.identity.issuer, slug, statement)
    return visits.confirm(farm.bindings, slug, cookie_header, said, found)
