"""/app/import: bring notes into a wiki of one's own, after a look at what would come in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import IO

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from otterwiki_robot.settings import Settings
from otterwiki_robot.staged_import import (
    MOST_FILES,
    ReplaceUnconfirmed,
    Source,
    StagedImports,
    WikiChanged,
)
from otterwiki_robot.transfer.addresses import INTERNET, Outside
from otterwiki_robot.transfer.archive import read_archive
from otterwiki_robot.transfer.checks import Limits
from otterwiki_robot.transfer.errors import Problem, TransferRefused
from otterwiki_robot.transfer.files import (
    FileSet,
    SourceFile,
    composed,
    without_hidden,
    without_outer_folder,
)
from otterwiki_robot.transfer.public_fetching import public_repository
from otterwiki_robot.transfer.staging import NotStaged
from otterwiki_tenant import clock
from otterwiki_tenant.errors import Suspended
from otterwiki_tenant.farm import Farm

from .chosen_wiki import Chosen, choose
from .notices import Done, with_notice
from .sentences import sentence
from .uploads import part_of, read_no_more, take_uploads

MAX_URL_CHARACTERS = 1000
_MAX_NAME_CHARACTERS = 100
_ANY_UPLOAD_BYTES = 1_000_000_000  # where the farm sets no limit
# How browsers write these characters in the name of an uploaded file (HTML, multipart/form-data).
_NAME_ESCAPES = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))

Reader = Callable[[Limits], Source]


class NothingChosen(Exception):
    """The form came without what it is for; the message says what to choose."""


def create_blueprint(settings: Settings, farm: Farm, *, outside: Outside = INTERNET) -> Blueprint:
    """The page with its three forms, and the preview with its two."""
    blueprint = Blueprint("import_pages", __name__)
    imports = StagedImports(farm)

    def max_bytes() -> int:
        return farm.limits.repository_bytes or _ANY_UPLOAD_BYTES

    take_uploads(blueprint, "import_pages.stage", farm.layout.run, max_bytes, MOST_FILES)

    def chosen_wiki() -> Chosen:
        with farm.database.reading() as session:
            return choose(session, g.person.did, request.values.get("wiki"))

    def page(
        chosen: Chosen,
        status: int = 200,
        problem: str = "",
        problems: tuple[Problem, ...] = (),
    ) -> Response:
        text = render_template(
            "robot/import.html",
            chosen=chosen,
            problem=problem,
            problems=problems,
            import_limits=imports.limits(chosen.record),
            max_bytes=max_bytes(),
            url=request.form.get("url", "")[:MAX_URL_CHARACTERS],
        )
        return make_response(text, status)

    def preview_page(
        chosen: Chosen, staged_id: str, status: int = 200, problem: str = "", tick: str = ""
    ) -> Response:
        shown = imports.preview(chosen.record.slug, staged_id, g.by, clock.now())
        text = render_template(
            "robot/import_preview.html", chosen=chosen, preview=shown, problem=problem, tick=tick
        )
        return make_response(text, status)

    @blueprint.get("/app/import")
    def show() -> Response:
        return page(chosen_wiki())

    @blueprint.post("/app/import")
    def stage() -> Response:
        chosen = chosen_wiki()
        slug = chosen.record.slug
        try:
            read, shown = _asked_for(settings, outside)
            staged_id = imports.stage(slug, g.by, clock.now(), read, shown)
        except NothingChosen as refused:
            return page(chosen, 422, str(refused))
        except TransferRefused as refused:
            return page(chosen, 422, _capital(refused.reason), refused.problems)
        address = url_for("import_pages.preview", staged_id=staged_id, wiki=slug)
        return redirect(address, 303)  # type: ignore[return-value]

    @blueprint.get("/app/import/<staged_id>")
    def preview(staged_id: str) -> Response:
        return preview_page(chosen_wiki(), staged_id)

    @blueprint.post("/app/import/<staged_id>")
    def decide(staged_id: str) -> Response:
        chosen = chosen_wiki()
        slug = chosen.record.slug
        if request.form.get("do") == "discard":
            imports.discard(slug, staged_id, g.by, clock.now())
            address = with_notice(url_for("import_pages.show"), Done.IMPORT_DISCARDED, wiki=slug)
            return redirect(address, 303)  # type: ignore[return-value]
        try:
            imports.carry_out(
                slug,
                staged_id,
                g.by,
                clock.now(),
                base=request.form.get("base", "")[:64],
                may_replace=request.form.get("replace") == "yes",
            )
        except ReplaceUnconfirmed:
            tick = "Tick this to put the import in the place of what the wiki holds."
            return preview_page(chosen, staged_id, 422, "Nothing was changed yet.", tick)
        except WikiChanged:
            changed = "The wiki was edited meanwhile. Nothing was changed yet: look again."
            return preview_page(chosen, staged_id, 409, changed)
        except TransferRefused as refused:
            return page(chosen, 422, _capital(refused.reason), refused.problems)
        return redirect(with_notice("/app/", Done.WIKI_IMPORTED, wiki=slug), 303)  # type: ignore[return-value]

    @blueprint.errorhandler(NotStaged)
    def not_staged(gone: NotStaged) -> Response:
        return page(chosen_wiki(), 410, str(gone))

    @blueprint.errorhandler(Suspended)
    def suspended(refused: Suspended) -> Response:
        return page(chosen_wiki(), 403, sentence(refused))

    @blueprint.errorhandler(RequestEntityTooLarge)
    def too_large(_error: RequestEntityTooLarge) -> Response:
        read_no_more()
        text = (
            f"That is more than can be taken at once: {max_bytes() // 1_000_000} MB and"
            f" {MOST_FILES} files. Hidden folders, such as .git, count too: make a zip file without"
            " them."
        )
        return page(chosen_wiki(), 413, text)  # the form's address names the wiki too

    return blueprint


def _asked_for(settings: Settings, outside: Outside) -> tuple[Reader, str]:
    """How to read what the form holds, and what it is called; raises :class:`NothingChosen`."""
    do = request.form.get("do")
    if do == "zip":
        file = request.files.get("zip")
        if file is None or not file.filename:
            raise NothingChosen("Choose a zip file first.")
        name = _base_name(file.filename)
        return partial(_read_zip, file, name), name
    if do == "folder":
        files = [file for file in request.files.getlist("folder") if file.filename]
        if not files:
            raise NothingChosen("Choose a folder with files in it first.")
        name = _file_name(files[0]).partition("/")[0][:_MAX_NAME_CHARACTERS]
        return partial(_read_folder, files, name), name
    if do == "url":
        text = request.form.get("url", "")[:MAX_URL_CHARACTERS].strip()
        if not text:
            raise NothingChosen("Type the address of a repository first.")
        source = public_repository(text, own_domain=settings.domain, outside=outside)
        return lambda _limits: source, source.shown
    raise NothingChosen("Nothing was read: use a button of this page.")


def _read_zip(file: FileStorage, name: str, limits: Limits) -> FileSet:
    return read_archive(part_of(file), name, limits)  # type: ignore[arg-type]


def _read_folder(files: list[FileStorage], name: str, _limits: Limits) -> FileSet:
    """The files of an uploaded folder; browsers send each with its path from the folder on."""
    parts = [(_file_name(file), part_of(file)) for file in files]
    found = [
        SourceFile(path, part.size_bytes, partial(_opened, part.reader)) for path, part in parts
    ]
    inside, _folder = without_outer_folder(composed(found))  # first: a hidden one may be chosen
    kept, hidden = without_hidden(inside)
    return FileSet(name, tuple(kept), tuple(hidden))


def _opened(reader: Callable[[], object]) -> IO[bytes]:
    stream: IO[bytes] = reader()  # type: ignore[assignment]
    return stream


def _file_name(file: FileStorage) -> str:
    name = file.filename or ""
    for written, character in _NAME_ESCAPES:
        name = name.replace(written, character)
    return name


def _base_name(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2][:_MAX_NAME_CHARACTERS]


def _capital(text: str) -> str:
    """A refusal as a sentence."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
