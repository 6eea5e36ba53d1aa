"""How often anybody may ask: one table of rules, counted in all processes together (checklist I2).

A person is counted by DID and a program by its token, wherever they come from: agents of many wikis
share one address. On the root host, which finds out later who asks, a browser is counted by the
session its cookie names. Only somebody unknown is counted by address, of IPv6 by the /64 that one
customer gets. So what one wiki's agent uses up is nobody else's.

Counted are sliding windows, by the library `limits` on :class:`.rate_store.RateStore`. A request
over a limit counts for nothing, so waiting helps. What can't be counted is refused (Unavailable).
"""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.strategies import SlidingWindowCounterRateLimiter

from .errors import Unavailable
from .rate_store import FILE_NAME, RateStore

LEAST_READS = 1200  # a minute, of somebody signed in: no setting goes below
_IPV6_PREFIX_BITS = 64
_ROUNDING_SECONDS = 1e-6
_UNKNOWN_ADDRESS = "unknown"  # counted together: they come through a socket file


class Kind(enum.StrEnum):
    """What a request is counted as; each is counted by itself."""

    READ = "read"
    SEARCH = "search"
    WRITE = "write"
    CLONE = "clone"
    SIGN_IN = "sign-in"
    BAD_CREDENTIAL = "bad-credential"
    NEW_TOKEN = "new-token"  # noqa: S105 - not a secret


class Of(enum.StrEnum):
    """By what a request is counted."""

    PERSON = "did"
    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - not a secret
    TOKEN_AT_WIKI = "token-at-wiki"  # noqa: S105 - not a secret
    ADDRESS = "address"
    ADDRESS_AT_WIKI = "address-at-wiki"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How many requests are allowed in a minute (credentials: in five)."""

    anonymous_reads: int = 600
    anonymous_searches: int = 120
    reads: int = 3000
    writes: int = 600
    clones: int = 60
    sign_ins: int = 100
    bad_credentials: int = 30
    all_bad_credentials: int = 300
    bad_secrets: int = 30
    new_tokens: int = 30

    def __post_init__(self) -> None:
        if self.reads < LEAST_READS:
            raise ValueError(f"signed-in reading is not limited below {LEAST_READS} a minute")
        if min(getattr(self, field.name) for field in fields(self)) < 1:
            raise ValueError("every rate is at least 1")


@dataclass(frozen=True)
class Rule:
    """`rate` names the field of :class:`Rates`; `told` is what a person is told, with {limit}."""

    rate: str
    told: str
    minutes: int = 1


_READS = Rule("reads", "You can open {limit} pages a minute.")
_SEARCHES = Rule("reads", "You can search {limit} times a minute.")
_WRITES = Rule("writes", "You can make {limit} changes a minute.")
_CLONES = Rule("clones", "You can clone or fetch {limit} times a minute.")
_SIGN_INS = Rule("sign_ins", "You can ask for sign-in pages {limit} times a minute.")
_GUESSES = "This address has sent {limit} tokens{where} within five minutes that are not valid."

#: What is not in this table is not limited.
RULES: Mapping[tuple[Kind, Of], Rule] = MappingProxyType(
    {
        (Kind.READ, Of.PERSON): _READS,
        (Kind.READ, Of.SESSION): _READS,
        (Kind.READ, Of.TOKEN): _READS,
        (Kind.READ, Of.ADDRESS): Rule(
            "anonymous_reads",
            "Without signing in, {limit} pages a minute can be opened from one address.",
        ),
        (Kind.SEARCH, Of.PERSON): _SEARCHES,
        (Kind.SEARCH, Of.TOKEN): _SEARCHES,
        (Kind.SEARCH, Of.ADDRESS): Rule(
            "anonymous_searches",
            "Without signing in, {limit} searches a minute can be made from one address.",
        ),
        (Kind.WRITE, Of.PERSON): _WRITES,
        (Kind.WRITE, Of.SESSION): _WRITES,
        (Kind.WRITE, Of.TOKEN): _WRITES,
        (Kind.WRITE, Of.ADDRESS): Rule(
            "writes", "Without signing in, {limit} forms a minute can be sent from one address."
        ),
        (Kind.CLONE, Of.PERSON): _CLONES,
        (Kind.CLONE, Of.TOKEN): _CLONES,
        (Kind.CLONE, Of.ADDRESS): Rule(
            "clones",
            "Without a token, one address can clone or fetch {limit} times a minute.",
        ),
        (Kind.SIGN_IN, Of.SESSION): _SIGN_INS,
        (Kind.SIGN_IN, Of.ADDRESS): Rule(
            "sign_ins", "One address can ask for sign-in pages {limit} times a minute."
        ),
        (Kind.BAD_CREDENTIAL, Of.ADDRESS_AT_WIKI): Rule(
            "bad_credentials", _GUESSES.replace("{where}", " to this wiki"), minutes=5
        ),
        (Kind.BAD_CREDENTIAL, Of.ADDRESS): Rule(
            "all_bad_credentials", _GUESSES.replace("{where}", ""), minutes=5
        ),
        (Kind.BAD_CREDENTIAL, Of.TOKEN_AT_WIKI): Rule(
            "bad_secrets",
            "This token was sent {limit} times within five minutes with a wrong secret.",
            minutes=5,
        ),
        (Kind.NEW_TOKEN, Of.PERSON): Rule(
            "new_tokens", "You can make {limit} tokens in five minutes.", minutes=5
        ),
    }
)


@dataclass(frozen=True)
class Asker:
    """Who a request is counted for: `name` is a DID, a session's or token's id, or an address."""

    of: Of
    name: str


@dataclass(frozen=True)
class TooMany:
    """A refusal: a sentence for a person, and when the next such request will be let through."""

    told: str
    retry_after_seconds: int

    @property
    def sentence(self) -> str:
        """The whole of it, with what to do."""
        plural = "" if self.retry_after_seconds == 1 else "s"
        return f"{self.told} Try again in {self.retry_after_seconds} second{plural}."


def at_address(address: str | None) -> Asker:
    """Somebody unknown at that IP address."""
    return Asker(Of.ADDRESS, _network(address))


def of_person(did: str) -> Asker:
    """Somebody signed in."""
    return Asker(Of.PERSON, did)


def of_session(session_id: str) -> Asker:
    """A browser whose cookie is rightly signed; whether its session still lives is not known."""
    return Asker(Of.SESSION, session_id)


def of_token_at(token_id: str, slug: str) -> Asker:
    """Whoever sends a token of that id to that wiki, whether there are such or not."""
    return Asker(Of.TOKEN_AT_WIKI, f"{token_id} {slug}")


def of_token(token_id: str) -> Asker:
    """A program with a wiki's token."""
    return Asker(Of.TOKEN, token_id)


def _network(address: str | None) -> str:
    if address is None:
        return _UNKNOWN_ADDRESS
    if not isinstance(ip_address(address), IPv6Address):
        return address
    return str(ip_network((address, _IPV6_PREFIX_BITS), strict=False))


# ---------------------------------------------------------------------- counting


class RateLimits:
    """The rules with their rates, counted in a file in `folder`. Safe for threads and forks.

    `now` returns seconds since the epoch. Every method raises :class:`Unavailable` where the file
    can't be used; one that is deleted or damaged is made anew.
    """

    def __init__(
        self, folder: Path, rates: Rates | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        """Opens nothing yet."""
        rates = rates or Rates()
        self._store = RateStore(folder / FILE_NAME, now=now)
        self._limiter = SlidingWindowCounterRateLimiter(self._store)
        self._items: dict[tuple[Kind, Of], RateLimitItem] = {
            key: RateLimitItemPerMinute(
                getattr(rates, rule.rate), rule.minutes, f"{key[0]}/{key[1]}"
            )
            for key, rule in RULES.items()
        }

    def take(self, kind: Kind, asker: Asker) -> TooMany | None:
        """Count one request; what it is refused with where the limit is reached."""
        item = self._items[kind, asker.of]
        try:
            if self._limiter.hit(item, asker.name):
                return None
            return self._too_many(kind, asker, item)
        except StorageError as error:
            raise _unavailable(error) from error

    def give_back(self, kind: Kind, asker: Asker) -> None:
        """Count one less: what was taken came to nothing."""
        item = self._items[kind, asker.of]
        try:
            self._store.give_back(item.key_for(asker.name), item.get_expiry())
        except StorageError as error:
            raise _unavailable(error) from error

    def refuse_guess(self, address: str | None, host: str) -> TooMany | None:
        """What an Authorization header is refused with, unless it is known to be right, where this
        address has sent too many that were bad. `host` is the slug, or the root's."""
        try:
            for asker in _guessers(address, host):
                item = self._items[Kind.BAD_CREDENTIAL, asker.of]
                if not self._limiter.test(item, asker.name):
                    return self._too_many(Kind.BAD_CREDENTIAL, asker, item)
        except StorageError as error:
            raise _unavailable(error) from error
        return None

    def note_bad_credential(self, address: str | None, host: str) -> None:
        """Count an Authorization header that was good for nothing."""
        for asker in _guessers(address, host):
            self.take(Kind.BAD_CREDENTIAL, asker)

    def close(self) -> None:
        """Give back the file; the object can still be used."""
        self._store.close()

    def _too_many(self, kind: Kind, asker: Asker, item: RateLimitItem) -> TooMany:
        window_seconds = item.get_expiry()
        before, left_seconds, counted, _ = self._store.get_sliding_window(
            item.key_for(asker.name), window_seconds
        )
        wait_seconds = seconds_until_free(
            item.amount, window_seconds, before, counted, left_seconds
        )
        told = RULES[kind, asker.of].told.format(limit=f"{item.amount:,}")
        return TooMany(told, math.floor(wait_seconds + _ROUNDING_SECONDS) + 1)


def seconds_until_free(
    limit: int, window_seconds: float, before: int, counted: int, left_seconds: float
) -> float:
    """After how long a sliding window of `limit` lets one more request through.

    `before` and `counted` are the counts of the previous and the current window, and `left_seconds`
    is what is left of the current one. At exactly that moment it is still refused.
    """
    if not before and counted < limit:
        return 0.0
    if counted < limit:  # then the previous one is in the way: its weight has to go down
        return max(0.0, left_seconds - window_seconds * (limit - counted) / before)
    return left_seconds + window_seconds * max(0.0, 1 - limit / counted)


def _guessers(address: str | None, host: str) -> tuple[Asker, Asker]:
    network = _network(address)
    return Asker(Of.ADDRESS_AT_WIKI, f"{network} {host}"), Asker(Of.ADDRESS, network)


def _unavailable(error: StorageError) -> Unavailable:
    return Unavailable(f"requests can't be counted: {error.storage_error}")
