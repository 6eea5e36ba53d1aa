"""/app/connect: the tokens by which programs get into a wiki, and what they can do with them.

A token is shown in the answer to the form that made it, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for

from otterwiki_tenant import clock, names, token_store, wiki_tokens
from otterwiki_tenant.access import Role
from otterwiki_tenant.errors import LifetimeRefused, NoSuchToken, TextRefused, TokenLimit
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.token_store import Listed, State
from otterwiki_tenant.wiki_tokens import MadeToken

from .chosen_wiki import Chosen, choose
from .forms import Form
from .notices import Done, with_notice
from .sentences import sentence

#: What a token may be, with what it means.
ROLES = (
    (Role.EDITOR.value, "Editor: reads, writes and uploads"),
    (Role.VIEWER.value, "Viewer: only reads"),
)
#: For how many days a token may work, by what the form says.
LIFETIMES: tuple[tuple[str, str, int | None], ...] = (
    ("30", "30 days", 30),
    ("90", "90 days", 90),
    ("365", "A year", 365),
    ("", "Until it is revoked", None),
)


@dataclass(frozen=True)
class Shown:
    """The wiki's tokens as the page groups them, the newest first."""

    active: tuple[Listed, ...]
    ended: tuple[tuple[Listed, State], ...]


def shown(found: list[Listed]) -> Shown:
    """The tokens by whether they work now."""
    now = clock.now()
    states = [(item, item.token.state(now)) for item in found]
    return Shown(
        active=tuple(item for item, state in states if state is State.ACTIVE),
        ended=tuple((item, state) for item, state in states if state is not State.ACTIVE),
    )


def create_blueprint(farm: Farm) -> Blueprint:
    """The page and its three forms, told apart by the field `do`."""
    blueprint = Blueprint("connect", __name__)

    def chosen_wiki() -> Chosen:
        with farm.database.reading() as session:
            return choose(session, g.person.did, request.values.get("wiki"))

    def page(
        chosen: Chosen,
        form: Form,
        status: int = 200,
        problem: str = "",
        made: MadeToken | None = None,
    ) -> Response:
        with farm.database.reading() as session:
            found = token_store.of_wiki(session, chosen.record.slug)
        text = render_template(
            "robot/connect.html",
            chosen=chosen,
            tokens=shown(found),
            made=made,
            form=form,
            roles=ROLES,
            lifetimes=[(value, words) for value, words, _ in LIFETIMES],
            max_name=names.MAX_TOKEN_NAME_CHARACTERS,
            problem=problem,
        )
        return make_response(text, status)

    def empty_form() -> Form:
        return Form({"name": "", "role": Role.EDITOR.value, "lifetime": "365"})

    def make(chosen: Chosen, form: Form) -> MadeToken | None:
        form.values.update(Form.of(request.form, "name", "role", "lifetime").values)
        role = form["role"]
        days = {value: days for value, _, days in LIFETIMES}
        if role not in {value for value, _ in ROLES}:
            form.refuse("role", "Choose editor or viewer.")
        if form["lifetime"] not in days:
            form.refuse("lifetime", "Choose how long it is to work.")
        try:
            names.check_token_name(form["name"])
        except TextRefused as refused:
            form.refuse("name", sentence(refused))
        if not form.is_fine:
            return None
        return wiki_tokens.make(
            farm,
            chosen.record.slug,
            g.by,
            name=form["name"],
            role=Role(role),
            lifetime_days=days[form["lifetime"]],
        )

    def replace(chosen: Chosen, _form: Form) -> MadeToken:
        return wiki_tokens.replace_token(farm, chosen.record.slug, _token_id(), g.by)

    def revoke(chosen: Chosen, _form: Form) -> Done:
        wiki_tokens.revoke(farm, chosen.record.slug, _token_id(), g.by)
        return Done.TOKEN_REVOKED

    acts: dict[str, Callable[[Chosen, Form], MadeToken | Done | None]] = {
        "make": make,
        "replace": replace,
        "revoke": revoke,
    }

    @blueprint.get("/app/connect")
    def show() -> Response:
        return page(chosen_wiki(), empty_form())

    @blueprint.post("/app/connect")
    def change() -> Response:
        chosen, form = chosen_wiki(), empty_form()
        act = acts.get(request.form.get("do", ""))
        if act is None:
            return page(chosen, form, 400, "Nothing was changed: use a button of this page.")
        try:
            done = act(chosen, form)
        except (NoSuchToken, TokenLimit, LifetimeRefused) as refused:
            return page(chosen, form, 409, sentence(refused))
        if done is None:
            return page(chosen, form, 422)
        if isinstance(done, MadeToken):
            return page(chosen, empty_form(), 201, made=done)
        address = with_notice(url_for("connect.show"), done, wiki=chosen.record.slug)
        return redirect(address, 303)  # type: ignore[return-value]

    return blueprint


def _token_id() -> str:
    return request.form.get("token_id", "")
