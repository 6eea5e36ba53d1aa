"""Refusals as HTTP answers: one table from the engine's errors to statuses and members.

Every answer that says no is a problem document (RFC 9457), made by
:func:`otterwiki_engine.problems.problem`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from otterwiki_engine import errors as engine
from otterwiki_engine.pages import errors as pages
from otterwiki_engine.pages.records import SectionInfo
from otterwiki_engine.problems import problem

from .actors import BAD_CREDENTIAL
from .handlers import shapes
from .refusals import Refused

#: Most sections that a refusal names; the outline has all of them.
MOST_SECTIONS = 100
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: BAD_CREDENTIAL,
    503: {"Retry-After": "5"},
}
_Members = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Refusal:
    """A problem on its way to the client: the document, its status, and further headers."""

    document: dict[str, Any]
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Row:
    """How one kind of error is answered.

    `reading` is the status where nothing was to be changed, the same as `status` if it is None.
    """

    error: type[engine.EngineError]
    status: int
    code: str
    members: _Members = lambda _error: {}
    reading: int | None = None


def _conflict(error: pages.PageConflict) -> dict[str, Any]:
    return {
        "path": error.page,
        "current_revision": error.current_revision,
        "base_revision": error.base,
        "diff": error.diff,
        "diff_truncated": error.diff_truncated,
    }


def _sections(sections: tuple[SectionInfo, ...]) -> list[dict[str, Any]]:
    return [shapes.section(section).model_dump() for section in sections[:MOST_SECTIONS]]


def _field(name: str, error: Any) -> dict[str, Any]:
    return {"errors": [{"in": "body", "field": name, "message": error.reason}]}


#: Most special first: the first row that fits decides.
TABLE: tuple[_Row, ...] = (
    _Row(
        pages.PageNotFound,
        404,
        "page_not_found",
        lambda error: {
            "path": error.page,
            "renamed_to": error.renamed_to,
            "deleted_in": error.deleted_in,
            "similar": list(error.similar) or None,
        },
    ),
    _Row(
        pages.AttachmentNotFound,
        404,
        "attachment_not_found",
        lambda error: {"path": error.page, "filename": error.filename},
    ),
    _Row(
        pages.SectionNotFound,
        404,
        "section_not_found",
        lambda error: {
            "path": error.page,
            "sections": _sections(error.sections),
            "section_count": len(error.sections),
        },
    ),
    _Row(engine.NotFound, 404, "not_found"),
    _Row(
        pages.SectionAmbiguous,
        422,
        "section_ambiguous",
        lambda error: {
            "path": error.page,
            "candidates": _sections(error.candidates),
            "candidate_count": len(error.candidates),
        },
    ),
    _Row(pages.NoOutline, 422, "no_outline", lambda error: {"path": error.page}),
    _Row(pages.EditNotFound, 422, "edit_not_found", lambda error: {"path": error.page}),
    _Row(
        pages.EditAmbiguous,
        422,
        "edit_ambiguous",
        lambda error: {"path": error.page, "count": error.count, "lines": list(error.lines)},
    ),
    _Row(pages.BadPageName, 422, "bad_page_name", lambda e: _field("path", e), reading=404),
    _Row(engine.BadPath, 422, "bad_path", lambda e: _field("path", e), reading=404),
    _Row(engine.BadRevision, 422, "bad_revision", reading=404),
    _Row(pages.BadValue, 422, "bad_value", lambda error: _field(error.field, error)),
    _Row(pages.NotText, 422, "not_text", lambda error: {"path": error.page}),
    _Row(pages.UnsuitableAttachment, 422, "unsuitable_file"),
    _Row(engine.BadText, 422, "bad_text", lambda error: _field(error.field, error)),
    _Row(pages.PageExists, 409, "page_exists", _conflict),
    _Row(pages.BaseRequired, 409, "revision_required", _conflict),
    _Row(pages.SectionChanged, 409, "section_changed", _conflict),
    _Row(pages.PageConflict, 409, "conflict", _conflict),
    _Row(
        engine.Conflict,
        409,
        "conflict",
        lambda error: {"paths": list(error.paths), "current_revision": error.head},
    ),
    _Row(
        engine.QuotaExceeded,
        413,
        "quota_exceeded",
        lambda error: {
            "what": error.what,
            "limit": error.limit,
            "found": error.found,
            "advice": error.advice,
        },
    ),
    _Row(engine.Forbidden, 403, "forbidden"),
    _Row(engine.BadCredential, 401, "invalid_token"),
    _Row(engine.CheckFailed, 503, "unavailable"),
    _Row(engine.RepositoryBusy, 503, "busy"),
    _Row(engine.RepositoryGone, 503, "unavailable"),
)
#: Errors that are no answer to a request: a fault of the server, which is logged and answered with
#: 500.
FAULTS: tuple[type[engine.EngineError], ...] = (engine.RepositoryDamaged, engine.NoWikiActive)


def of_error(
    error: engine.EngineError, *, is_reading: bool, is_precondition: bool = False
) -> Refusal | None:
    """The answer to what the engine refused; None for a fault of the server.

    `is_precondition`: the base came from a header, so a conflict is a 412 (RFC 9110, 13.1.1).
    """
    inner = error.error if isinstance(error, pages.BatchRefused) else error
    row = next((row for row in TABLE if isinstance(inner, row.error)), None)
    if row is None or isinstance(inner, FAULTS):
        return None
    status = row.reading if is_reading and row.reading else row.status
    if isinstance(inner, engine.QuotaExceeded) and not inner.is_size:
        status = 429  # without Retry-After: waiting does not help
    if status == 409 and is_precondition:
        status = 412
    members = row.members(inner)
    if isinstance(error, pages.BatchRefused):
        members["position"] = error.position
    document, _ = problem(status, str(error), code=row.code, **members)
    return Refusal(document, status, _HEADERS.get(status, {}))


def of_refused(refused: Refused) -> Refusal:
    """The answer to what the API itself refused."""
    document, status = problem(refused.status, refused.detail, code=refused.code, **refused.members)
    return Refusal(document, status, refused.headers)
