"""What is sent: packet lines, side bands, and the list of refs (gitprotocol-pack(5))."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dulwich.protocol import (
    SIDE_BAND_CHANNEL_DATA,
    SIDE_BAND_CHANNEL_FATAL,
    SIDE_BAND_CHANNEL_PROGRESS,
    pkt_line,
)

FLUSH = b"0000"
NAK = pkt_line(b"NAK\n")
_NO_REFS = b"0" * 40 + b" capabilities^{}"
_WIDE_BYTES, _NARROW_BYTES = 65520 - 5, 1000 - 5  # of data in a packet
_AGENT = b"agent=otterwiki-git-http"
#: What this server can do. No partial clones, no single commits by id, no tags: one branch.
CAPABILITIES = (
    b"multi_ack",
    b"thin-pack",
    b"side-band",
    b"side-band-64k",
    b"ofs-delta",
    b"shallow",
    b"deepen-relative",
    b"no-progress",
    b"multi_ack_detailed",
    b"no-done",
    b"object-format=sha1",
    _AGENT,
)


def advertisement(branch: str, head: str | None) -> bytes:
    """The answer to ``info/refs?service=git-upload-pack``: HEAD, and the branch it stands for.

    `branch` is "HEAD" where that is detached, `head` None where there is no commit yet.
    """
    found = [pkt_line(b"# service=git-upload-pack\n"), FLUSH]
    capabilities = list(CAPABILITIES)
    if head is None:
        refs = [_NO_REFS]
    else:
        refs = [f"{head} HEAD".encode()]
        if branch != "HEAD":
            refs.append(f"{head} {branch}".encode())
            capabilities.insert(0, f"symref=HEAD:{branch}".encode())
    refs[0] += b"\0" + b" ".join(capabilities)
    return b"".join([*found, *(pkt_line(ref + b"\n") for ref in refs), FLUSH])


def ack(object_id: bytes, what: bytes = b"") -> bytes:
    """The line that says an object is known here, with "common", "continue" or "ready"."""
    return pkt_line(b"ACK " + object_id + (b" " + what if what else b"") + b"\n")


def shallow_lines(new: Iterable[bytes], gone: Iterable[bytes]) -> bytes:
    """Where the client's history is to end from now on, and where no longer."""
    lines = [pkt_line(b"shallow " + commit_id) for commit_id in sorted(new)]
    lines += [pkt_line(b"unshallow " + commit_id) for commit_id in sorted(gone)]
    return b"".join([*lines, FLUSH])


def error(message: str) -> bytes:
    """What git prints as ``fatal: remote error: ...``, before any other packet of an answer."""
    return pkt_line(b"ERR " + _one_line(message))


class Bands:
    """The part of an answer that has the pack in it, with side bands if the client knows them."""

    def __init__(self, capabilities: frozenset[bytes]) -> None:
        self._data_bytes = 0
        if b"side-band" in capabilities:
            self._data_bytes = _NARROW_BYTES
        if b"side-band-64k" in capabilities:
            self._data_bytes = _WIDE_BYTES
        self._tells_progress = self._data_bytes > 0 and b"no-progress" not in capabilities

    @property
    def best_bytes(self) -> int:
        """The size of a piece of the pack that makes few packets."""
        return 4 * (self._data_bytes or _WIDE_BYTES)

    def data(self, piece: bytes) -> bytes:
        """A piece of the pack."""
        if not self._data_bytes:
            return piece
        return self._packets(SIDE_BAND_CHANNEL_DATA, piece)

    def progress(self, message: str) -> bytes:
        """A line that git prints after "remote:"; nothing where nobody would see it."""
        if not self._tells_progress:
            return b""
        return self._packets(SIDE_BAND_CHANNEL_PROGRESS, _one_line(message) + b"\n")

    def failure(self, message: str) -> bytes:
        """The end of an answer whose pack can't be finished; git prints the message."""
        if not self._data_bytes:
            return b""  # a pack without its end: git notices
        return self._packets(SIDE_BAND_CHANNEL_FATAL, _one_line(message) + b"\n")

    def end(self) -> bytes:
        """The end of a whole pack."""
        return FLUSH if self._data_bytes else b""

    def _packets(self, band: int, content: bytes) -> bytes:
        return b"".join(
            b"%04x%c%b" % (len(piece) + 5, band, piece)
            for piece in _pieces(content, self._data_bytes)
        )


def _pieces(content: bytes, size_bytes: int) -> Iterator[bytes]:
    for at in range(0, len(content), size_bytes):
        yield content[at : at + size_bytes]


def _one_line(message: str) -> bytes:
    return " ".join(message.split()).encode("utf-8")[:900]
