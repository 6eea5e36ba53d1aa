"""What both sides have: which of the client's commits are known here, and what it is told of them.

The three ways of gitprotocol-pack(5), "Packfile Negotiation", for one stateless request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .packets import NAK, ack
from .upload_request import UploadRequest


@dataclass(frozen=True)
class Negotiated:
    """`answer` goes before the pack, which is sent if `is_over`; else the client asks again."""

    answer: bytes
    common: tuple[bytes, ...]
    is_over: bool


def negotiate(request: UploadRequest, is_known: Callable[[bytes], bool]) -> Negotiated:
    """Answer the haves of a request. As there is one branch, one commit known to both is enough."""
    is_detailed = request.may(b"multi_ack_detailed")
    is_multi = is_detailed or request.may(b"multi_ack")
    lines, common, is_ready, got_other = list[bytes](), list[bytes](), False, False
    for have in request.haves:
        if is_known(have):
            common.append(have)
            if is_multi:
                lines.append(ack(have, b"common" if is_detailed else b"continue"))
            elif len(common) == 1:
                lines.append(ack(have))
        else:
            got_other = True
            if is_multi and common:
                is_ready = is_ready or is_detailed
                lines.append(ack(have, b"ready" if is_detailed else b"continue"))
    if request.is_done:
        if not common:
            lines.append(NAK)
        elif is_multi:
            lines.append(ack(common[-1]))
        return Negotiated(b"".join(lines), tuple(common), is_over=True)
    if not request.has_flush:
        return Negotiated(b"", (), is_over=False)
    if is_detailed and common and not got_other:
        is_ready = True
        lines.append(ack(common[-1], b"ready"))
    if not common or is_multi:
        lines.append(NAK)
    if is_ready and request.may(b"no-done"):
        lines.append(ack(common[-1]))
        return Negotiated(b"".join(lines), tuple(common), is_over=True)
    return Negotiated(b"".join(lines), tuple(common), is_over=False)
