"""/app/settings: a wiki's name, who may read it, whether it is listed, and its end."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for

from otterwiki_tenant import names, people
from otterwiki_tenant.errors import FarmBusy, NotPublic, TextRefused
from otterwiki_tenant.farm import Farm

from .chosen_wiki import Chosen, choose
from .forms import Form
from .notices import Done, with_notice
from .sentences import sentence

PUBLIC, PRIVATE = "public", "private"


def as_it_is(chosen: Chosen) -> Form:
    """The form filled with what the registry says."""
    record = chosen.record
    return Form(
        {
            "name": record.display_name,
            "description": record.description,
            "visibility": PUBLIC if record.is_public else PRIVATE,
            "listed": "yes" if record.is_listed else "",
        }
    )


def check_description(form: Form) -> None:
    """Note what is wrong with name and description."""
    checks = (("name", names.check_display_name), ("description", names.check_description))
    for field, check_text in checks:
        try:
            check_text(form[field])
        except TextRefused as refused:
            form.refuse(field, sentence(refused))


def check_visibility(form: Form, chosen: Chosen) -> None:
    """Note what is missing: opening a wiki to everybody takes a tick of its own."""
    if form["visibility"] not in (PUBLIC, PRIVATE):
        form.refuse("visibility", "Choose public or private.")
    elif (
        form["visibility"] == PUBLIC
        and not chosen.record.is_public
        and not form.is_ticked("history")
    ):
        form.refuse("history", "Tick this to make the wiki public.")


def check_deletion(form: Form, chosen: Chosen) -> None:
    """Deleting takes the wiki's address, typed."""
    if form["confirmation"] != chosen.record.slug:
        form.refuse("confirmation", f"Type {chosen.record.slug} to delete the wiki.")


def create_blueprint(farm: Farm) -> Blueprint:
    """The page and its four forms, told apart by the field `do`."""
    blueprint = Blueprint("wiki_settings", __name__)

    def chosen_wiki() -> Chosen:
        with farm.database.reading() as session:
            return choose(session, g.person.did, request.values.get("wiki"))

    def page(chosen: Chosen, form: Form, status: int = 200, problem: str = "") -> Response:
        text = render_template(
            "robot/wiki_settings.html", chosen=chosen, form=form, problem=problem
        )
        return make_response(text, status)

    def back(chosen: Chosen, done: Done) -> Response:
        address = with_notice(url_for("wiki_settings.show"), done, wiki=chosen.record.slug)
        return redirect(address, 303)  # type: ignore[return-value]

    def describe(chosen: Chosen, form: Form) -> Done | None:
        check_description(form)
        if not form.is_fine:
            return None
        people.describe_wiki(
            farm, chosen.record.slug, name=form["name"], description=form["description"], by=g.by
        )
        return Done.DESCRIBED

    def set_visibility(chosen: Chosen, form: Form) -> Done | None:
        check_visibility(form, chosen)
        if not form.is_fine:
            return None
        is_public = form["visibility"] == PUBLIC
        people.set_public(farm, chosen.record.slug, is_public, g.by)
        return Done.MADE_PUBLIC if is_public else Done.MADE_PRIVATE

    def set_listing(chosen: Chosen, form: Form) -> Done | None:
        wanted = form.is_ticked("listed")
        try:
            people.set_listed(farm, chosen.record.slug, wanted, g.by)
        except NotPublic as refused:
            form.refuse("listed", sentence(refused))
            return None
        return Done.LISTED if wanted else Done.UNLISTED

    def delete(chosen: Chosen, form: Form) -> Done | None:
        check_deletion(form, chosen)
        if not form.is_fine:
            return None
        farm.delete_wiki(chosen.record.slug, by=g.by)
        return Done.WIKI_DELETED

    acts: dict[str, tuple[Callable[[Chosen, Form], Done | None], tuple[str, ...]]] = {
        "describe": (describe, ("name", "description")),
        "visibility": (set_visibility, ("visibility", "history")),
        "listing": (set_listing, ("listed",)),
        "delete": (delete, ("confirmation",)),
    }

    @blueprint.get("/app/settings")
    def show() -> Response:
        chosen = chosen_wiki()
        return page(chosen, as_it_is(chosen))

    @blueprint.post("/app/settings")
    def change() -> Response:
        chosen = chosen_wiki()
        form = as_it_is(chosen)
        found = acts.get(request.form.get("do", ""))
        if found is None:
            return page(chosen, form, 400, "Nothing was changed: use a button of this page.")
        act, fields = found
        form.values.update(Form.of(request.form, *fields).values)
        try:
            done = act(chosen, form)
        except FarmBusy as busy:
            return page(chosen, form, 503, sentence(busy))
        if done is None:
            return page(chosen, form, 422, "Nothing was changed yet: see below.")
        if done is Done.WIKI_DELETED:
            return redirect(with_notice("/app/", done), 303)  # type: ignore[return-value]
        return back(chosen, done)

    return blueprint
