"""How many packs are sent at once: of one wiki, to one address, and in all, in all processes.

A place is an flock, which the kernel gives back when a process dies. Nobody waits for one: a thread
of the web server that waits is one less for people who read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path

from otterwiki_engine.errors import RepositoryBusy, RepositoryGone
from otterwiki_engine.locks import WikiLock

from .errors import Busy

RETRY_AFTER_SECONDS = 10
_ADDRESSES = 256  # files to share among all addresses; two that meet are counted as one
_IPV6_PREFIX_BITS = 64


@dataclass(frozen=True)
class Slots:
    """The places in `folder`, which all wikis of a server share. `in_all` of them, and one less for
    any one wiki or address, so that nobody takes all."""

    folder: Path
    in_all: int

    @property
    def of_one(self) -> int:
        """Places for one wiki, and for one address."""
        return max(1, self.in_all - 1)

    @contextmanager
    def held(self, wiki_folder: Path, address: str | None) -> Iterator[None]:
        """One place of each kind, until the block ends; raises :class:`Busy`.

        `wiki_folder` is the wiki's own, for files of ours. What it lies in is never made: a wiki
        may have been deleted a moment ago, which is a FileNotFoundError.
        """
        for folder in (wiki_folder, self.folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        with ExitStack() as places:
            at_address = self.folder / f"address-{_bucket(address)}"
            _take(places, at_address, self.of_one, _ADDRESS_BUSY)
            _take(places, wiki_folder / "place", self.of_one, _WIKI_BUSY)
            _take(places, self.folder / "place", self.in_all, _SERVER_BUSY)
            yield

    def check(self, wiki_folder: Path, address: str | None) -> None:
        """Raise :class:`Busy` if there is no place right now."""
        with self.held(wiki_folder, address):
            return


def _take(places: ExitStack, path: Path, count: int, refusal: str) -> None:
    for number in range(count):
        try:
            places.enter_context(WikiLock(path.with_name(f"{path.name}-{number}.lock"), 0))
            return
        except (RepositoryBusy, RepositoryGone):
            continue
    raise Busy(refusal, RETRY_AFTER_SECONDS)


_TRY_AGAIN = "Try again in a moment."
_ADDRESS_BUSY = f"Your address is cloning or fetching as often at once as it may. {_TRY_AGAIN}"
_WIKI_BUSY = f"This wiki is being cloned by as many at once as may be. {_TRY_AGAIN}"
_SERVER_BUSY = f"This server is sending as many clones at once as it can. {_TRY_AGAIN}"


def _bucket(address: str | None) -> int:
    """The number of an address, of IPv6 that of its network."""
    text = address or "unknown"
    try:
        parsed = ip_address(text)
    except ValueError:
        parsed = None
    if isinstance(parsed, IPv6Address):
        text = str(ip_network((text, _IPV6_PREFIX_BITS), strict=False))
    return int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:8], 16) % _ADDRESSES
