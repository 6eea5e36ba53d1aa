"""Answers as Flask sends them: JSON, problems, files."""

from __future__ import annotations

import json
from io import BytesIO

from flask import Response, make_response, request, send_file

from otterwiki_engine.attachment_types import (
    PDF,
    RASTER_FORMATS,
    UnsuitableFile,
    check_upload,
    sent_type,
)
from otterwiki_engine.problems import MEDIA_TYPE

from .calls import Answer, FileAnswer
from .problems import Refusal

_POLICY = "default-src 'none'; frame-ancestors 'none'"


def answer(found: Answer, *, may_be_unchanged: bool) -> Response:
    """The model as JSON, or 304 where the client has it already (RFC 9110, 13.1.2)."""
    is_known = found.etag is not None and request.if_none_match.contains_weak(found.etag)
    if may_be_unchanged and is_known:
        response = Response(status=304)
    else:
        response = json_bytes(found.model.model_dump_json().encode("utf-8"), found.status)
    if found.etag is not None:
        response.set_etag(found.etag)
        response.headers["Cache-Control"] = "private, no-cache"
    response.headers.update(found.headers)
    return response


def json_bytes(content: bytes, status: int = 200) -> Response:
    """JSON that no cache keeps unless it is told to."""
    response = Response(content, status, mimetype="application/json")
    return _guarded(response)


def refusal(found: Refusal) -> Response:
    """A problem document."""
    content = json.dumps(found.document, ensure_ascii=False).encode("utf-8", "replace")
    response = Response(content, found.status, mimetype=MEDIA_TYPE)
    response.headers.update(found.headers)
    return _guarded(response)


def methods(names: list[str]) -> Response:
    """The methods of an address, for OPTIONS. There is no CORS: no other origin is let in."""
    response = Response(status=204)
    response.headers["Allow"] = ", ".join(names)
    return _guarded(response)


def file(found: FileAnswer) -> Response:
    """An attachment: ranges and conditional requests; nothing in it runs (checklist G3, G5).

    Raises RequestedRangeNotSatisfiable (416).
    """
    # Its module binds objects of Otterwiki that do not exist yet when this one is loaded.
    from otterwiki_engine.attachments import PDF_POLICY, POLICY

    inline = _is_shown_in_place(found)
    sent = send_file(
        BytesIO(found.content),
        mimetype=sent_type(found.mime_type, in_place=inline),
        as_attachment=not inline,
        download_name=found.filename,
        conditional=False,
        etag=False,
    )
    response = make_response(sent)
    response.set_etag(found.etag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Security-Policy"] = PDF_POLICY if response.mimetype == PDF else POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.vary.update(("Authorization", "Cookie"))
    response.make_conditional(
        request.environ, accept_ranges=True, complete_length=len(found.content)
    )
    return response


def _is_shown_in_place(found: FileAnswer) -> bool:
    if found.mime_type not in RASTER_FORMATS and found.mime_type != PDF:
        return False
    try:
        check_upload(BytesIO(found.content), found.mime_type, None)
    except UnsuitableFile:
        return False
    return True


def _guarded(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.vary.update(("Authorization", "Cookie"))
    return response
