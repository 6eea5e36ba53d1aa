"""Which attached files a browser may show in place, and what the others are sent as.

Decided by content, not by name: extension, declared type and the first bytes have to agree
(checklist G3, G4). Knows no Flask and no Otterwiki.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import BinaryIO

import PIL.Image

from .errors import EngineError

#: Raster images, by type: Pillow's name of the format. Shown in place, and as thumbnails.
RASTER_FORMATS = {
    "image/avif": "AVIF",
    "image/gif": "GIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
}
PDF = "application/pdf"
#: Pixels of the largest image that is taken, and made smaller here (a phone's have 50 million).
MOST_PIXELS = 60_000_000

_OCTETS = "application/octet-stream"
# Types that no browser runs, whatever element asks for them. What is not here is sent as octets: a
# script, style sheet or page that another page could otherwise load from this origin.
_KEPT_TYPES = frozenset(
    {
        PDF,
        "application/epub+zip",
        "application/gzip",
        "application/json",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/x-tar",
        "application/zip",
        "text/csv",
        "text/markdown",
        "text/plain",
    }
)
_KEPT_PREFIXES = (
    "application/vnd.openxmlformats-officedocument.",
    "application/vnd.oasis.opendocument.",
    "audio/",
    "font/",
    "image/",
    "video/",
)
# What browsers and phones call a type besides its name.
_SYNONYMS = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
_PDF_SIGNATURE = b"%PDF-"
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, OverflowError, MemoryError)


class UnsuitableFile(EngineError):
    """An uploaded file is not what its name or declared type says, or can't be dealt with."""


class ImageTooLarge(UnsuitableFile):
    """An image would unpack to more pixels than are taken."""


def checked_image(file: BinaryIO, mimetype: str) -> PIL.Image.Image:
    """The image in `file`, read only as far as its header, where it really is a `mimetype`.

    No format but that one is tried: Pillow knows some that start other programs. Raises
    :class:`ImageTooLarge`, or :class:`UnsuitableFile` for content that is something else.
    """
    kind = RASTER_FORMATS[mimetype]
    try:
        image = PIL.Image.open(file, formats=[kind])
    except PIL.Image.DecompressionBombError as error:
        raise ImageTooLarge(_too_large()) from error
    except _DAMAGED as error:
        raise UnsuitableFile(f"its content is no {kind} image") from error
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise ImageTooLarge(f"it is {width} by {height} pixels large; {_too_large()}")
    return image


def _too_large() -> str:
    return f"an image may have at most {MOST_PIXELS // 1_000_000} million pixels"


def check_upload(file: BinaryIO, mimetype: str, declared: str | None) -> None:
    """Raise :class:`UnsuitableFile` where something to be shown in place is not what it says.

    `mimetype` follows from the file's name, `declared` is what the sender called it. Leaves `file`
    at its beginning. Other files are only ever downloaded and may hold anything.
    """
    said = (declared or "").partition(";")[0].strip().lower()
    said = _SYNONYMS.get(said, said)
    if mimetype in RASTER_FORMATS:
        checked_image(file, mimetype)
    elif mimetype == PDF:
        if not file.read(len(_PDF_SIGNATURE)).startswith(_PDF_SIGNATURE):
            raise UnsuitableFile("its content is no PDF document")
    else:
        file.seek(0)
        return
    file.seek(0)
    if said and said not in (mimetype, _OCTETS):
        raise UnsuitableFile(f"it was sent as {said}, but its name and content say {mimetype}")


def is_shown_in_place(path: Path, mimetype: str) -> bool:
    """Whether the file at `path` may be shown as `mimetype`: of a safe type, and really that."""
    if mimetype not in RASTER_FORMATS and mimetype != PDF:
        return False
    with path.open("rb") as file:
        try:
            check_upload(file, mimetype, None)
        except UnsuitableFile:
            return False
    return True


def sent_type(mimetype: str, *, in_place: bool) -> str:
    """The Content-Type for a file whose name says `mimetype`.

    An image that is none still is an image to a browser, which then shows nothing.
    """
    if in_place or mimetype in _KEPT_TYPES or mimetype.startswith(_KEPT_PREFIXES):
        return mimetype
    return _OCTETS


def name_problem(name: str) -> str | None:
    """Why a file must not be uploaded under `name`, None where it may (checklist G5)."""
    for character in name:
        category = unicodedata.category(character)
        if category in ("Cc", "Zl", "Zp"):
            return "it contains control characters or line breaks"
        if category == "Cf" and character not in "\u200c\u200d":
            return "it contains invisible characters, which can make it look like another name"
    if "/" in name or "\\" in name:
        return "it contains a path; only the file's own name is wanted"
    return None
