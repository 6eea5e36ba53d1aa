"""Otterwiki's authentication manager on a farm: every answer comes from the request's Actor.

Otterwiki asks an object with these methods (``otterwiki.auth.auth_manager``). Who the Actor is and
what they may do was decided at the front door, from the current rows; nothing is decided here.
"""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Request, abort, redirect, request, url_for
from flask_login import UserMixin, current_user
from werkzeug.wrappers import Response

from otterwiki_engine.actor import Actor, Permission
from otterwiki_tenant import current
from otterwiki_tenant.hosts import check_next, host_url


class FarmUser(UserMixin):
    """The signed-in person in the form Otterwiki's pages expect of a user."""

    def __init__(self, actor: Actor, name: str, email: str) -> None:
        self.id = actor.did
        self.name = name
        self.email = email
        self.is_approved = True
        self.allow_read = actor.may(Permission.READ)
        self.allow_write = actor.may(Permission.WRITE)
        self.allow_upload = actor.may(Permission.UPLOAD)
        self.is_admin = actor.may(Permission.ADMIN)

    def __repr__(self) -> str:
        return f"<FarmUser {self.id}>"


class FarmAuth:
    """Takes the place of Otterwiki's ``auth_manager``."""

    def supported_features(self) -> dict[str, bool]:
        """Which parts of the user interface make sense: no passwords, no names to edit here."""
        return {"passwords": False, "editing": False, "logout": True}

    # ------------------------------------------------------------------ who, and what they may

    def request_loader(self, _request: Request) -> FarmUser | None:
        """The signed-in person of this request; None for a reader without an account."""
        active = current.active_or_none()
        if active is None or not active.actor.is_signed_in:
            return None
        author = active.farm.author(active.actor)
        return FarmUser(active.actor, author.name, author.email)

    def has_permission(self, permission: str, _user: object = None) -> bool:
        """Whether this request's Actor has the permission of that name. No wiki, no permission.

        Otterwiki passes a user along; it is the one made of the Actor, and is not asked.
        """
        active = current.active_or_none()
        name = permission.upper()
        if active is None or name not in Permission.__members__:
            return False
        return active.actor.may(Permission[name])

    def get_author(self) -> tuple[str, str]:
        """Name and e-mail address for a commit or draft; raises NoWikiActive outside of a wiki."""
        active = current.active()
        author = active.farm.author(active.actor)
        return (author.name, author.email)

    def get_all_user(self) -> list[Any]:
        """A wiki has no list of users; Otterwiki's pages are told of the one who asks."""
        return [current_user]

    def check_credentials(self, _email: str, _password: str) -> None:
        """Nobody has a password here."""

    # ------------------------------------------------------------------ signing in and out

    def login_form(self, *_args: Any, **_kwargs: Any) -> Response:
        """To the root host, where people sign in, and back to the page they wanted."""
        active = current.active()
        if active.actor.is_signed_in:
            return redirect(url_for("index"))
        return redirect(active.sign_in_url(_wanted_page()), 303)

    def handle_login(self, *_args: Any, **_kwargs: Any) -> Response:
        """A password is never taken here; the same way as :meth:`login_form`."""
        return self.login_form()

    def handle_logout(self) -> Response:
        """To the root host, where signing out is confirmed: nothing changes by a GET here."""
        active = current.active()
        root = host_url(active.farm.scheme, active.farm.domain, active.port)
        return redirect(f"{root}/auth/logout", 303)

    def settings_form(self) -> Response | str:
        """Otterwiki's settings page, which leads to the wiki's own settings."""
        from flask import render_template

        return render_template("settings.html", title="Settings", user_list=None)

    # ------------------------------------------------------------------ what does not exist here

    def _none_of_this(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Accounts, passwords and their mails do not exist on a wiki of the farm."""
        abort(404)

    register_form = _none_of_this
    handle_register = _none_of_this
    handle_confirmation = _none_of_this
    handle_request_confirmation = _none_of_this
    handle_settings = _none_of_this
    lost_password_form = _none_of_this
    handle_recover_password = _none_of_this
    handle_recover_password_token = _none_of_this
    get_user = _none_of_this
    update_user = _none_of_this
    delete_user = _none_of_this


def _wanted_page() -> str:
    """The page of this wiki a person is to come back to after signing in."""
    farm = current.active().farm
    origin = request.host_url.rstrip("/")
    path = request.args.get("next", "")
    if not path.startswith("/"):
        path = "/"
    return check_next(origin + path, scheme=farm.scheme, domain=farm.domain) or origin + "/"
