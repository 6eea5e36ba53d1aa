"""The answer to one POST of git-upload-pack, as a stream.

What is wrong with a request is known before the first byte is sent; what goes wrong later is told
inside the stream, in words git prints.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from otterwiki_engine.errors import EngineError, RepositoryBusy
from otterwiki_engine.repository import Repository

from . import packets
from .commits import Ancestors, Reach, missing, reach
from .contents import new_objects
from .errors import GitHttpError, NotOurs, NotServed, TooSlow
from .kept_packs import KeptPacks
from .negotiation import negotiate
from .objects import ObjectReader
from .pack_writing import Plan, Written, pack_chunks
from .upload_request import UploadRequest

_log = logging.getLogger(__name__)
FOLDER = "git-http"  # of files of ours, in a wiki's folder for derived files
_BROKEN = "The server could not read or write what it needs for this. Please tell whoever runs it."
_BUSY = "The repository is busy right now. Please try again in a minute."
_BY_ITSELF = "Another pack is being made; this one is made by itself. If it fails, try again later."
_MOST_WANTS = 8  # one branch is offered; a save may move it
_TOO_MANY = f"Fetch at most {_MOST_WANTS} commits at once; there is only one branch here."
_TOO_OLD = (
    "This git is too old: packs here have offset deltas (ofs-delta), as git 1.4.4 reads them."
)


@dataclass(frozen=True)
class Limits:
    """How long one pack may take, all in all, and how large a kept one may be."""

    seconds: float
    kept_pack_bytes: int


class UploadPack:
    """Answers one request about `repository`; `resources` are given back with the answer.

    `now` is a clock in seconds. Making it raises :class:`NotOurs` for a want that is not offered,
    :class:`NotServed` for a request of another kind than git's, :class:`TooSlow`.
    """

    def __init__(
        self,
        repository: Repository,
        request: UploadRequest,
        limits: Limits,
        resources: ExitStack,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._request = request
        self._limits = limits
        self._resources = resources
        self._now = now
        self._deadline = now() + limits.seconds
        reader = ObjectReader(repository.git_dir / "objects", self._check_time)
        self._reader = resources.enter_context(reader)
        folder, most_bytes = repository.state_dir / FOLDER, limits.kept_pack_bytes
        self._kept = KeptPacks(folder, most_bytes, repository.head)
        head = repository.head()
        self._tip = b"" if head is None else head.encode("ascii")
        self._offered = Ancestors(reader, self._tip or None)
        self._refuse_others()

    def _refuse_others(self) -> None:
        """Only what HEAD leads to is offered, so that a want stays good when a save moves it."""
        if len(self._request.wants) > _MOST_WANTS:
            raise NotServed(_TOO_MANY)
        if not self._request.may(b"ofs-delta"):
            raise NotServed(_TOO_OLD)
        for want in self._request.wants:
            if want not in self._offered:
                raise NotOurs(f"upload-pack: not our ref {want.decode('ascii')}")

    def stream(self) -> Iterator[bytes]:
        """The body of the answer."""
        with self._resources:
            bands = packets.Bands(self._request.capabilities)
            is_in_pack = False
            try:
                found = self._reach()
                if found is not None:
                    yield self._shallow_lines(found)
                negotiated = negotiate(self._request, self._offered.__contains__)
                yield negotiated.answer
                if not negotiated.is_over:
                    return
                is_in_pack = True
                yield bands.progress("Preparing the pack.")
                yield from self._pack(negotiated.common, found, bands)
                yield bands.end()
            except (GitHttpError, EngineError, OSError) as error:
                message = _BUSY if isinstance(error, RepositoryBusy) else _BROKEN
                if isinstance(error, GitHttpError):
                    message = str(error)
                if not isinstance(error, TooSlow):
                    _log.exception("pack not sent")
                yield bands.failure(message) if is_in_pack else packets.error(message)

    def _reach(self) -> Reach | None:
        request, reader = self._request, self._reader
        if request.depth is None:
            return None
        if not request.may(b"deepen-relative"):
            return reach(reader, request.wants, request.depth)
        # So many generations more than the client has: its ends are the first.
        ends = [commit_id for commit_id in request.shallow if commit_id in self._offered]
        return reach(reader, ends, request.depth + 1)

    def _shallow_lines(self, found: Reach) -> bytes:
        client = self._request.shallow
        return packets.shallow_lines(found.ends - client, client & found.inside)

    def _pack(
        self, common: tuple[bytes, ...], found: Reach | None, bands: packets.Bands
    ) -> Iterator[bytes]:
        """The packets of the pack. HEAD's has all that any want leads to, and is kept."""
        request = self._request
        is_full = not common and not request.shallow and (found is None or not found.ends)
        if is_full:
            yield from self._full_pack(bands)
            return
        news = missing(
            self._reader,
            request.wants,
            common,
            client_shallow=request.shallow,
            new_shallow=None if found is None else found.ends,
        )
        objects = new_objects(self._reader, news.commits, frozenset(), had_commits=news.had)
        plan = Plan(objects=list(objects), is_thin=request.may(b"thin-pack"))
        yield from self._made_pack(plan, bands)

    def _full_pack(self, bands: packets.Bands) -> Iterator[bytes]:
        try:
            file = self._kept.open(self._reader, self._tip, self._check_time)
        except (OSError, RepositoryBusy) as error:
            _log.warning("no pack kept: %s", error)  # a full disk stops no backup
            if isinstance(error, RepositoryBusy):
                yield bands.progress(_BY_ITSELF)
            news = missing(self._reader, [self._tip], [])
            plan = Plan(objects=list(new_objects(self._reader, news.commits, frozenset())))
            yield from self._made_pack(plan, bands)
            return
        with file:
            for piece in self._kept.pieces(file, bands.best_bytes):
                self._check_time()
                yield bands.data(piece)

    def _made_pack(self, plan: Plan, bands: packets.Bands) -> Iterator[bytes]:
        for piece in pack_chunks(plan, self._reader, Written(), check=self._check_time):
            yield bands.data(piece)

    def _check_time(self) -> None:
        if self._now() > self._deadline:
            raise TooSlow(
                f"This took longer than {self._limits.seconds:.0f} seconds. Try again when the"
                " network is faster, or clone with --depth 1."
            )
