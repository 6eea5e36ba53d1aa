"""What knows Flask: the addresses below /repo.git, who may ask, and what is answered with which
status.

Whoever asks is found out anew on each request, for the list of refs and for the pack (checklist
F8). Refusals are plain text, which git prints after "remote:".
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from contextlib import ExitStack

from flask import Blueprint, Flask, Response, request

from otterwiki_engine import hooks
from otterwiki_engine.actor import Actor, Permission
from otterwiki_engine.current import current_wiki
from otterwiki_engine.errors import BadCredential, EngineError
from otterwiki_engine.repository import Repository

from . import packets, upload_request
from .answering import FOLDER, Limits, UploadPack
from .errors import BadRequest, Busy, GitHttpError
from .request_body import read_body
from .settings import Settings
from .slots import Slots
from .stalled import closed_after

NAME = "git_http"
PATH = "/repo.git"
UPLOAD_PACK, RECEIVE_PACK = "git-upload-pack", "git-receive-pack"
_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_BODY_SECONDS = 30.0  # for a request to be there; git's own are small
_GRACE_SECONDS = 5.0  # in which a stream may end by itself, with a word
_NO_PUSH = (
    "This repository can be cloned and fetched, but not pushed to. Change pages in the wiki itself,"
    " where every change is checked."
)
_SMART_ONLY = "There is no page here. This is a repository for git: git clone {url}"
_WHO = "Say who you are: send a token as the password, or your e-mail address and password."
_FORBIDDEN = "You may not read this wiki."
_BROKEN = "This repository can't be read right now. Please try again in a minute."
_RETRY_AFTER_SECONDS = 60
_CHALLENGE = 'Basic realm="wiki", charset="UTF-8"'
_log = logging.getLogger(__name__)
_View = Callable[..., Response]


def install(app: Flask, settings: Settings) -> None:
    """Add the routes. Called once, from the ``setup`` hook."""
    if settings.run_folder is not None:
        settings.run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    blueprint = Blueprint(NAME, __name__)

    def route(path: str, endpoint: str, view: _View, *, method: str = "GET") -> None:
        blueprint.add_url_rule(PATH + path, endpoint, view, methods=[method])

    route("/info/refs", "info_refs", _for_readers(functools.partial(_info_refs, settings)))
    upload_pack = _for_readers(functools.partial(_upload_pack, settings))
    route(f"/{UPLOAD_PACK}", "upload_pack", upload_pack, method="POST")
    route(f"/{RECEIVE_PACK}", "receive_pack", _for_readers(_refuse_push), method="POST")
    nothing_else = _for_readers(_nothing_else)
    for path in ("", "/", "/<path:path>"):
        blueprint.add_url_rule(
            PATH + path,
            "nothing_else",
            nothing_else,
            methods=_VERBS,
            provide_automatic_options=False,
        )
    blueprint.before_app_request(functools.partial(_keep_pages_out, nothing_else))
    app.extensions["csrf"].exempt(blueprint)  # nothing here changes anything
    app.register_blueprint(blueprint)


# ---------------------------------------------------------------------- who asks


def _for_readers(view: Callable[[], Response]) -> _View:
    """`view` for those who may read the wiki; what it raises becomes a refusal."""

    def answer(**_path: str) -> Response:
        try:
            refusal = _refuse_stranger()
            return view() if refusal is None else refusal
        except BadRequest as error:
            return _refusal(str(error), 400)
        except Busy as error:
            return _refusal(str(error), 503, retry_after_seconds=error.retry_after_seconds)
        except (EngineError, OSError):
            _log.exception("repository not served")
            return _refusal(_BROKEN, 503, retry_after_seconds=_RETRY_AFTER_SECONDS)

    return answer


def _refuse_stranger() -> Response | None:
    try:
        found: Actor | None = hooks.manager.hook.resolve_actor(request=request)
    except BadCredential as error:
        return _ask_who(f"{error} ")
    actor = found or Actor()
    if actor.may(Permission.READ):
        return None
    if actor.is_signed_in or actor.handle or actor.client:
        return _refusal(_FORBIDDEN, 403)
    return _ask_who()


def _ask_who(reason: str = "") -> Response:
    """401, upon which git asks for user name and password and sends them (RFC 7617)."""
    answer = _refusal(reason + _WHO, 401)
    answer.headers["WWW-Authenticate"] = _CHALLENGE
    return answer


# ---------------------------------------------------------------------- what is asked


def _info_refs(settings: Settings) -> Response:
    """The list of refs; and at once a no, in words, for what the next request would ask."""
    service = request.args.get("service", "")
    if service == RECEIVE_PACK:
        return _refuse_push()
    if service != UPLOAD_PACK:
        return _nothing_else()
    repository = current_wiki().repository
    _slots(settings, repository).check(repository.state_dir / FOLDER, request.remote_addr)
    branch, head = repository.branch()
    return _git_answer(packets.advertisement(branch, head), "advertisement")


def _upload_pack(settings: Settings) -> Response:
    """A pack. After a good list of refs git prints no body of a refusal, so it is told inside."""
    with closed_after(request.environ, _BODY_SECONDS):  # no place is held yet
        body = read_body(request.stream, request.headers.get("Content-Encoding", ""))
    asked = upload_request.parse(body)
    if asked is None:
        return _git_answer(b"", "result")
    repository = current_wiki().repository
    with ExitStack() as resources:
        try:
            slots = _slots(settings, repository)
            place = slots.held(repository.state_dir / FOLDER, request.remote_addr or None)
            resources.enter_context(place)
            resources.enter_context(
                closed_after(request.environ, settings.seconds + _GRACE_SECONDS)
            )
            limits = Limits(settings.seconds, settings.kept_pack_bytes)
            found = UploadPack(repository, asked, limits, resources)
        except Busy as error:
            answer = _git_answer(packets.error(str(error)), "result")
            answer.headers["Retry-After"] = str(error.retry_after_seconds)
            return answer
        except GitHttpError as error:
            return _git_answer(packets.error(str(error)), "result")
        kept = resources.pop_all()
    answer = Response(found.stream(), mimetype="application/x-git-upload-pack-result")
    answer.headers["Cache-Control"] = "no-cache"
    answer.call_on_close(kept.close)
    return answer


def _refuse_push() -> Response:
    return _refusal(_NO_PUSH, 403)


def _nothing_else() -> Response:
    """Files of the repository, which the dumb protocol would read, or its address in a browser."""
    return _refusal(_SMART_ONLY.format(url=request.host_url.rstrip("/") + PATH), 404)


def _keep_pages_out(nothing_else: _View) -> Response | None:
    """An address below this one is no page's, however it is written: with "//" or an unusual
    method Flask would find a route of Otterwiki's own for it, to save or to delete a page."""
    path = re.sub("/+", "/", request.path)
    is_here = path == PATH or path.startswith(PATH + "/")
    return nothing_else() if is_here and request.blueprint != NAME else None


def _slots(settings: Settings, repository: Repository) -> Slots:
    folder = settings.run_folder or repository.state_dir / FOLDER / "places"
    return Slots(folder, settings.packs_at_once)


# ---------------------------------------------------------------------- how it is said


def _git_answer(content: bytes, kind: str) -> Response:
    answer = Response(content, mimetype=f"application/x-git-upload-pack-{kind}")
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _refusal(message: str, status: int, *, retry_after_seconds: int | None = None) -> Response:
    answer = Response(message + "\n", status, mimetype="text/plain")
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(retry_after_seconds)
    return answer
