"""Log lines: one line per event on stderr, as ``key=value`` pairs, with wiki, actor and request.

A line never breaks (control characters are written as escapes) and never carries a query string,
a cookie or a token: code that logs passes fields, and the access log knows which paths are secret.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from .wsgi_types import Environ, StartResponse, WSGIApp, WSGIResult

_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+,~%-]+")
_ESCAPED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MAX_VALUE_CHARACTERS = 16_000

_request_id: ContextVar[str | None] = ContextVar("robot_request_id", default=None)
Context = Callable[[], Mapping[str, object]]


def quote(value: object) -> str:
    """`value` as it stands in a log line: bare when it is one plain word, else quoted, one line."""
    text = str(value)
    if len(text) > _MAX_VALUE_CHARACTERS:
        text = text[:_MAX_VALUE_CHARACTERS] + "...cut"
    if _PLAIN.fullmatch(text):
        return text
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    text = text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    return '"' + _ESCAPED.sub(lambda match: f"\\u{ord(match.group()):04x}", text) + '"'


class KeyValueFormatter(logging.Formatter):
    """Turns a record into ``time=... level=... logger=... msg=... key=value ...``.

    A record's own fields are given as ``extra={"fields": {...}}``; `context` adds what is known
    about where the code runs (wiki, actor). Fields without a value are left out.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        """The whole line, without a line end."""
        moment = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, object] = {
            "time": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        fields.update(self._context())
        fields["request"] = _request_id.get()
        fields.update(getattr(record, "fields", {}))
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        return " ".join(
            f"{key}={quote(value)}" for key, value in fields.items() if value not in (None, "")
        )


def _no_context() -> Mapping[str, object]:
    return {}


def configure_logging(level: str, context: Context = _no_context) -> None:
    """Send every logger of this process to stderr in our form, from `level` up.

    `context` is asked for each line what to add (wiki and actor); it must not fail. Called again,
    it replaces what an earlier call set up.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)  # for loggers that set a level of their own
    handler.setFormatter(KeyValueFormatter(context))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for noisy in ("git", "urllib3", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class LineLogger:
    """A text stream whose complete lines become log lines; for libraries that print."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._rest = ""
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        """Take `text`; every complete, non-empty line in it is logged."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self.lines.append(line.strip())
                self._logger.info(line.strip())
        return len(text)

    def flush(self) -> None:
        """Nothing is held back but an incomplete line."""


_SECRET_PATHS = (  # what follows these is a secret by which somebody signs in or proves an address
    "/auth/dev/",
    "/-/confirm_email/",
    "/-/recover_password/",
    "/-/webhook/",
)


def path_for_log(path: str) -> str:
    """`path` without the part that is a secret."""
    for prefix in _SECRET_PATHS:
        if path.startswith(prefix):
            return prefix + "..."
    return path


class AccessLog:
    """WSGI middleware: gives each request an id and writes one line when its answer is complete.

    `details` is asked, after the answer, for what the application learned about the request
    (wiki, actor) from its environ.
    """

    def __init__(self, app: WSGIApp, details: Callable[[Environ], Mapping[str, object]]) -> None:
        self._app = app
        self._details = details
        self._logger = logging.getLogger("otterwiki_robot.access")

    def __call__(self, environ: Environ, start_response: StartResponse) -> WSGIResult:
        """Answer through the application; the line is written when the server closes the answer."""
        started = time.perf_counter()
        token = _request_id.set(secrets.token_hex(6))
        environ["robot.request_id"] = _request_id.get()
        status = ["-"]

        def remember(code: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            status[0] = code.split(" ", 1)[0]
            return start_response(code, headers, *rest)

        def finish() -> None:
            fields: dict[str, object] = {
                "method": environ.get("REQUEST_METHOD", "-"),
                "host": environ.get("HTTP_HOST", "-"),
                "path": path_for_log(_decoded(environ.get("PATH_INFO", ""))),
                "status": status[0],
                "ms": round((time.perf_counter() - started) * 1000, 1),
                "request": environ["robot.request_id"],
            }
            fields.update(self._details(environ))
            self._logger.info("request", extra={"fields": fields})

        try:
            body = self._app(environ, remember)
        except BaseException:
            status[0] = "500"
            finish()
            raise
        finally:
            _request_id.reset(token)
        return _ClosingBody(body, finish)


class _ClosingBody:
    """An answer's body that runs `finish` once, after its own close()."""

    def __init__(self, body: WSGIResult, finish: Callable[[], None]) -> None:
        self._body = body
        self._finish = finish

    def __iter__(self) -> Any:
        return iter(self._body)

    def close(self) -> None:
        """Close the body, then write the line."""
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._finish()


def _decoded(path: str) -> str:
    """A WSGI path (latin-1 spelled bytes) as text."""
    return path.encode("latin-1", "replace").decode("utf-8", "replace")
