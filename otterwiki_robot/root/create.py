"""/app/create: make one's wiki. Its first token is shown in the answer, and nowhere else."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, render_template, request

from otterwiki_robot.new_wiki import template_pages
from otterwiki_robot.settings import Settings
from otterwiki_tenant import wikis
from otterwiki_tenant.errors import (
    FarmBusy,
    LimitReached,
    NameRefused,
    NameTaken,
    WikiExists,
)
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.users import User

from .forms import Form
from .sentences import sentence
from .wiki_settings import PRIVATE, PUBLIC, check_description


def check(form: Form) -> None:
    """Note what can't be used of name, purpose and visibility."""
    check_description(form)
    if form["visibility"] not in (PUBLIC, PRIVATE):
        form.refuse("visibility", "Choose who may read the wiki.")


def create_blueprint(settings: Settings, farm: Farm) -> Blueprint:
    """The form and its answer."""
    blueprint = Blueprint("create", __name__)

    def slug_for(person: User) -> tuple[str | None, int]:
        """The address that is fixed for a first wiki, None where one is chosen; how many exist."""
        with farm.database.reading() as session:
            owned = wikis.owned_by(session, person.did)
        return (None if owned else person.username), len(owned)

    def page(form: Form, status: int = 200, problem: str = "") -> Response:
        slug, owned = slug_for(g.person)
        return make_response(
            render_template(
                "robot/create.html", form=form, slug=slug, owned=owned, problem=problem
            ),
            status,
        )

    def refused_address(form: Form, fixed: str | None, why: str) -> Response:
        if fixed:  # there is no field to correct: say it above the form
            return page(form, 409, why)
        form.refuse("slug", why)
        return page(form, 422)

    @blueprint.get("/app/create")
    def show() -> Response:
        return page(Form({"name": "", "description": "", "slug": "", "visibility": PRIVATE}))

    @blueprint.post("/app/create")
    def create() -> Response:
        form = Form.of(request.form, "name", "description", "slug", "visibility")
        check(form)
        fixed, _ = slug_for(g.person)
        if not form.is_fine:
            return page(form, 422)
        slug = fixed or form["slug"]
        try:
            made = farm.create_wiki(
                slug,
                owner_did=g.person.did,
                is_public=form["visibility"] == PUBLIC,
                display_name=form["name"],
                description=form["description"],
                template=template_pages(
                    settings,
                    slug=slug,
                    name=form["name"],
                    purpose=form["description"],
                    owner_handle=g.person.shown_name,
                ),
                max_wikis=farm.limits.max_wikis,
                by=g.by,
            )
        except LimitReached as refused:
            return page(form, 409, sentence(refused))
        except (NameTaken, WikiExists):  # one answer: whether a wiki is there is not told
            return refused_address(form, fixed, "This address is taken.")
        except NameRefused as refused:
            return refused_address(form, fixed, sentence(refused))
        except FarmBusy as refused:
            return page(form, 503, sentence(refused))
        return make_response(
            render_template(
                "robot/created.html",
                record=made.record,
                token=made.token,
            ),
            201,
        )

    return blueprint
