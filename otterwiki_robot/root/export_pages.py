"""/app/export: take a wiki away, as a bundle with its whole history or as a zip of its files.

For everybody who has a role on the wiki: whoever may read all of it page by page may have it in
one file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from flask import Blueprint, Response, g, make_response, render_template, request
from werkzeug.datastructures import Headers

from otterwiki_robot.transfer.errors import TransferRefused
from otterwiki_robot.wiki_export import Kind, export_wiki, file_name
from otterwiki_tenant import clock
from otterwiki_tenant.errors import Suspended
from otterwiki_tenant.farm import Farm

from .chosen_wiki import Chosen, choose
from .sentences import sentence

_CHUNK_BYTES = 1 << 18


def create_blueprint(farm: Farm) -> Blueprint:
    """The page, and the download its buttons ask for."""
    blueprint = Blueprint("export_pages", __name__)

    def chosen_wiki() -> Chosen:
        with farm.database.reading() as session:
            return choose(session, g.person.did, request.values.get("wiki"), owner_only=False)

    def page(chosen: Chosen, status: int = 200, problem: str = "") -> Response:
        bundle = file_name(chosen.record.slug, Kind.BUNDLE, clock.now())
        text = render_template("robot/export.html", chosen=chosen, problem=problem, bundle=bundle)
        return make_response(text, status)

    @blueprint.get("/app/export")
    def show() -> Response:
        return page(chosen_wiki())

    @blueprint.post("/app/export")
    def download() -> Response:
        chosen = chosen_wiki()
        try:
            kind = Kind(request.form.get("kind", ""))
        except ValueError:
            return page(chosen, 422, "Nothing was exported: use a button of this page.")
        try:
            made = export_wiki(farm, chosen.record.slug, kind, by=g.by, now=clock.now())
        except TransferRefused as refused:
            text = refused.reason
            return page(chosen, 422, f"{text[:1].upper()}{text[1:]}.")
        except Suspended as refused:
            return page(chosen, 403, sentence(refused))
        headers = Headers({"Content-Length": str(made.size_bytes)})
        headers.set("Content-Disposition", "attachment", filename=made.file_name)  # RFC 6266
        response = Response(_chunks(made.file), headers=headers, mimetype=kind.media_type)
        response.call_on_close(made.file.close)
        return response

    return blueprint


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
