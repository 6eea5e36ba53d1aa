"""Who a browser is at one host: the platform cookie, its session, and what the host remembers.

====================================  ====================================================
the platform cookie is                the browser is
====================================  ====================================================
none, two, forged, of an ended        nobody
session, of somebody suspended
of the person this host knows         that person
another person's                      nobody here, until confirmed on the root host
the first one this host sees, http    that person from now on
or from a program
the first one, a browser over https   nobody here, until the root host vouches for it
two binding cookies                   nobody
====================================  ====================================================

The last but one is against a sibling that floods the browser's cookie jar, so that the binding
cookies are thrown out, and then tosses its own session. The root host vouches without a question,
and only in a browser that it knows itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from .bindings import ROOT, Ambiguous, Binding, Bindings, new_nonce
from .confirmations import Confirmation
from .identity import RENEW_AFTER_SECONDS, Identity
from .sessions import SessionRecord
from .users import User


@dataclass(frozen=True)
class SignedIn:
    """The person behind a request, and the session they are signed in with."""

    user: User
    session_id: str


class Wanted(Enum):
    """What a host wants from the root host before it believes a session; the name of a parameter
    of the sign-in page."""

    CONFIRMATION = "confirm"  # the person says so
    VOUCHER = "vouch"  # the root host knows the browser as the same person


@dataclass(frozen=True)
class Doubt:
    """A session that is not believed at this host yet."""

    wanted: Wanted
    nonce: str
    is_new: bool  # whether this request is the first one with this doubt

    @property
    def query(self) -> Mapping[str, str]:
        """What to add to the sign-in page's address."""
        return {self.wanted.value: self.nonce} if self.nonce else {}


@dataclass(frozen=True)
class Visit:
    """What a request's cookies come to at one host.

    `set_cookies` are Set-Cookie headers the answer must carry; `to_see` is the session whose
    last_seen_at is to be written when the answer is out, `to_renew` the one whose platform cookie
    is old enough for a fresh one. `used_token` is the id of a wiki's token whose use is to be
    written when the answer is out.
    """

    signed_in: SignedIn | None = None
    doubt: Doubt | None = None
    set_cookies: tuple[str, ...] = ()
    to_see: SessionRecord | None = None
    to_renew: SessionRecord | None = None
    used_token: str | None = None

    @property
    def user(self) -> User | None:
        """The person, None for nobody."""
        return self.signed_in.user if self.signed_in else None


NOBODY = Visit()


def is_browser(environ: Mapping[str, object]) -> bool:
    """Whether a browser says where the request is from; browsers since 2023 do over https, and no
    page can keep them from it. A program sends no such header."""
    return "HTTP_SEC_FETCH_SITE" in environ


def is_page_load(environ: Mapping[str, object]) -> bool:
    """Whether a person opens a page, as against a page loading its parts."""
    return environ.get("HTTP_SEC_FETCH_MODE", "navigate") == "navigate"


def visit(
    bindings: Bindings,
    host: str,
    cookie_header: str | None,
    identity: Identity | None,
    found: tuple[SessionRecord, User] | None,
    now: datetime,
    *,
    needs_voucher: bool,
    may_ask: bool,
) -> Visit:
    """The table above. `found` are the live session and the person of `identity`.

    `needs_voucher` is whether a session is not believed merely for being the first one here;
    `may_ask` whether a new doubt may be written down: for one request of a page, not for all its
    parts at once.
    """
    if identity is None or found is None or found[1].did != identity.did:
        return NOBODY
    record, user = found
    try:
        binding = bindings.read(host, cookie_header) or Binding()
    except Ambiguous:
        return NOBODY
    mark = bindings.mark(user.did)
    if binding.person and not hmac.compare_digest(binding.person, mark):
        return _doubting(bindings, host, binding, record, Wanted.CONFIRMATION, may_ask)
    if not binding.person and needs_voucher:
        return _doubting(bindings, host, binding, record, Wanted.VOUCHER, may_ask)
    is_old = now.timestamp() - identity.issued_at > RENEW_AFTER_SECONDS
    wanted = Binding(mark, record.id, binding.nonce if host == ROOT else "")
    return Visit(
        SignedIn(user, record.id),
        set_cookies=() if binding == wanted else (bindings.set_cookie(host, wanted),),
        to_see=record if record.is_to_be_seen(now) else None,
        to_renew=record if is_old else None,
    )


def _doubting(
    bindings: Bindings,
    host: str,
    binding: Binding,
    record: SessionRecord,
    wanted: Wanted,
    may_ask: bool,
) -> Visit:
    """Nobody, for now. The root host asks nobody else: there one signs in again."""
    if host == ROOT:
        return Visit(doubt=Doubt(wanted, "", is_new=False))
    if binding.nonce and binding.asked_for == record.id:
        return Visit(doubt=Doubt(wanted, binding.nonce, is_new=False))
    if not may_ask:
        return Visit(doubt=Doubt(wanted, "", is_new=False))
    asking = Binding(binding.person, binding.session_id, new_nonce(), record.id)
    doubt = Doubt(wanted, asking.nonce, is_new=True)
    return Visit(doubt=doubt, set_cookies=(bindings.set_cookie(host, asking),))


def confirm(
    bindings: Bindings,
    host: str,
    cookie_header: str | None,
    confirmation: Confirmation | None,
    found: tuple[SessionRecord, User] | None,
) -> str | None:
    """The Set-Cookie header by which a host believes a session from now on, None to go on doubting.

    The statement must repeat the nonce this browser was given for this very session, and a person
    must have been asked where the host knows the browser as somebody else.
    """
    if confirmation is None or found is None:
        return None
    record, user = found
    try:
        binding = bindings.read(host, cookie_header)
    except Ambiguous:
        return None
    if binding is None or not binding.nonce or binding.asked_for != record.id:
        return None
    mark = bindings.mark(user.did)
    knows_another = bool(binding.person) and not hmac.compare_digest(binding.person, mark)
    right = (
        hmac.compare_digest(binding.nonce, confirmation.nonce)
        and confirmation.did == user.did
        and confirmation.session_id == record.id
        and (confirmation.was_asked or not knows_another)
    )
    return bindings.set_cookie(host, Binding(mark, record.id)) if right else None
