"""/app/account: who I am here, where I am signed in, and the end of the account."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for

from otterwiki_tenant import audit, people, sessions, wikis
from otterwiki_tenant.errors import DeletionUnfinished
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.sessions import SessionRecord
from otterwiki_tenant.users import User
from otterwiki_tenant.wikis import WikiRecord

from .forms import Form
from .notices import Done, with_notice
from .sentences import ABOUT_SIGNING_IN, Line, browser_in_words, told

SHOWN_SIGN_INS = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Browser:
    """A browser that is signed in, in words; times are ISO 8601 UTC text."""

    session_id: str
    name: str
    address: str | None
    started: str
    last_seen: str
    is_this: bool


@dataclass(frozen=True)
class Account:
    """What the page shows."""

    browsers: tuple[Browser, ...]
    sign_ins: tuple[Line, ...]
    owned: tuple[WikiRecord, ...]


def browser_of(record: SessionRecord, this_session_id: str | None) -> Browser:
    """A session in words."""
    return Browser(
        session_id=record.id,
        name=browser_in_words(record.user_agent),
        address=record.address,
        started=record.created_at,
        last_seen=record.last_seen_at,
        is_this=record.id == this_session_id,
    )


def account_of(farm: Farm, did: str, session_id: str | None) -> Account:
    """A person's sessions, latest sign-ins and wikis, by the current rows; raises Unavailable."""
    with farm.database.reading() as session:
        records = sessions.of_person(session, did)
        entries = audit.of_person(session, did, SHOWN_SIGN_INS, ABOUT_SIGNING_IN)
        owned = tuple(wikis.owned_by(session, did))
    browsers = sorted(
        (browser_of(record, session_id) for record in records),
        key=lambda browser: not browser.is_this,
    )
    sign_ins = tuple(told(entry, did) for entry in entries)
    return Account(tuple(browsers), sign_ins, owned)


def is_confirmed(typed: str, person: User) -> bool:
    """Whether the handle was typed (with or without @); the username where there is no handle."""
    return typed.removeprefix("@").lower() == (person.handle or person.username)


def create_blueprint(farm: Farm) -> Blueprint:
    """The page and its forms."""
    blueprint = Blueprint("account", __name__)

    def page(form: Form, status: int = 200, problem: str = "") -> Response:
        text = render_template(
            "robot/account.html",
            account=account_of(farm, g.person.did, g.session_id),
            form=form,
            problem=problem,
        )
        return make_response(text, status)

    def leave(done: Done) -> Response:
        """To the front page, signed out."""
        address = with_notice(url_for("landing"), done)
        response = Response(status=303, headers={"Location": address})
        cookie = request.headers.get("Cookie")
        for header in farm.sign_out(cookie, address=g.by.address):
            response.headers.add("Set-Cookie", header)
        return response

    @blueprint.get("/app/account")
    def show() -> Response:
        return page(Form({"confirmation": ""}))

    @blueprint.post("/app/account/sessions")
    def end_session() -> Response:
        sid = request.form.get("session", "")
        farm.end_session(sid, g.by)
        return redirect(with_notice(url_for("account.show"), Done.SESSION_ENDED), 303)  # type: ignore[return-value]

    @blueprint.post("/app/account/sign-out-everywhere")
    def sign_out_everywhere() -> Response:
        farm.sign_out_everywhere(g.by)
        return leave(Done.SIGNED_OUT_EVERYWHERE)

    @blueprint.post("/app/account/delete")
    def delete() -> Response:
        form = Form.of(request.form, "confirmation")
        if not is_confirmed(form["confirmation"], g.person):
            name = g.person.handle or g.person.username
            form.refuse("confirmation", f"Type {name} to delete your account.")
            return page(form, 422, "Nothing was deleted: see below.")
        try:
            people.delete_account(farm, g.person.did, g.by)
        except DeletionUnfinished:
            _log.warning("an account's wikis are left to the next start", exc_info=True)
        return leave(Done.ACCOUNT_DELETED)

    return blueprint
