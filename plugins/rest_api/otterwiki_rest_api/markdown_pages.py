"""`/{page}.md`: a page's Markdown, for whoever may read it.

Otterwiki shows ``/notes/todo.md`` as the page ``notes/todo``, and pages that came from elsewhere
link to each other like that. So a link in a page of this wiki, when a person follows it, goes on
opening the page; the address typed, or fetched by a program, gives the text as it is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Response, request

from otterwiki_engine.actor import Permission
from otterwiki_engine.errors import BadCredential, BadPath, BadRevision, NotFound
from otterwiki_engine.pages.service import PageService

from .actors import BAD_CREDENTIAL, actor_of

SUFFIX = ".md"
_ENDPOINT = "view"  # Otterwiki's for whatever no other route has
_POLICY = "default-src 'none'; frame-ancestors 'none'"


def answer(service: Callable[[], PageService]) -> Response | None:
    """For ``before_request``: the Markdown that is asked for, None for all other requests.

    Also None where there is nothing to show, or nobody who may see it: Otterwiki says so.
    """
    if request.endpoint != _ENDPOINT or request.method not in ("GET", "HEAD"):
        return None
    path: str = (request.view_args or {}).get("path", "")
    if not path.endswith(SUFFIX) or "edit" in request.args or _follows_a_link():
        return None
    try:
        actor = actor_of(request)
    except BadCredential as error:
        return Response(f"{error}\n", 401, BAD_CREDENTIAL, mimetype="text/plain")
    if not actor.may(Permission.READ):
        return None
    try:
        page = service().read(path, request.args.get("revision"))
    except (NotFound, BadPath, BadRevision):
        return None
    response = Response(page.content.encode("utf-8"), mimetype="text/markdown")
    response.set_etag(page.revision)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.vary.update(("Accept", "Authorization", "Cookie", "Referer", "Sec-Fetch-Site"))
    response.make_conditional(request.environ)
    return response


def _follows_a_link() -> bool:
    """Whether a browser opens the address from a page of this wiki."""
    if "text/html" not in request.headers.get("Accept", "").lower():
        return False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.referrer or "").netloc == request.host
