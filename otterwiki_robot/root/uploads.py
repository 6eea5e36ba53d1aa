"""Forms with large files: what their routes may receive, and where it goes meanwhile.

Everywhere else a form is small. Here a zip file or some thousand notes may come, from people who
are signed in; what anybody else sends is not read at all.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from flask import Blueprint, g, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.formparser import FormDataParser

from otterwiki_robot.transfer.spool import Part, Spool
from otterwiki_robot.transfer.staging import FREE_BYTES

_FORM_BYTES = 10_000_000  # what a form's own lines may add to its files: names, separators
_MORE_PARTS = 50  # besides the files
_NO_ROOM = (
    "The server has too little room for what you sent; nothing was imported. Try again later, or"
    " send less at once."
)


def take_uploads(
    blueprint: Blueprint, endpoint: str, folder: Path, max_bytes: Callable[[], int], max_files: int
) -> None:
    """Let POSTs to `endpoint` carry files of `max_bytes()` together, spooled below `folder`."""

    @blueprint.url_value_preprocessor
    def prepare(asked: str | None, _values: dict[str, Any] | None) -> None:
        if asked != endpoint or request.method != "POST":
            return
        request.max_content_length = max_bytes() + _FORM_BYTES
        request.max_form_parts = max_files + _MORE_PARTS
        request.form_data_parser_class = _parser_for(folder)

    @blueprint.teardown_request
    def give_back(_error: BaseException | None) -> None:
        spool: Spool | None = g.pop("upload_spool", None)
        if spool is not None:
            spool.close()


def read_no_more() -> None:
    """After a form that was too large: whoever asks for its fields from now on finds none."""
    request.max_content_length = sys.maxsize  # None would be the application's own limit
    request.form_data_parser_class = _NothingParser


class _NothingParser(FormDataParser):
    def parse(self, stream: IO[bytes], *_args: Any, **_options: Any) -> Any:
        return stream, self.cls(), self.cls()


def part_of(file: FileStorage) -> Part:
    """The stretch of the spool that holds an uploaded file."""
    stream: Any = file.stream
    if not isinstance(stream, Part):
        raise TypeError("the form was not taken by take_uploads")
    return stream


def _check_room(folder: Path) -> None:
    """Refuse a form that would not leave enough room on the disk, before any of it is read."""
    size = request.content_length
    if size is None:  # it comes in chunks
        size = request.max_content_length or 0
    if shutil.disk_usage(_existing(folder)).free - size < FREE_BYTES:
        read_no_more()
        raise ServiceUnavailable(_NO_ROOM)


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def _parser_for(folder: Path) -> type[FormDataParser]:
    class SpoolingParser(FormDataParser):
        """Werkzeug's parser, with one file for all parts; it reads nothing for nobody."""

        def __init__(self, stream_factory: object = None, *args: Any, **options: Any) -> None:
            factory: Any = _new_part
            super().__init__(factory, *args, **options)

        def parse(self, stream: IO[bytes], *args: Any, **options: Any) -> Any:
            if g.get("person") is None:
                return stream, self.cls(), self.cls()
            _check_room(folder)
            return super().parse(stream, *args, **options)

    def _new_part(**_about: Any) -> Any:
        if "upload_spool" not in g:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            g.upload_spool = Spool(folder)
        return g.upload_spool.part()

    return SpoolingParser
