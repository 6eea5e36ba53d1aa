"""Making a wiki on the root host: its address, its first token shown once, the limit."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest

from otterwiki_robot.installation import Installation
from otterwiki_robot.new_wiki import plain_text
from otterwiki_tenant import audit, clock, names, users, wikis
from otterwiki_tenant.audit import Action
from otterwiki_tenant.wikis import WikiRecord

from .made_farm import ALICE
from .root_visitor import ADDRESS, RootVisitor

Visit = Callable[..., RootVisitor]
FORM = {"name": "Carol's notes", "description": "What I read", "visibility": "private"}
_TOKEN = re.compile(r"rbt_[A-Za-z0-9]+_[A-Za-z0-9_-]+")


def record(installation: Installation, slug: str) -> WikiRecord | None:
    with installation.farm.database.reading() as session:
        return wikis.by_slug(session, slug)


def test_the_first_wiki_has_the_username_as_its_address(
    installation: Installation, visit: Visit, carol: str
) -> None:
    person = visit(carol)
    assert "You have no wiki yet" in person.get("/app/").text
    page = person.get("/app/create").text
    assert "http://carol.robot.localhost:8000/" in page
    assert 'name="slug"' not in page
    assert 'value="private" checked' in page
    answer = person.post("/app/create", {**FORM, "slug": "something-else"})
    assert answer.status_code == 201
    made = record(installation, "carol")
    assert made is not None and record(installation, "something-else") is None
    assert (made.display_name, made.description) == ("Carol's notes", "What I read")
    assert not made.is_public
    assert 'href="http://carol.robot.localhost:8000/"' in answer.text
    with installation.farm.database.reading() as session:
        entry = audit.of_wiki(session, made)[0]
    assert (entry.action, entry.address) == (Action.WIKI_CREATED, ADDRESS)
    assert entry.actor_did == names.development_did(carol)


def test_i4_the_token_is_shown_once_and_opens_the_wiki(
    installation: Installation, visit: Visit, carol: str
) -> None:
    person = visit(carol)
    answer = person.post("/app/create", FORM)
    tokens = set(_TOKEN.findall(answer.text))
    assert len(tokens) == 1
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Authorization: Bearer TOKEN" in answer.text
    token = tokens.pop()
    admission = installation.farm.admit_authorized("carol", f"Bearer {token}")
    assert admission.actor is not None
    assert admission.actor.did == names.development_did(carol)
    for path in ("/", "/app/", "/app/settings", "/app/activity", "/app/account", "/app/create"):
        assert token not in person.get(path).text


def test_i1_at_the_limit_the_page_says_what_to_do(
    installation: Installation, visit: Visit, carol: str
) -> None:
    person = visit(carol)
    token = person.token("/app/create")
    assert person.post("/app/create", FORM, page="/app/create").status_code == 201
    page = person.get("/app/create").text
    assert "as many as a person may have" in page and "<form" not in page
    sent_again = {**FORM, "slug": "carol-two", "form_token": token}
    again = person.post("/app/create", sent_again, page="/app/settings")
    assert again.status_code == 409
    assert "as many as a person may have" in again.text
    assert record(installation, "carol-two") is None
    for taken in ("alice", "bob"):  # a private wiki, a public one: told as the free address was
        told = person.post("/app/create", {**sent_again, "slug": taken}, page="/app/settings")
        assert (told.status_code, told.text.count("taken")) == (409, 0)
        assert told.text.replace(taken, "carol-two") == again.text


def test_who_has_no_handle_today_makes_a_wiki_under_their_did(
    installation: Installation, visit: Visit, carol: str
) -> None:
    farm, person = installation.farm, names.development_did(carol)
    with farm.database.writing() as session:
        users.release_handle(session, carol, names.development_did(ALICE), clock.now())
    assert visit(carol).post("/app/create", FORM).status_code == 201
    made = record(installation, "carol")
    assert made is not None
    repository = farm.opened(made).wiki.repository
    head = repository.head()
    assert head is not None
    assert repository.commit_object(head).author.startswith(person.encode() + b" <")
    first_page = repository.snapshot(head).read("Getting Started.md").decode()
    assert f"belongs to {plain_text(person)} and" in first_page


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": ""}, "The name is empty"),
        ({"description": "z" * 301}, "The description has 301 characters"),
        ({"visibility": ""}, "Choose who may read the wiki"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_all_is_kept(
    installation: Installation, visit: Visit, carol: str, changed: dict[str, str], words: str
) -> None:
    answer = visit(carol).post("/app/create", {**FORM, **changed})
    assert answer.status_code == 422
    assert words in answer.text
    for name, text in {**FORM, **changed}.items():
        if name != "visibility":
            assert text.replace("'", "&#39;") in answer.text
    assert record(installation, "carol") is None


def test_another_wiki_needs_an_address_of_its_own(installation: Installation, visit: Visit) -> None:
    farm = installation.farm
    farm.limits = dataclasses.replace(farm.limits, max_wikis=2)
    alice = visit(ALICE)
    assert 'name="slug"' in alice.get("/app/create").text
    for slug, words in (
        ("bob", "This address is taken."),
        ("alice", "This address is taken."),
        ("admin", "this name is reserved"),
        ("<b>", "only the lower-case letters"),
        ("", "only the lower-case letters"),
    ):
        answer = alice.post("/app/create", {**FORM, "slug": slug})
        assert answer.status_code == 422, slug
        assert words in answer.text, slug
        assert "<b>&#39;" not in answer.text
    assert alice.post("/app/create", {**FORM, "slug": "alice-two"}).status_code == 201
    assert record(installation, "alice-two") is not None


def test_a_public_wiki_is_made_public_when_chosen(
    installation: Installation, visit: Visit, carol: str
) -> None:
    assert visit(carol).post("/app/create", {**FORM, "visibility": "public"}).status_code == 201
    made = record(installation, "carol")
    assert made is not None and made.is_public and not made.is_listed
