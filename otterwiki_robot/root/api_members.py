"""/api/wikis/{slug}/members: who has which role on a wiki."""

from __future__ import annotations

from flask import Blueprint, Response, g, jsonify

from otterwiki_robot.documents import member_document
from otterwiki_tenant import acls, people, users
from otterwiki_tenant.access import Role
from otterwiki_tenant.errors import NoSuchCollaborator
from otterwiki_tenant.farm import Farm

from .api_body import read_body
from .chosen_wiki import choose


def add_routes(blueprint: Blueprint, farm: Farm) -> None:
    """Add them to the API's."""

    def did_of(slug: str, person: str) -> str:
        """The DID of a person named by handle or DID; asked by the wiki's owner only.

        Raises NoSuchWiki, OwnerOnly or NoSuchUser.
        """
        with farm.database.reading() as session:
            choose(session, g.person.did, slug)
            return users.get(session, person).did

    @blueprint.get("/wikis/<slug:slug>/members")
    def members(slug: str) -> Response:
        with farm.database.reading() as session:
            choose(session, g.person.did, slug, owner_only=False)
            found = acls.members(session, slug)
        return jsonify(members=[member_document(member) for member in found], total=len(found))

    @blueprint.put("/wikis/<slug:slug>/members/<person:person>")
    def set_member(slug: str, person: str) -> tuple[Response, int]:
        role = Role(read_body("role").one_of("role", Role.EDITOR, Role.VIEWER))
        did = did_of(slug, person)
        before = people.grant(farm, slug, did, role, g.by)
        with farm.database.reading() as session:
            found = [member for member in acls.members(session, slug) if member.did == did]
        if not found:
            raise NoSuchCollaborator("This person was removed again meanwhile")
        return jsonify(member_document(found[0])), 201 if before is None else 200

    @blueprint.delete("/wikis/<slug:slug>/members/<person:person>")
    def remove_member(slug: str, person: str) -> Response:
        did = did_of(slug, person)
        people.revoke(farm, slug, did, g.by)
        return jsonify(did=did, removed=True)
