"""The one module that replaces objects of Otterwiki for access control (design rule 5).

==========================================  =======================================================
object                                      why
==========================================  =======================================================
``otterwiki.auth.auth_manager``             it believes request headers, and knows no readers
                                            without an account; the module's functions look it up
                                            at each call
``auth_supported_features`` in templates    evaluated once from the manager above, at import
the first ``before_request`` function       Otterwiki serves all its endpoints; a farm only those of
                                            :mod:`.endpoints`, for what each of them asks there
what is around Otterwiki's form of          name and description are the registry's, and a logo must
application preferences                     be an image (:mod:`.admin_form`)
a ``before_request`` for drafts             Otterwiki keeps any number of any size
                                            (:mod:`.draft_limits`)
==========================================  =======================================================

``tests/test_standins_contract.py`` fails when Otterwiki changes underneath.
"""

from __future__ import annotations

from flask import Flask, abort, redirect, request, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from otterwiki_engine import template_rewrite
from otterwiki_engine.actor import Permission
from otterwiki_tenant import current, late_rights, origins, refusals
from otterwiki_tenant.current import ActiveWiki
from otterwiki_tenant.wsgi import address_of, wants_json

from . import admin_form, draft_limits
from .endpoints import route_of
from .farm_auth import FarmAuth
from .farm_menu import farm_menu
from .template_rules import RULES


class UpstreamChanged(RuntimeError):
    """Otterwiki is not what the stand-ins were made for; nothing was replaced."""


def install(app: Flask) -> None:
    """Put the farm's answers in place. Called once, from the ``setup`` hook."""
    # Its own globals exist already where it is imported from: setup runs at the end of
    # otterwiki.server's definitions.
    import otterwiki.auth

    if type(otterwiki.auth.auth_manager) is not otterwiki.auth.ProxyHeaderAuth:
        raise UpstreamChanged(f"auth_manager is a {type(otterwiki.auth.auth_manager).__name__}")
    manager = FarmAuth()
    otterwiki.auth.auth_manager = manager
    app.jinja_env.globals["auth_supported_features"] = manager.supported_features()
    app.before_request_funcs.setdefault(None, []).insert(0, check_request)
    app.before_request(refuse_bad_preferences)
    app.before_request(draft_limits.refuse_draft)
    app.after_request(keep_name_and_description)
    app.jinja_env.globals["farm_menu"] = farm_menu
    template_rewrite.install(app, RULES)


def check_request() -> Response | None:
    """Refuse what the farm does not serve, and what this request's Actor may not do.

    The front door asked for READ already, and Otterwiki asks again later: a request that got past
    either some other way finds this. An address without an endpoint is left to Flask's 404.
    """
    active = current.active_or_none()
    if active is None or not active.actor.may(Permission.READ):
        abort(404)
    if request.endpoint is None:
        return None
    if request.method == "HEAD":
        # Otterwiki takes every method but GET for a form that was sent, and would save an empty
        # one. The answer's body is left out all the same: the server looks at the environ.
        request.method = "GET"
    route = route_of(request.endpoint, request.args)
    needed = route.need(request.method)
    if needed is None:
        abort(404)
    if not active.actor.may(needed) or (route.person and not active.actor.is_signed_in):
        return refuse(active)
    if not origins.is_safe(request.method):
        _ = request.form  # the client decides how long this takes
        late_rights.check(active, needed)
    return None


def refuse(active: ActiveWiki) -> Response:
    """403 for somebody known; the way to the sign-in page for everybody else."""
    as_json = wants_json(request.environ)
    if active.actor.is_signed_in or not (as_json or request.method in ("GET", "HEAD")):
        return refusals.forbidden(as_json=as_json)
    return refusals.sign_in(active.sign_in_url(address_of(request.environ)), as_json=as_json)


def _saves_preferences() -> bool:
    return (
        request.endpoint == admin_form.ENDPOINT
        and request.method == "POST"
        and bool(request.form.get(admin_form.SUBMIT))
    )


def refuse_bad_preferences() -> Response | None:
    """Say what is wrong with the form of application preferences before anything of it is saved."""
    if not _saves_preferences():
        return None
    from otterwiki.helper import toast

    found = admin_form.problems(request.form)
    for sentence in found:
        toast(sentence, "error")
    return redirect(url_for(admin_form.ENDPOINT)) if found else None


def keep_name_and_description(response: FlaskResponse) -> FlaskResponse:
    """When Otterwiki has saved that form, keep the wiki's name and description in the registry."""
    if response.status_code != 302 or not _saves_preferences():
        return response
    active = current.active()
    if "SITE_NAME" in active.written:  # what Otterwiki has saved it takes over at once
        from otterwiki.helper import toast

        refusal = admin_form.keep_in_registry(active, request.form, request.remote_addr)
        if refusal:
            toast(refusal, "error")
    return response
