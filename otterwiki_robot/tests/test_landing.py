"""The front page and the terms: who sees what, with this farm's own numbers and contacts."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from otterwiki_robot.installation import Installation
from otterwiki_robot.settings import Settings
from otterwiki_tenant import people
from otterwiki_tenant.audit import OPERATOR
from otterwiki_tenant.signup import SignupPolicy

from .made_farm import ALICE
from .root_visitor import RootVisitor, make_app

HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"


def visitor(installation: Installation, **changed: Any) -> RootVisitor:
    """Somebody signed out, at a farm whose settings are changed so."""
    settings: Settings = dataclasses.replace(installation.settings, **changed)
    return RootVisitor(installation, make_app(with_settings(installation, settings)))


def with_settings(installation: Installation, settings: Settings) -> Installation:
    changed = Installation(settings)
    changed.__dict__["bare_farm"] = installation.bare_farm
    return changed


def test_strangers_see_wikis_that_are_public_and_wish_to_be_listed(
    installation: Installation,
) -> None:
    stranger = visitor(installation)
    assert "http://bob.robot.localhost:8000/" not in stranger.get("/").text  # public, not listed
    people.describe_wiki(installation.farm, "bob", "Bob's recipes", "For everybody", OPERATOR)
    people.set_listed(installation.farm, "bob", True, OPERATOR)
    page = stranger.get("/").text
    assert '<a class="name" href="http://bob.robot.localhost:8000/">Bob&#39;s recipes</a>' in page
    assert "For everybody" in page
    assert "alice" not in page
    people.set_public(installation.farm, "bob", False, OPERATOR)
    assert "bob" not in stranger.get("/").text


def test_suspended_wikis_and_those_of_suspended_people_are_not_listed(
    installation: Installation,
) -> None:
    people.set_listed(installation.farm, "bob", True, OPERATOR)
    stranger = visitor(installation)
    people.suspend_wiki(installation.farm, "bob")
    assert "bob" not in stranger.get("/").text
    people.resume_wiki(installation.farm, "bob")
    assert "bob" in stranger.get("/").text


def test_a_person_also_sees_their_own(installation: Installation) -> None:
    page = visitor(installation).sign_in(ALICE).get("/").text
    assert f"Signed in as {ALICE}" in page
    assert "http://alice.robot.localhost:8000/" in page
    assert "private" in page
    assert "Join" not in page


def test_the_limits_are_this_farms(installation: Installation) -> None:
    installation.bare_farm.limits = dataclasses.replace(
        installation.bare_farm.limits,
        max_wikis=2,
        max_pages=1234,
        max_collaborators=1,
        page_bytes=2_500_000,
        attachment_bytes=7_000_000,
        repository_bytes=40_000_000,
    )
    stranger = visitor(installation)
    page = stranger.get("/").text
    assert "2 wikis" in page and "up to 1234 pages" in page and "1 collaborator," in page
    terms = stranger.get("/terms").text
    for number in ("2 wikis", "1234 pages", "1 collaborator.", "2.5 MB", "7 MB", "40 MB"):
        assert number in terms, number


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (SignupPolicy.OPEN, "you can make your wiki at once"),
        (SignupPolicy.INVITE, "come by invitation"),
        (SignupPolicy.CLOSED, "No new people are taken"),
    ],
)
def test_the_front_page_says_who_may_join(
    installation: Installation, policy: SignupPolicy, words: str
) -> None:
    assert words in visitor(installation, signup=policy).get("/").text


@pytest.mark.parametrize(
    ("contact", "link"),
    [
        ("abuse@example.org", 'href="mailto:abuse@example.org"'),
        ("https://example.org/report", 'href="https://example.org/report"'),
    ],
)
def test_the_abuse_contact_is_on_every_page(
    installation: Installation, contact: str, link: str
) -> None:
    stranger = visitor(installation, abuse_contact=contact)
    for path in ("/", "/terms", "/auth/login"):
        assert link in stranger.get(path).text, path


def test_without_a_contact_no_page_offers_one(installation: Installation) -> None:
    stranger = visitor(installation)
    for path in ("/", "/terms"):
        page = stranger.get(path).text
        assert "mailto:" not in page and "Report abuse" not in page


def test_the_operators_own_terms_take_the_place_of_ours(installation: Installation) -> None:
    address = "https://example.org/terms?a=1&b=2"
    stranger = visitor(installation, terms_url=address)
    assert 'href="https://example.org/terms?a=1&amp;b=2"' in stranger.get("/").text
    answer = stranger.get("/terms")
    assert (answer.status_code, answer.headers["Location"]) == (302, address)
    assert 'href="/terms"' in visitor(installation).get("/").text


def test_g1_names_and_descriptions_of_others_are_only_text(installation: Installation) -> None:
    people.describe_wiki(installation.farm, "bob", HOSTILE, HOSTILE, OPERATOR)
    people.set_listed(installation.farm, "bob", True, OPERATOR)
    page = visitor(installation).get("/").text
    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;&#34;&#39;{{7*7}}") == 2


def test_a_notice_says_nothing_that_an_address_makes_up(installation: Installation) -> None:
    stranger = visitor(installation)
    assert "signed out in every browser" in stranger.get("/?done=signed-out-everywhere").text
    for made_up in ("<script>alert(1)</script>", "you-have-won", "", "SIGNED_OUT_EVERYWHERE"):
        page = stranger.get("/", query_string={"done": made_up}).text
        assert 'role="status"' not in page
        assert "you-have-won" not in page and "<script>alert" not in page
