"""The front door's refusals in words that git prints: text, and a challenge that it can answer.

git shows the body of a refused ``info/refs`` where that is plain text, each line after "remote:".
With a 401 it asks for a user name and a password, once, and sends them by Basic (RFC 7617).
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from .rate_limits import TooMany

_CHALLENGE = 'Basic realm="wiki", charset="UTF-8"'
_NO_CREDENTIAL = "Send a token of this wiki as the password; any user name will do."
_NO_WIKI = "There is no wiki at this address, or it is not open to you."
_NO_PAGES = "There are no pages at this address: it is for git alone."
_SUSPENDED = "The operator of this server has suspended this wiki. Nobody can read it now."


def ask_for_token(reason: str = "") -> Response:
    """401: nobody known, or a token that is none of this wiki's, whether there is one or not."""
    answer = refused(f"{reason} {_NO_CREDENTIAL}".strip(), 401)
    answer.headers["WWW-Authenticate"] = _CHALLENGE
    return answer


def not_admitted(*, is_known: bool, is_suspended: bool) -> Response:
    """For somebody who may not see the wiki, if there is one; `is_suspended` for its own people."""
    if is_suspended:
        return refused(_SUSPENDED, 403)
    return refused(_NO_WIKI, 404) if is_known else ask_for_token()


def nothing_there() -> Response:
    """404 for changing what git never asks for, by somebody who may read the wiki."""
    return refused(_NO_PAGES, 404)


def too_many(found: TooMany) -> Response:
    """429: over a rate limit."""
    return refused(found.sentence, 429, retry_after_seconds=found.retry_after_seconds)


def refused(message: str, status: int, *, retry_after_seconds: int | None = None) -> Response:
    """A refusal of that status; `message` is a sentence for a person."""
    answer = Response(message + "\n", status, mimetype="text/plain")
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["Vary"] = "Cookie, Accept, Authorization"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(retry_after_seconds)
    return answer
