"""/api/wikis/{slug}/tokens: by what programs get into a wiki. A token's text is answered once."""

from __future__ import annotations

from flask import Blueprint, Response, g, jsonify

from otterwiki_robot.documents import token_document
from otterwiki_tenant import clock, token_store, wiki_tokens
from otterwiki_tenant.access import Role
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.wiki_tokens import MadeToken

from .api_body import read_body
from .chosen_wiki import choose


def add_routes(blueprint: Blueprint, farm: Farm) -> None:
    """Add them to the API's."""

    @blueprint.get("/wikis/<slug:slug>/tokens")
    def tokens(slug: str) -> Response:
        with farm.database.reading() as session:
            choose(session, g.person.did, slug)
            found = token_store.of_wiki(session, slug)
        now = clock.now()
        return jsonify(tokens=[token_document(item, now) for item in found], total=len(found))

    @blueprint.post("/wikis/<slug:slug>/tokens")
    def create_token(slug: str) -> tuple[Response, int]:
        body = read_body("name", "role", "expires_in_days")
        made = wiki_tokens.make(
            farm,
            slug,
            g.by,
            name=body.text("name") or "",
            role=Role(body.one_of("role", *wiki_tokens.ROLES)),
            lifetime_days=body.whole_number("expires_in_days"),
        )
        return _made(made), 201

    @blueprint.post("/wikis/<slug:slug>/tokens/<token_id:token_id>/replace")
    def replace_token(slug: str, token_id: str) -> tuple[Response, int]:
        return _made(wiki_tokens.replace_token(farm, slug, token_id, g.by)), 201

    @blueprint.delete("/wikis/<slug:slug>/tokens/<token_id:token_id>")
    def revoke_token(slug: str, token_id: str) -> Response:
        record = wiki_tokens.revoke(farm, slug, token_id, g.by)
        return jsonify(id=record.id, revoked=True)


def _made(made: MadeToken) -> Response:
    return jsonify({**token_document(made.listed, clock.now()), "token": made.text})
