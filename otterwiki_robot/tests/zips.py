"""Zip files for tests, honest and forged."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Mapping

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000080000000808020000004b6d29dc"
    "0000001449444154789c63f8cfc0f01f1b66c02b41aa0e0043e40ff1f44c5d1f"
    "0000000049454e44ae426082"
)


def zip_of(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    """A zip file of these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    stream.seek(0)
    return stream


def with_entry(name: str, content: bytes = b"x", mode: int = stat.S_IFREG | 0o644) -> io.BytesIO:
    """A zip file with Home.md and one more entry of that name and Unix mode."""
    stream = zip_of({"Home.md": b"# Home\n"})
    with zipfile.ZipFile(stream, "a") as archive:
        about = zipfile.ZipInfo("placeholder")
        about.filename = about.orig_filename = name
        about.create_system = 3
        about.external_attr = mode << 16
        archive.writestr(about, content)
    stream.seek(0)
    return stream


def forged(stream: io.BytesIO, offset: int, value: bytes, signature: bytes) -> io.BytesIO:
    """`stream` with `value` written `offset` bytes behind each place the signature stands at."""
    raw = bytearray(stream.getvalue())
    place = raw.find(signature)
    while place >= 0:
        raw[place + offset : place + offset + len(value)] = value
        place = raw.find(signature, place + 4)
    return io.BytesIO(bytes(raw))


CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


def encrypted(stream: io.BytesIO) -> io.BytesIO:
    """`stream` with every entry marked as encrypted."""
    return forged(forged(stream, 8, b"\x01\x00", CENTRAL), 6, b"\x01\x00", LOCAL)


def announcing(stream: io.BytesIO, size: int) -> io.BytesIO:
    """`stream` whose list says that every file has `size` bytes."""
    return forged(stream, 24, struct.pack("<I", size), CENTRAL)
