"""Attachments, served from committed blobs and uploaded straight into a commit.

Otterwiki writes an upload into the work tree, commits afterwards and serves from there, so that a
refused upload is seen by everybody, and two processes may serve different versions. Here nothing
uncommitted is ever served: a file is looked up in the request's snapshot and sent from an immutable
copy named by its blob id.

Import this module only once ``otterwiki.server`` is loading or loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import otterwiki.wiki
from flask import Response, abort, jsonify, make_response, redirect, request, send_file
from otterwiki.auth import current_user, has_permission
from otterwiki.gitstorage import StorageError, StorageNotFound, StorageUnsafePath
from otterwiki.helper import get_attachment_directoryname, get_filename, toast, url_for
from otterwiki.server import storage
from otterwiki.util import empty, guess_mimetype, sanitize_filename
from werkzeug.exceptions import NotFound as HTTPNotFound
from werkzeug.utils import secure_filename

from .attachment_types import (
    PDF,
    RASTER_FORMATS,
    UnsuitableFile,
    check_upload,
    is_shown_in_place,
    name_problem,
    sent_type,
)
from .blob_files import blob_file
from .errors import (
    BadPath,
    BadRevision,
    CheckFailed,
    Conflict,
    EngineError,
    Forbidden,
    NotFound,
    QuotaExceeded,
    RepositoryBusy,
)
from .limit_pages import problem_answer
from .paths import check_path
from .rebinding import rebind
from .thumbnails import make_thumbnail

#: Content-Security-Policy of every attachment: nothing in it runs, loads or belongs to this origin.
POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
#: A browser's own viewer for PDF does not start in a sandbox. It gives scripts no access to a page.
PDF_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; plugin-types application/pdf"
)

# An old revision never changes; but who was let in today may be shut out tomorrow.
_FOREVER = "private, max-age=604800, immutable"


class AttachmentRefused(StorageUnsafePath, HTTPNotFound):
    """An attachment's path breaks a rule: StorageError for Otterwiki's code, 404 on the web."""

    def __init__(self, message: str) -> None:
        HTTPNotFound.__init__(self, description=message)

    def __str__(self) -> str:
        return str(self.description)


class CommittedAttachment(otterwiki.wiki.Attachment):
    """A file attached to a page, as it was committed.

    `revision` None is the version this request reads. Raises :class:`AttachmentRefused` for a path
    that leaves the page's folder or is otherwise not allowed in a wiki.
    """

    def __init__(self, pagepath: str, filename: str, revision: str | None = None) -> None:
        self.pagepath = pagepath
        self.filename = filename
        self.revision = revision
        self.fullpath = f"{pagepath}/{filename}" if pagepath else filename
        self.directory = get_attachment_directoryname(get_filename(pagepath))
        self.filepath = _checked(f"{self.directory}/{filename}", self.fullpath)
        self.mimetype = guess_mimetype(self.filepath)
        try:
            self.metadata = storage.metadata(self.filepath, revision=revision)
        except StorageNotFound:
            self.metadata = None
        known = self.metadata or {}
        self.message = known.get("message")
        self._revision = known.get("revision")
        self.author_name = known.get("author_name")
        self.author_email = known.get("author_email")
        self.datetime = known.get("datetime") or datetime.now(UTC)

    @property
    def blob_id(self) -> str | None:
        """Id of the committed content, None where there is no such file."""
        found: str | None
        if self.revision is None:
            found = storage.blob_id(self.filepath)
            return found
        repository = storage.wiki.repository
        try:
            entry = repository.snapshot(repository.resolve(self.revision)).get(self.filepath)
        except (BadRevision, NotFound):
            return None
        return entry.blob_id if entry else None

    @property
    def abspath(self) -> str:
        """Path of an immutable copy of the content; raises StorageNotFound where there is none."""
        blob_id = self.blob_id
        if blob_id is None:
            raise StorageNotFound(f"{self.filepath} not found")
        return str(blob_file(storage.wiki, blob_id))

    def exists(self) -> bool:
        """Whether the file is committed."""
        return self.blob_id is not None

    def get(self) -> Response:
        """The file as an HTTP response: ranges and conditional requests by blob id."""
        if not has_permission("READ"):
            if not current_user.is_authenticated:
                return redirect(url_for("login", next=request.full_path))  # type: ignore[return-value]
            abort(403)
        blob_id = self.blob_id
        if blob_id is None:
            abort(404)
        response = self._send(blob_id)
        if self.revision not in (None, "HEAD"):
            response.headers["Cache-Control"] = _FOREVER
        else:
            response.cache_control.private = True
        hardened: Response = self._harden_response(response)
        return hardened

    def _send(self, blob_id: str) -> Response:
        for attempts_left in reversed(range(3)):
            path = blob_file(storage.wiki, blob_id)
            try:
                size_bytes = path.stat().st_size
                response = self._response(path)
                break
            except FileNotFoundError:  # the cache was emptied just now
                if not attempts_left:
                    raise
        # The copy's own time says nothing about the content, so only the blob id is compared.
        del response.headers["Last-Modified"]
        response.set_etag(blob_id)
        try:
            response.make_conditional(
                request.environ, accept_ranges=True, complete_length=size_bytes
            )
        except Exception:  # a range that can't be satisfied: answered by Werkzeug
            response.close()
            raise
        return response

    def _response(self, path: Path) -> Response:
        inline = is_shown_in_place(path, self.mimetype)
        sent = send_file(
            path,
            mimetype=sent_type(self.mimetype, in_place=inline),
            as_attachment=not inline,
            download_name=self.filename,
            conditional=False,
            etag=False,
        )
        return make_response(sent)

    def _harden_response(self, response: Any) -> Any:
        """No guessing of types, and nothing that runs, whatever the settings say."""
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = (
            PDF_POLICY if response.mimetype == PDF else POLICY
        )
        return response

    def get_thumbnail_url(self) -> str | None:
        """URL of the small version; None for what has none."""
        if self.mimetype not in RASTER_FORMATS and self.mimetype != "image/svg+xml":
            return None
        url: str | None = super().get_thumbnail_url()
        return url

    def get_thumbnail(
        self, size: int | None = 80, width: int | None = None, height: int | None = None
    ) -> Any:
        """The image made smaller, as a response; see :func:`.thumbnails.make_thumbnail`."""
        return make_thumbnail(self, super().get_thumbnail, size, width, height)

    def rename(self, new_filename: str, message: str | None, author: Any) -> Any:
        """Rename the file as Otterwiki does; refuses names an upload would be refused with."""
        problem = name_problem(new_filename)
        if problem:
            abort(403, description=f"Nothing was renamed. {new_filename!a} is no name: {problem}.")
        return super().rename(new_filename, message, author)


def _checked(filepath: str, shown: str) -> str:
    try:
        return check_path(filepath)
    except BadPath as error:
        kind = "path traversal outside the page is not allowed"
        reason = kind if ".." in filepath.split("/") else error.reason
        raise AttachmentRefused(f"Invalid attachment path {shown!r}: {reason}.") from error


def upload_attachments(
    self: Any,
    files: Iterable[Any],
    message: str | None,
    filename: str | None,
    author: Any,
    inline: bool = False,
) -> Any:
    """Commit the uploaded `files` to page `self`, all in one commit; answers as Otterwiki does.

    `filename` names the attachment to replace by the upload. With `inline` the answer is JSON for
    the editor, else a redirect to the list. Refusals: 403 for a name that is not allowed, 409 for
    a conflict, 413 or 429 for a limit, 415 for a file that is not what its name says, 503 while
    the wiki is busy; nothing is kept of a refused upload.
    """
    if not has_permission("UPLOAD"):
        abort(403)
    changes: dict[str, bytes] = {}
    names: list[str] = []
    for upload in files:
        if upload.filename == "":
            continue  # the form was sent with no file chosen
        wanted: str = upload.filename if filename is None or empty(filename) else filename
        problem = name_problem(wanted.replace("\\", "/").rpartition("/")[2])
        if problem:
            _refuse(403, f"Nothing was uploaded. {wanted!a} is no name: {problem}.", inline)
        name = sanitize_filename(wanted) or secure_filename(wanted)
        try:
            attachment = otterwiki.wiki.Attachment(self.pagepath, name)
        except StorageError as error:
            abort(403, description=str(error))
        try:
            check_upload(upload.stream, attachment.mimetype, upload.mimetype)
        except UnsuitableFile as error:
            _refuse(415, f"Nothing was uploaded. {name} was not taken: {error}.", inline)
        changes[attachment.filepath] = upload.stream.read()
        names.append(name)
    if changes:
        done = "Added attachment(s)" if filename is None else "Updated attachment"
        summary = f"{done}: {', '.join(names)}."
        _commit(changes, summary if empty(message) else message, author)
        if not inline:
            toast(summary)
    if not inline:
        return redirect(url_for("attachments", pagepath=self.pagepath))
    if not names:
        abort(500)
    return jsonify(filename=f"./{names[-1]}", attachments=self._attachments_list())


def _refuse(status: int, message: str, inline: bool) -> NoReturn:
    """End the request with `message`: JSON for the editor's script, else a page."""
    if not inline:
        abort(status, description=message)
    abort(problem_answer(status, message, code="unsuitable_file"))


def _commit(changes: dict[str, bytes], message: str | None, author: Any) -> None:
    try:
        storage.commit_files(changes, message=message, author=author)
    except Conflict as error:
        abort(409, description=f"Nothing was uploaded. {error}")
    except (CheckFailed, RepositoryBusy) as error:
        abort(503, description=f"Nothing was uploaded, please try again. {error}")
    except (Forbidden, QuotaExceeded):
        raise  # answered by .limit_pages
    except (EngineError, StorageUnsafePath) as error:
        abort(403, description=f"Nothing was uploaded. {error}")


def install() -> None:
    """Replace Otterwiki's attachments; the storage has to be the engine's already."""
    rebind(otterwiki.wiki.Attachment, CommittedAttachment)
    otterwiki.wiki.Page.upload_attachments = upload_attachments
