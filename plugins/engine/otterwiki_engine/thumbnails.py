"""Thumbnails that cost little, whatever was uploaded (checklist G4).

Otterwiki unpacks any image of any format to any size somebody asks for. Here an image is looked at
first: its format has to be the one its name says, and neither it nor the result may be too large.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import abort
from otterwiki.auth import has_permission

from .attachment_types import RASTER_FORMATS, UnsuitableFile, checked_image

#: Pixels on the longer side of what is made here; a URL may ask for anything.
LONGEST_SIDE = 2_000
DEFAULT_SIDE = 80
_SVG = "image/svg+xml"


def bounded(pixels: int | None) -> int | None:
    """`pixels` within what is made here."""
    return None if pixels is None else max(1, min(pixels, LONGEST_SIDE))


def resized_size(
    original: tuple[int, int], width: int | None, height: int | None
) -> tuple[int, int]:
    """Width and height of the result, both at least 1 and at most :data:`LONGEST_SIDE`."""
    aspect = original[0] / original[1]
    if width is None:
        width = round((height or DEFAULT_SIDE) * aspect)
    elif height is None:
        height = round(width / aspect)
    return bounded(width) or 1, bounded(height) or 1


def make_thumbnail(
    attachment: Any, upstream: Any, size: int | None, width: int | None, height: int | None
) -> Any:
    """The answer to a request for a small version of `attachment`, made by Otterwiki (`upstream`).

    404 where there is no such image, 422 for one that is damaged, too large or of another format
    than its name says.
    """
    if not has_permission("READ"):
        abort(403)
    if attachment.mimetype == _SVG and attachment.exists():
        return attachment.get()
    if attachment.mimetype not in RASTER_FORMATS or not attachment.exists():
        abort(404)
    try:
        with Path(attachment.abspath).open("rb") as file:
            image = checked_image(file, attachment.mimetype)
            if width is not None or height is not None:
                width, height = resized_size(image.size, width, height)
    except UnsuitableFile as error:
        abort(422, description=f"There is no thumbnail of {attachment.filename}: {error}.")
    try:
        return upstream(bounded(size) or DEFAULT_SIDE, width, height)
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # Pillow's words for damage
        abort(422, description=f"{attachment.filename} is damaged: {error}")
