"""/app/collaborators: who works on a wiki, in which role; inviting, removing, leaving."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for

from otterwiki_tenant import acls, people, users
from otterwiki_tenant.access import Role
from otterwiki_tenant.acls import Member
from otterwiki_tenant.errors import (
    CollaboratorLimit,
    NameRefused,
    NoSuchCollaborator,
    NoSuchUser,
    RoleRefused,
)
from otterwiki_tenant.farm import Farm

from .chosen_wiki import Chosen, choose
from .forms import Form
from .notices import Done, with_notice
from .sentences import sentence

#: What can be given, with what it means.
ROLES = (
    (Role.EDITOR.value, "Editor: reads, writes and uploads"),
    (Role.VIEWER.value, "Viewer: only reads"),
)
_UNKNOWN = (
    "Nobody of that handle is known here. Ask them to sign in here once; then invite them again."
)
_BAD_HANDLE = "That is no handle. A handle looks like alice.example.com."


def parse_role(text: str) -> Role | None:
    """The role that a form asks for, None for anything that can't be given."""
    return Role(text) if text in {value for value, _ in ROLES} else None


def create_blueprint(farm: Farm) -> Blueprint:
    """The page and its forms, told apart by the field `do`."""
    blueprint = Blueprint("collaborators", __name__)

    def chosen_wiki(*, owner_only: bool) -> tuple[Chosen, list[Member]]:
        with farm.database.reading() as session:
            chosen = choose(
                session, g.person.did, request.values.get("wiki"), owner_only=owner_only
            )
            return chosen, acls.members(session, chosen.record.slug)

    def page(
        chosen: Chosen, members: list[Member], form: Form, status: int = 200, problem: str = ""
    ) -> Response:
        text = render_template(
            "robot/collaborators.html" if chosen.role is Role.OWNER else "robot/members.html",
            chosen=chosen,
            members=members,
            form=form,
            roles=ROLES,
            count=sum(member.role is not Role.OWNER for member in members),
            problem=problem,
        )
        return make_response(text, status)

    def empty_form() -> Form:
        return Form({"handle": "", "role": Role.EDITOR.value})

    def invite(chosen: Chosen, form: Form) -> Done | None:
        form.values.update(Form.of(request.form, "handle", "role").values)
        role = parse_role(form["role"])
        if role is None:
            form.refuse("role", "Choose editor or viewer.")
        if not form["handle"]:
            form.refuse("handle", "Type the handle of the person to invite.")
        if role is None or not form.is_fine:
            return None
        try:
            with farm.database.reading() as session:
                person = users.by_handle(session, form["handle"])
            if person is None or not person.is_active:
                form.refuse("handle", _UNKNOWN)
                return None
            people.grant(farm, chosen.record.slug, person.did, role, g.by)
        except NameRefused:
            form.refuse("handle", _BAD_HANDLE)
            return None
        except (CollaboratorLimit, RoleRefused) as refused:
            form.refuse("handle", sentence(refused))
            return None
        return Done.GRANTED

    def change_role(chosen: Chosen, form: Form) -> Done | None:
        role = parse_role(request.form.get("role", ""))
        if role is None:
            form.refuse("members", "Choose editor or viewer.")
            return None
        with farm.database.reading() as session:
            known = acls.role_of(session, chosen.record.slug, _subject())
        if known is None:
            raise NoSuchCollaborator("This person is no collaborator any more")
        people.grant(farm, chosen.record.slug, _subject(), role, g.by)
        return Done.ROLE_CHANGED

    def remove(chosen: Chosen, _form: Form) -> Done | None:
        people.revoke(farm, chosen.record.slug, _subject(), g.by)
        return Done.REVOKED

    acts: dict[str, Callable[[Chosen, Form], Done | None]] = {
        "invite": invite,
        "role": change_role,
        "remove": remove,
    }

    @blueprint.get("/app/collaborators")
    def show() -> Response:
        chosen, members = chosen_wiki(owner_only=False)
        return page(chosen, members, empty_form())

    @blueprint.post("/app/collaborators")
    def change() -> Response:
        chosen, members = chosen_wiki(owner_only=True)
        form = empty_form()
        act = acts.get(request.form.get("do", ""))
        if act is None:
            return page(
                chosen, members, form, 400, "Nothing was changed: use a button of this page."
            )
        try:
            done = act(chosen, form)
        except (NoSuchCollaborator, RoleRefused, NoSuchUser) as refused:
            return page(chosen, members, form, 409, sentence(refused))
        if done is None:
            return page(chosen, members, form, 422, form.errors.get("members", ""))
        slug = chosen.record.slug
        address = with_notice(url_for("collaborators.show"), done, wiki=slug)
        return redirect(address, 303)  # type: ignore[return-value]

    return blueprint


def _subject() -> str:
    return request.form.get("did", "")
