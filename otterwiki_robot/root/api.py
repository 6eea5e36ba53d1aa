"""/api/: what the account pages do, for programs of the person who is signed in.

A wiki's tokens are for that wiki and open nothing here. The guards are those of the forms
(:mod:`.guards`), the rights those of the table in :mod:`.routes` and of each act itself. Refusals
are problem details (RFC 9457).
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, g, jsonify, request
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.routing import BaseConverter

from otterwiki_robot.documents import wiki_document
from otterwiki_robot.new_wiki import template_pages
from otterwiki_robot.settings import Settings
from otterwiki_tenant import names, people, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.errors import (
    LifetimeRefused,
    LimitReached,
    NameRefused,
    NameTaken,
    NoSuchCollaborator,
    NoSuchToken,
    TenantError,
    TextRefused,
    TokenRate,
    WikiExists,
)
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.wikis import WikiRecord

from . import api_document, api_members, api_tokens
from .api_body import read_body
from .chosen_wiki import choose
from .guards import form_token
from .messages import refusal
from .sentences import sentence


class SlugConverter(BaseConverter):
    """What may be a wiki's address."""

    regex = "[a-z0-9-]{1,63}"


class PersonConverter(BaseConverter):
    """A handle or a DID."""

    regex = "[A-Za-z0-9.:%_@-]{1,260}"


class TokenIdConverter(BaseConverter):
    """The public id of a token."""

    regex = "[0-9a-f]{16}"


def install(app: Flask, settings: Settings, farm: Farm) -> None:
    """Add the routes."""
    app.url_map.converters.update(
        slug=SlugConverter, person=PersonConverter, token_id=TokenIdConverter
    )
    app.register_blueprint(create_blueprint(settings, farm))


def create_blueprint(settings: Settings, farm: Farm) -> Blueprint:
    """All of it."""
    blueprint = Blueprint("api", __name__, url_prefix="/api")
    _map_errors(blueprint)
    api_members.add_routes(blueprint, farm)
    api_tokens.add_routes(blueprint, farm)

    def of_wiki(record: WikiRecord, role: Role) -> dict[str, object]:
        return {**wiki_document(settings, farm.limits, record), "role": role}

    @blueprint.get("/openapi.json")
    def document() -> Response:
        return jsonify(api_document.document(settings.root_url))

    @blueprint.get("/me")
    def me() -> Response:
        person = g.person
        return jsonify(
            did=person.did,
            handle=person.handle,
            username=person.username,
            display_name=person.display_name,
            created_at=person.created_at,
            wikis=person.wiki_count,
            max_wikis=farm.limits.max_wikis,
            csrf_token=form_token(farm),
        )

    @blueprint.get("/wikis", endpoint="wikis")
    def list_wikis() -> Response:
        with farm.database.reading() as session:
            mine = [(record, Role.OWNER) for record in wikis.owned_by(session, g.person.did)]
            mine += wikis.shared_with(session, g.person.did)
        return jsonify(wikis=[of_wiki(record, role) for record, role in mine], total=len(mine))

    @blueprint.post("/wikis")
    def create_wiki() -> tuple[Response, int, dict[str, str]]:
        body = read_body("slug", "name", "description", "public")
        slug = names.check_slug(_address(farm, body.text("slug")))
        description = names.check_description(body.text("description") or "")
        name = body.text("name")
        name = names.check_display_name(slug if name is None else name)
        made = farm.create_wiki(
            slug,
            owner_did=g.person.did,
            is_public=bool(body.flag("public")),
            display_name=name,
            description=description,
            template=template_pages(
                settings,
                slug=slug,
                name=name,
                purpose=description,
                owner_handle=g.person.shown_name,
            ),
            max_wikis=farm.limits.max_wikis,
            by=g.by,
        )
        location = f"/api/wikis/{made.record.slug}"
        answer = jsonify({**of_wiki(made.record, Role.OWNER), "token": made.token})
        return answer, 201, {"Location": location}

    @blueprint.get("/wikis/<slug:slug>")
    def wiki(slug: str) -> Response:
        with farm.database.reading() as session:
            chosen = choose(session, g.person.did, slug, owner_only=False)
        return jsonify(of_wiki(chosen.record, chosen.role))

    @blueprint.patch("/wikis/<slug:slug>")
    def change_wiki(slug: str) -> Response:
        body = read_body("name", "description", "public", "listed")
        changed = people.change_wiki(
            farm,
            slug,
            g.by,
            name=body.text("name"),
            description=body.text("description"),
            is_public=body.flag("public"),
            is_listed=body.flag("listed"),
        )
        return jsonify(of_wiki(changed, Role.OWNER))

    @blueprint.delete("/wikis/<slug:slug>")
    def delete_wiki(slug: str) -> Response:
        with farm.database.reading() as session:
            choose(session, g.person.did, slug)
        if request.args.get("confirm") != slug:
            raise UnprocessableEntity(
                "This deletes all pages and their history for good. To do it, repeat the wiki's"
                f" address: ?confirm={slug}."
            )
        farm.delete_wiki(slug, by=g.by)
        return jsonify(slug=slug, deleted=True)

    return blueprint


def _address(farm: Farm, wanted: str | None) -> str:
    """The address of a new wiki: the first one's is its owner's username."""
    with farm.database.reading() as session:
        is_first = not wikis.owned_by(session, g.person.did)
    if is_first and wanted not in (None, g.person.username):
        raise UnprocessableEntity(
            f"The address of your first wiki is your username, {g.person.username}: leave slug out."
        )
    if not is_first and wanted is None:
        raise UnprocessableEntity("slug is missing: the address of the wiki.")
    return str(g.person.username) if wanted is None else wanted


def _map_errors(blueprint: Blueprint) -> None:
    """What is said otherwise here than on the pages, where a refusal stands beside its field."""

    @blueprint.errorhandler(TextRefused)
    @blueprint.errorhandler(LifetimeRefused)
    @blueprint.errorhandler(NameRefused)
    def unprocessable(error: TenantError) -> Response:
        return refusal("Not possible", sentence(error), 422, "unprocessable_entity")

    @blueprint.errorhandler(NoSuchCollaborator)
    @blueprint.errorhandler(NoSuchToken)
    def not_found(error: TenantError) -> Response:
        return refusal("Not found", sentence(error), 404, "not_found")

    @blueprint.errorhandler(LimitReached)
    def limit_reached(error: LimitReached) -> Response:
        return refusal("Not possible", sentence(error), 409, "limit_reached")

    @blueprint.errorhandler(TokenRate)
    def too_fast(error: TokenRate) -> Response:
        answer = refusal("Too many", sentence(error), 429, "too_many_tokens")
        answer.headers["Retry-After"] = "300"
        return answer

    @blueprint.errorhandler(NameTaken)
    @blueprint.errorhandler(WikiExists)
    def taken(_error: TenantError) -> Response:  # whether a wiki is there is not told
        return refusal("Not possible", "This address is taken.", 409, "taken")
