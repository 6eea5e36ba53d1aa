"""One table of who may use each endpoint of the root host, by method. What is not in it is refused.

Checked before the endpoint runs, as far as "signed in" goes; whose wiki a page is about is asked of
the current rows by the page itself and again by the act it leads to. A test walks the URL map and
asks every endpoint as everybody; ``docs/permissions.md`` is made from the same table.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask import Flask, Response, abort, g, request

from .signed_in import ask_to_sign_in


class Who(enum.StrEnum):
    """Who may use an endpoint; each includes those below it."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"
    MEMBER = "member of the wiki"
    OWNER = "owner of the wiki"


@dataclass(frozen=True)
class RootRoute:
    """Who may send which method; None: nobody. `get` stands for HEAD too.

    OPTIONS is answered by Flask itself, with the methods there are, to whoever may send one.
    """

    get: Who | None = None
    post: Who | None = None
    put: Who | None = None
    patch: Who | None = None
    delete: Who | None = None

    def needs(self, method: str) -> Who | None:
        """Who may send `method`, None for nobody."""
        by_method = {
            "GET": self.get,
            "HEAD": self.get,
            "POST": self.post,
            "PUT": self.put,
            "PATCH": self.patch,
            "DELETE": self.delete,
        }
        if method == "OPTIONS":
            return next((who for who in by_method.values() if who is not None), None)
        return by_method.get(method)


_PUBLIC = RootRoute(get=Who.ANYONE)

ROUTES: Mapping[str, RootRoute] = MappingProxyType(
    {
        # without an account
        "favicon": _PUBLIC,
        "health": _PUBLIC,
        "landing": _PUBLIC,
        "own_file": _PUBLIC,
        "robots": _PUBLIC,
        "static": _PUBLIC,
        "terms": _PUBLIC,
        # signing in and out
        "signing.sign_in": _PUBLIC,
        "signing.sign_out_form": _PUBLIC,
        "signing.sign_out": RootRoute(post=Who.ANYONE),
        "signing.confirm": RootRoute(post=Who.SIGNED_IN),
        "signing.use_login_link": _PUBLIC,
        # one's own
        "account.show": RootRoute(get=Who.SIGNED_IN),
        "account.delete": RootRoute(post=Who.SIGNED_IN),
        "account.end_session": RootRoute(post=Who.SIGNED_IN),
        "account.sign_out_everywhere": RootRoute(post=Who.SIGNED_IN),
        "create.show": RootRoute(get=Who.SIGNED_IN),
        "create.create": RootRoute(post=Who.SIGNED_IN),
        "overview.show": RootRoute(get=Who.SIGNED_IN),
        "overview.without_slash": RootRoute(get=Who.SIGNED_IN),
        "overview.leave": RootRoute(post=Who.MEMBER),
        # a wiki
        "activity.show": RootRoute(get=Who.OWNER),
        "export_pages.show": RootRoute(get=Who.MEMBER),
        "export_pages.download": RootRoute(post=Who.MEMBER),
        "import_pages.show": RootRoute(get=Who.OWNER),
        "import_pages.stage": RootRoute(post=Who.OWNER),
        "import_pages.preview": RootRoute(get=Who.OWNER),
        "import_pages.decide": RootRoute(post=Who.OWNER),
        "collaborators.show": RootRoute(get=Who.MEMBER),
        "collaborators.change": RootRoute(post=Who.OWNER),
        "wiki_settings.show": RootRoute(get=Who.OWNER),
        # the management API
        "api.document": _PUBLIC,
        "api.me": RootRoute(get=Who.SIGNED_IN),
        "api.wikis": RootRoute(get=Who.SIGNED_IN),
        "api.create_wiki": RootRoute(post=Who.SIGNED_IN),
        "api.wiki": RootRoute(get=Who.MEMBER),
        "api.change_wiki": RootRoute(patch=Who.OWNER),
        "api.delete_wiki": RootRoute(delete=Who.OWNER),
        "api.members": RootRoute(get=Who.MEMBER),
        "api.set_member": RootRoute(put=Who.OWNER),
        "api.remove_member": RootRoute(delete=Who.OWNER),
        "api.tokens": RootRoute(get=Who.OWNER),
        "api.create_token": RootRoute(post=Who.OWNER),
        "api.replace_token": RootRoute(post=Who.OWNER),
        "api.revoke_token": RootRoute(delete=Who.OWNER),
        "connect.show": RootRoute(get=Who.OWNER),
        "connect.change": RootRoute(post=Who.OWNER),
        "wiki_settings.change": RootRoute(post=Who.OWNER),
    }
)


def needed(endpoint: str, method: str) -> Who | None:
    """Who may send `method` to the endpoint, None for nobody, as where there is no row."""
    route = ROUTES.get(endpoint)
    return route.needs(method) if route else None


def install(app: Flask) -> None:
    """Ask the table before every request, once it is known who the person is."""

    @app.before_request
    def check_route() -> Response | None:
        if request.endpoint is None:  # left to Flask's 404 and 405
            return None
        who = needed(request.endpoint, request.method)
        if who is None:
            abort(404)
        return ask_to_sign_in() if who is not Who.ANYONE and g.person is None else None
